"""The data files of a study: one path, a pattern of names, an address, or a list of these."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from glob import escape, glob, has_magic
from pathlib import Path

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.addresses import Address, Location, location_of
from fieldsharp.fields.files.content_hash import file_sha256


@dataclass(frozen=True)
class DataFiles:
    """What ``data.path`` names.

    Attributes:
        given: Its entries, as they were given.
    """

    given: tuple[str, ...]

    @classmethod
    def of(cls, path: str | Sequence[str]) -> "DataFiles":
        """Return the files that a setting names."""
        return cls((path,) if isinstance(path, str) else tuple(path))

    def __str__(self) -> str:
        if len(self.given) == 1:
            return self.given[0]
        return f"{self.given[0]} and {len(self.given) - 1} more"

    @property
    def name(self) -> str:
        """The names without folders, for people."""
        names = [location_of(entry).name for entry in self.given]
        return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"

    def locations(self) -> tuple[Location, ...]:
        """Return each file once; those of a pattern are sorted by name.

        A file whose own name holds such signs is that file. Whether other files exist is not
        looked at.

        Raises:
            DataError: If no file fits a pattern.
        """
        found: dict[Location, None] = {}
        for entry in self.given:
            found |= dict.fromkeys(_expanded(entry))
        return tuple(found)

    def local(self) -> tuple[Path, ...]:
        """Return the files and folders of this machine, without addresses.

        Raises:
            DataError: If no file fits a pattern.
        """
        return tuple(one for one in self.locations() if isinstance(one, Path))

    def exist(self) -> bool:
        """Return whether all of them are there; an address counts if a store is found at it.

        Raises:
            DataError: If an address cannot be reached, or needs a package that is missing.
        """
        try:
            locations = self.locations()
        except DataError:  # no file fits a pattern
            return False
        return all(_exists(one) for one in locations)

    def sha256(self) -> str:
        """Return the SHA-256 of the contents.

        Of a single file it is that of ``file_sha256``, of a store at an address that of
        ``store_sha256``. Of several it is that of their names and hashes, in their order; names are
        relative to the folder that all of them are in.

        Raises:
            DataError: If no file fits a pattern, or an address cannot be read.
        """
        locations = self.locations()
        if len(locations) == 1:
            return _sha256(locations[0])
        digest = hashlib.sha256()
        folders = [one.resolve().parent for one in locations if isinstance(one, Path)]
        common = os.path.commonpath(folders) if folders else ""
        for one in locations:
            name = one.name if isinstance(one, Address) else os.path.relpath(one.resolve(), common)
            digest.update(f"{name}\0{_sha256(one)}\0".encode())
        return digest.hexdigest()


def absolute(entry: str, folder: Path) -> str:
    """Return an entry of ``data.path`` that is relative to a folder as an absolute one.

    Raises:
        OSError: If it is no path.
        RuntimeError: If it names the home of nobody.
        ValueError: If it is no path.
    """
    location = location_of(entry)
    if isinstance(location, Address):
        return entry
    whole = (folder / location.expanduser()).resolve()
    if has_magic(entry) and not location.is_absolute() and not whole.exists():
        # Signs in the name of the folder are no pattern.
        return str((Path(escape(str(folder))) / location.expanduser()).resolve())
    return str(whole)


def _expanded(entry: str) -> list[Location]:
    location = location_of(entry)
    if isinstance(location, Address):
        if "*" in entry:
            raise DataError(
                f"data.path {entry} is a pattern at an address, and patterns are of files of this "
                "machine; list the addresses, as data.path=[FIRST,SECOND]"
            )
        return [location]
    if not has_magic(str(location)) or location.exists():
        return [location]
    # Signs in the name of a folder that is there are no pattern.
    folder = next((one for one in location.parents if one.exists()), Path())
    pattern = Path(escape(str(folder))) / location.relative_to(folder)
    found = sorted(glob(str(pattern), recursive=True))  # noqa: PTH207 - of absolute patterns too
    if not found:
        raise DataError(
            f"no file fits data.path {entry}; check the pattern: * is any part of a name, ? one "
            "sign, [ab] one of these, ** any folders"
        )
    return [Path(name) for name in found]


def _exists(location: Location) -> bool:
    if isinstance(location, Path):
        return location.exists()
    from fieldsharp.fields.files.zarr_addresses import is_store  # here: it imports xarray

    return is_store(location)


def _sha256(location: Location) -> str:
    if isinstance(location, Path):
        return file_sha256(location)
    from fieldsharp.fields.files.zarr_addresses import store_sha256

    return store_sha256(location)
