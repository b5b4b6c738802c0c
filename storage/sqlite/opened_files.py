"""Whether the files of a database that a process has open are still at their names.

A process goes on reading or writing files that were removed, moved or replaced, unnoticed: what it
writes is lost when it ends, and what it reads is old, or pieces of two states.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fieldsharp.core.errors import DatabaseDamaged, StorageError
from fieldsharp.storage.errors.hints import restore_advice
from fieldsharp.storage.errors.messages import storage_error
from fieldsharp.storage.location.url import sqlite_path
from fieldsharp.storage.sqlite.file import beside, can_be_written
from fieldsharp.storage.sqlite.file_identity import descriptor_of, file_identity
from fieldsharp.storage.sqlite.single_name import require_name


class OpenedFiles:
    """The database file and its log as they were when this was made, or first seen.

    Args:
        url: The database; one that is in no file is never lost.

    Raises:
        StorageUnavailable: If they cannot be looked at.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.path = sqlite_path(url)
        self._log: dict[Path, int] = {}
        with self._disk_answers():
            self._file = None if self.path is None else file_identity(self.path)
            # Who may not write opens a database without its log where nobody writes to it.
            self._has_log = self.path is not None and can_be_written(self.path)
        self.log_is_lost()  # takes in which log it is

    @property
    def index(self) -> int | None:
        """A descriptor on the index of the log that is open, None before there is one."""
        return None if self.path is None else self._log.get(beside(self.path)[1])

    def file_is_lost(self) -> bool:
        """Return whether the database file was removed, moved or replaced.

        Raises:
            StorageUnavailable: If it cannot be looked at.
        """
        with self._disk_answers():
            return self.path is not None and file_identity(self.path) != self._file

    def log_is_lost(self) -> bool:
        """Return whether the log or its index was removed, moved or replaced.

        Raises:
            StorageUnavailable: If they cannot be looked at.
        """
        if self.path is None or not self._has_log:
            return False
        with self._disk_answers():
            return any(self._is_lost(path) for path in beside(self.path)[:2])

    def has_another_log(self) -> bool:
        """Return whether another log with content was put in the place of the one that is open.

        Raises:
            StorageUnavailable: If it cannot be looked at.
        """
        assert self.path is not None, "what is in no file has no log"
        log = beside(self.path)[0]
        with self._disk_answers():
            return self._is_lost(log) and log.exists() and log.stat().st_size > 0

    def log_is_empty(self) -> bool:
        """Return whether nothing is in the log that is open: all of it is in the database."""
        assert self.path is not None, "what is in no file has no log"
        descriptor = self._log.get(beside(self.path)[0])
        return descriptor is None or os.fstat(descriptor).st_size == 0

    def begin_a_new_log(self) -> None:
        """Take the next log that is seen for the one that is open."""
        self._log.clear()

    def require(self) -> None:
        """Check that what is read is what others find under the name of the database.

        Raises:
            ConfigError: If it is written to by another of its names.
            DatabaseDamaged: If the database file was removed or replaced.
            StorageError: If its log was.
            StorageUnavailable: If they cannot be looked at.
        """
        if self.path is None:
            return
        if self.file_is_lost():
            if not self.path.exists():
                advice = restore_advice(self._url, otherwise="start anew")
                raise DatabaseDamaged(
                    f"the database {self.path} was removed while it was in use; {advice}"
                )
            raise DatabaseDamaged(
                f"another file was put in the place of the database {self.path} while it was in "
                "use; see which of them you want there, then run the same command again"
            )
        require_name(self._url, self.path)
        if self.log_is_lost():
            raise StorageError(
                f"the log of the database {self.path} was removed while it was in use, and what is "
                "read from here may be old; run the same command again"
            )

    def _is_lost(self, path: Path) -> bool:
        found = file_identity(path)
        if found is not None and path not in self._log:
            self._log[path] = descriptor_of(path, writable=False)
        descriptor = self._log.get(path)
        if descriptor is None:
            return False
        known = os.fstat(descriptor)
        return found != (known.st_dev, known.st_ino)

    @contextmanager
    def _disk_answers(self) -> Iterator[None]:
        """Have files that cannot be looked at count as a database that is away for a while."""
        try:
            yield
        except OSError as error:
            reason = f"{error.filename}: {error.strerror}"
            raise storage_error(self._url, reason, away=True) from error
