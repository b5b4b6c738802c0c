"""Copies checkpoints between machines: the same folders, in an object store or shared file system.

The folders next to the database stay authoritative. A worker on a machine without access to them
has its own, whose checkpoints are copied to the mirror, from which the coordinator copies them.
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
from fieldsharp.storage.location.passwords import mask_password
from fieldsharp.storage.trial_files.checkpoints import attempt_folder

_CHECKPOINT = re.compile(r"(?:[\w-]+/)*attempt-\d{4}/epoch-\d{6}")


class CheckpointSync:
    """A mirror of checkpoint folders, at an address that fsspec knows.

    Every method that copies or removes files raises ``OSError`` if that fails.

    Attributes:
        url: The address, such as ``s3://bucket/folder``, without a password.

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
        """Check that a file in the mirror can be written, read and removed.

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
        """Copy a trial's checkpoints to the mirror, then remove others of attempts up to this one.

        Older checkpoints are still in the mirror if it fails.
        """
        local = {path.relative_to(folder).as_posix(): path for path in _checkpoints(folder)}
        with _as_os_errors():
            mirrored = self._names(name)
            # The newest first: the worker goes on meanwhile, and removes older ones.
            for part in sorted(local.keys() - mirrored, reverse=True):
                try:
                    content = local[part].read_bytes()
                except FileNotFoundError:
                    continue
                target = f"{self._root}/{name}/{part}"
                self._make_folder(target)
                self._files.pipe_file(target, content)
            for part in sorted(mirrored - local.keys()):
                if part >= attempt_folder(Path(), attempt + 1).as_posix():
                    continue
                self._files.rm_file(f"{self._root}/{name}/{part}")

    def pull(self, name: str, folder: Path) -> None:
        """Copy missing checkpoints of a trial, or of several, from the mirror to a folder.

        The folder is made if there are checkpoints.
        """
        with _as_os_errors():
            for part in sorted(self._names(name)):
                target = folder / part
                if not target.exists():
                    make_private_folder(target.parent)
                    write_durably(target, self._files.cat_file(f"{self._root}/{name}/{part}"))

    def remove(self, name: str) -> None:
        """Remove the checkpoints of a trial from the mirror, if there are any."""
        with _as_os_errors():
            if self._files.exists(f"{self._root}/{name}"):
                self._files.rm(f"{self._root}/{name}", recursive=True)

    def leave_mark(self) -> str:
        """Write a mark by which another machine can tell that it has the same mirror.

        Returns:
            Its name, to ``remove`` it by.
        """
        name = f"mark-{uuid4().hex}"
        path = f"{self._root}/{name}/file"
        with _as_os_errors():
            self._make_folder(path)
            self._files.pipe_file(path, b"here")
        return name

    def sees(self, mark: str) -> bool:
        """Return whether the mirror has a mark that was left, perhaps on another machine."""
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
        # Others may write to it: a name that leads out of the folder is not a checkpoint's.
        return {part for part in parts if _CHECKPOINT.fullmatch(part)}

    def _make_folder(self, path: str) -> None:
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)


def _checkpoints(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("epoch-*"):
        if path.is_file() and not path.is_symlink():
            yield path


@contextmanager
def _as_os_errors() -> Iterator[Any]:
    """Map the errors of object store libraries to OSError."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
