"""Addresses of Zarr stores elsewhere, such as ``s3://bucket/era5.zarr``, as fsspec opens them."""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldsharp.core.errors import DataError
from fieldsharp.core.printable import printable

ADDRESS = re.compile(r"[a-z][a-z0-9+_.-]*(?:::[a-z][a-z0-9+_.-]*)*://", re.IGNORECASE)
"""How an address begins: a protocol, or several that are chained, such as ``simplecache::s3``."""
LOCAL = ("file", "local")
"""Protocols of files of this machine."""
PASSWORD = re.compile(r"://[^/@\s]*:[^/@\s]*@")


@dataclass(frozen=True)
class Address:
    """A Zarr store that is read through fsspec.

    Attributes:
        url: With its protocol.
    """

    url: str

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """The last part, without what follows a question mark."""
        return self.url.partition("?")[0].rstrip("/").rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return Path(self.name).stem

    @property
    def suffix(self) -> str:
        """Of the name."""
        return Path(self.name).suffix

    def opened(self, *, asynchronous: bool = False) -> tuple[Any, str]:
        """Return fsspec's file system and the path in it.

        Raises:
            DataError: If a package is missing, the protocol is unknown, or the address is one that
                is refused.
        """
        import fsspec
        from fsspec.core import split_protocol

        self._require_allowed()
        try:
            system, path = fsspec.url_to_fs(self.url, asynchronous=asynchronous)
        except ImportError as error:
            package = getattr(error.__cause__, "name", None) or split_protocol(self.url)[0]
            raise DataError(
                f"data.path {self} needs the package {package}, which is not installed; install it "
                f"with python -m pip install {package}"
            ) from error
        except Exception as error:
            reason = printable(" ".join(str(error).split()))
            raise DataError(
                f"data.path {self} cannot be opened ({type(error).__name__}: {reason}); give the "
                "address of a Zarr store as fsspec takes it, such as s3://bucket/store.zarr"
            ) from error
        return system, str(path)

    def _require_allowed(self) -> None:
        protocols = self.url.partition("://")[0].lower().split("::")
        if "reference" in protocols:
            raise DataError(
                f"data.path {self} lists pieces of other files (kerchunk), and a data file that "
                "reads other files is refused; write all of it into a Zarr store of its own"
            )
        if PASSWORD.search(self.url):
            host = PASSWORD.sub("://", self.url)
            raise DataError(
                f"data.path holds a password, which would be stored with the study; give {host} "
                "and the password in a file of ~/.config/fsspec"
            )


Location = Path | Address
"""Where a file or a store is."""


def is_address(text: str) -> bool:
    """Return whether a text is an address and no path of this machine."""
    return ADDRESS.match(text) is not None


def location_of(text: str) -> Location:
    """Return the path or the address that a text names."""
    protocol, _, rest = text.partition("://")
    if is_address(text) and protocol.lower() not in LOCAL:
        return Address(text)
    return Path(rest if is_address(text) else text)


def to_fetch(url: str, name: str) -> str:
    """Return the command that fetches what is at an address."""
    code = (
        f"import fsspec; f, p = fsspec.url_to_fs({json.dumps(url)}); "
        f"f.get(p, {json.dumps(name)}, recursive=True)"
    )
    return f"python -c {shlex.quote(code)}"
