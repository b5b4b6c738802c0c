"""Whether the open files of a database are still those at their paths.

A process goes on reading or writing files that were removed, moved or replaced, unnoticed: what it
writes is lost when it ends, and what it reads is old, or pieces of two states.

The index of the write-ahead log (``-shm``) also tells which states readers use. A checkpoint that a
reader of an older state holds up copies only some pages, and the database file is then no whole
database without its log. So the end of such a reader is awaited before a checkpoint begins. The
layout of the index is documented: https://www.sqlite.org/walformat.html
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fieldsharp.core.errors import DatabaseDamaged, StorageError
from fieldsharp.storage.errors.messages import removed_in_use, storage_error
from fieldsharp.storage.location.url import sqlite_path
from fieldsharp.storage.sqlite.file import (
    can_be_written,
    file_identity,
    open_descriptor,
    sidecar_files,
)
from fieldsharp.storage.sqlite.inode_locks import is_locked
from fieldsharp.storage.sqlite.single_name import require_single_name

_HEADER = struct.Struct("=16xI76xI5I")
"""Last frame of the log, frames copied into the database, last frame for each reader slot."""
_READER_LOCKS = 123
"""Offset of the lock byte of the first slot."""


class OpenedFiles:
    """The database file when it was opened, and the log and its index when they first existed.

    A database on a server is never lost.

    Raises:
        StorageUnavailable: If the disk does not answer; also by every method.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.path = sqlite_path(url)
        self._log: dict[Path, int] = {}
        with self._disk_errors():
            self._file = None if self.path is None else file_identity(self.path)
            # A reader without write permission opens a database that is not in use without a log.
            self._has_log = self.path is not None and can_be_written(self.path)
        self.log_is_lost()  # opens the log and its index

    def file_is_lost(self) -> bool:
        """Return whether the database file was removed, moved or replaced."""
        with self._disk_errors():
            return self.path is not None and file_identity(self.path) != self._file

    def log_is_lost(self) -> bool:
        """Return whether the log or its index was removed, moved or replaced."""
        if self.path is None or not self._has_log:
            return False
        with self._disk_errors():
            return any(self._is_lost(path) for path in sidecar_files(self.path)[:2])

    def has_another_log(self) -> bool:
        """Return whether the open log was replaced by another one with content."""
        assert self.path is not None, "a database on a server has no log file"
        log = sidecar_files(self.path)[0]
        with self._disk_errors():
            return self._is_lost(log) and log.exists() and log.stat().st_size > 0

    def log_is_empty(self) -> bool:
        """Return whether the open log is empty: all changes are in the database file."""
        assert self.path is not None, "a database on a server has no log file"
        descriptor = self._log.get(sidecar_files(self.path)[0])
        return descriptor is None or os.fstat(descriptor).st_size == 0

    def forget_log(self) -> None:
        """Accept the next log as the one that is open."""
        self._log.clear()

    def older_state_is_read(self) -> bool:
        """Return whether another process reads a state of the database that is not the newest.

        False where the index cannot be read.
        """
        index = None if self.path is None else self._log.get(sidecar_files(self.path)[1])
        if index is None:
            return False
        try:
            last, _, *marks = _HEADER.unpack(os.pread(index, _HEADER.size, 0))
            return any(
                mark < last and is_locked(index, _READER_LOCKS + slot, 1, command="F_GETLK")
                for slot, mark in enumerate(marks)
                if slot > 0  # the first reads the file alone, and blocks a whole checkpoint
            )
        except (OSError, struct.error):
            return False

    def require_current(self) -> None:
        """Check that the open files are those that other processes find at their paths.

        Raises:
            ConfigError: If another process writes to it under another of its names.
            DatabaseDamaged: If the database file was removed or replaced.
            StorageError: If its log was.
        """
        if self.path is None:
            return
        if self.file_is_lost():
            if not self.path.exists():
                raise removed_in_use(self._url, self.path)
            raise DatabaseDamaged(
                f"another file was put in the place of the database {self.path} while it was in "
                "use; see which of them you want there, then run the same command again"
            )
        require_single_name(self._url, self.path)
        if self.log_is_lost():
            raise StorageError(
                f"the log of the database {self.path} was removed while it was in use, and what is "
                "read from here may be old; run the same command again"
            )

    def _is_lost(self, path: Path) -> bool:
        current = file_identity(path)
        if current is not None and path not in self._log:
            self._log[path] = open_descriptor(path, writable=False)
        descriptor = self._log.get(path)
        if descriptor is None:
            return False
        known = os.fstat(descriptor)
        return current != (known.st_dev, known.st_ino)

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        """Report a disk that does not answer as a database that is unavailable for a while."""
        try:
            yield
        except OSError as error:
            reason = f"{error.filename}: {error.strerror}"
            raise storage_error(self._url, reason, away=True) from error
