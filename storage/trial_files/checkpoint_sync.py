"""Checkpoints on their way between machines: the same folders, in an object store or anywhere else.

The folders beside the database stay what counts. A worker on a machine that does not see them has
its own, and what it writes there is copied to the mirror, from which the coordinator takes it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.durable_files.atomic import make_private_folder, write_durably
from fieldsharp.storage.location.url import mask_password
from fieldsharp.storage.trial_files.checkpoints import attempt_folder

_CHECKPOINT = re.compile(r"(?:[\w-]+/)*attempt-\d{4}/epoch-\d{6}")


class CheckpointSync:
    """Folders of trials at an address that fsspec knows.

    Args:
        address: Such as ``s3://bucket/folder``.

    Attributes:
        url: The address, without a password.

    Raises:
        ConfigError: If fsspec does not know it, or a package that it needs is not installed.
    """

    def __init__(self, address: str) -> None:
        self.url = mask_password(address)
        try:
            self._files, root = fsspec.core.url_to_fs(address, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise ConfigError(
                f"ray.checkpoints is {self.url}, which cannot be used ({error}); give an address "
                "that fsspec knows, or install what it asks for"
            ) from error
        self._root = str(root).rstrip("/")

    def require_writable(self) -> None:
        """Check that what is written can be read again, and leave nothing.

        Raises:
            ConfigError: If it cannot.
        """
        path, content = f"{self._root}/try-{uuid4().hex}/file", b"whole"
        try:
            with _as_os_errors():
                self._make_folder(path)
                self._files.pipe_file(path, content)
                found = self._files.cat_file(path)
                self._files.rm(path.rpartition("/")[0], recursive=True)
            if found != content:
                raise OSError("what was written is not what is read")
        except OSError as error:
            raise ConfigError(
                f"ray.checkpoints {self.url} cannot be written ({error}); choose a place that "
                "every node can write to"
            ) from error

    def push(self, folder: Path, name: str, attempt: int) -> None:
        """Have the mirror hold what a folder holds, and no more of this attempt or earlier ones.

        Args:
            folder: Of a trial's checkpoints, attempt by attempt.
            name: Its name in the mirror.
            attempt: Who writes; what later attempts wrote is theirs.

        Raises:
            OSError: If that fails; what it held is still there.
        """
        here = {path.relative_to(folder).as_posix(): path for path in _checkpoints(folder)}
        with _as_os_errors():
            there = self._names(name)
            # The newest first: meanwhile the worker goes on and removes older ones.
            for part in sorted(here.keys() - there, reverse=True):
                try:
                    content = here[part].read_bytes()
                except FileNotFoundError:
                    continue
                target = f"{self._root}/{name}/{part}"
                self._make_folder(target)
                self._files.pipe_file(target, content)
            for part in sorted(there - here.keys()):
                if part >= attempt_folder(Path(), attempt + 1).as_posix():
                    continue
                self._files.rm_file(f"{self._root}/{name}/{part}")

    def pull(self, name: str, folder: Path) -> None:
        """Add to a folder what the mirror holds.

        Args:
            name: Of a trial's checkpoints in the mirror, or of a folder of such.
            folder: Where they go; made if there is something to lay down.

        Raises:
            OSError: If that fails.
        """
        with _as_os_errors():
            for part in sorted(self._names(name)):
                target = folder / part
                if not target.exists():
                    make_private_folder(target.parent)
                    write_durably(target, self._files.cat_file(f"{self._root}/{name}/{part}"))

    def remove(self, name: str) -> None:
        """Remove the checkpoints of a trial; there may be none.

        Raises:
            OSError: If that fails.
        """
        with _as_os_errors():
            if self._files.exists(f"{self._root}/{name}"):
                self._files.rm(f"{self._root}/{name}", recursive=True)

    def leave_mark(self) -> str:
        """Leave something by which another machine can tell that it sees this very place.

        Returns:
            Its name, to ``remove`` it by.

        Raises:
            OSError: If that fails.
        """
        name = f"mark-{uuid4().hex}"
        path = f"{self._root}/{name}/file"
        with _as_os_errors():
            self._make_folder(path)
            self._files.pipe_file(path, b"here")
        return name

    def sees(self, mark: str) -> bool:
        """Return whether what was left, perhaps on another machine, is here."""
        try:
            with _as_os_errors():
                return bool(self._files.exists(f"{self._root}/{mark}/file"))
        except OSError:
            return False

    def _names(self, name: str) -> set[str]:
        root = f"{self._root}/{name}"
        try:
            found = self._files.find(root)
        except FileNotFoundError:
            return set()
        parts = {str(path).rpartition(f"{name}/")[2] for path in found}
        # Others may write there: a name that leads out of the folder is none of ours.
        return {part for part in parts if _CHECKPOINT.fullmatch(part)}

    def _make_folder(self, path: str) -> None:
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)


def _checkpoints(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("epoch-*"):
        if path.is_file() and not path.is_symlink():
            yield path


@contextmanager
def _as_os_errors() -> Iterator[Any]:
    """Turn what the libraries of object stores raise into what a disk raises."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
