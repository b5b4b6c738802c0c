"""Whether the files of a database that a process has open are still at their names.

A process goes on reading or writing files that were removed, moved or replaced, unnoticed: what it
writes is lost when it ends, and what it reads is old, or pieces of two states.
"""

from pathlib import Path

from fields.errors import DatabaseDamaged, StorageError
from storage.advice import restore_advice
from storage.database_file import FileIdentity, file_identity
from storage.sqlite_file import beside, can_be_written
from storage.url import sqlite_path


class OpenedFiles:
    """The database file and its log as they were when this was made, or first seen.

    Args:
        url: The database; one that is in no file is never lost.

    Raises:
        OSError: If they cannot be looked at.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.path = sqlite_path(url)
        self._file = None if self.path is None else file_identity(self.path)
        self._log: dict[Path, FileIdentity] = {}
        # Who may not write opens a database without its log where nobody writes to it.
        self._has_log = self.path is not None and can_be_written(self.path)
        self.log_is_lost()  # takes in which log it is

    def file_is_lost(self) -> bool:
        """Return whether the database file was removed, moved or replaced.

        Raises:
            OSError: If it cannot be looked at.
        """
        return self.path is not None and file_identity(self.path) != self._file

    def log_is_lost(self) -> bool:
        """Return whether the log or its index was removed, moved or replaced.

        Raises:
            OSError: If they cannot be looked at.
        """
        if self.path is None or not self._has_log:
            return False
        for path in beside(self.path)[:2]:
            found = file_identity(path)
            if found is not None:
                self._log.setdefault(path, found)
            if found != self._log.get(path):
                return True
        return False

    def has_another_log(self) -> bool:
        """Return whether something was put in the place of the log."""
        assert self.path is not None, "what is in no file has no log"
        log = beside(self.path)[0]
        found = file_identity(log)
        return found is not None and found != self._log.get(log)

    def begin_a_new_log(self) -> None:
        """Take the next log that is seen for the one that is open."""
        self._log.clear()

    def require(self) -> None:
        """Check that what is read is what others find under the name of the database.

        Raises:
            DatabaseDamaged: If the database file was removed or replaced.
            StorageError: If its log was.
            OSError: If they cannot be looked at.
        """
        if self.file_is_lost():
            assert self.path is not None, "what is in no file is not lost"
            if file_identity(self.path) is None:
                advice = restore_advice(self._url, otherwise="start anew")
                raise DatabaseDamaged(
                    f"the database {self.path} was removed while it was in use; {advice}"
                )
            raise DatabaseDamaged(
                f"another file was put in the place of the database {self.path} while it was in "
                "use; see which of them you want there, then run the same command again"
            )
        if self.log_is_lost():
            raise StorageError(
                f"the log of the database {self.path} was removed while it was in use, and what is "
                "read from here may be old; run the same command again"
            )
