"""One coordinator per study: an exclusive lock on a file beside the database."""

import fcntl
import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from fields.errors import StudyError
from storage.lock_file import open_lock_file
from storage.url import sqlite_path


class StudyLock:
    """Held while a coordinator runs; the system frees it when the process dies, however it dies.

    Use as a context manager. For a database that is no file the lock is no file either: nothing
    is locked, and one coordinator per study is up to the user.
    """

    def __init__(self, url: str, study: str) -> None:
        self.study = study
        database = sqlite_path(url)
        # The name is hashed: a study may be called anything, a file may not.
        digest = hashlib.sha256(study.encode()).hexdigest()[:12]
        self.path: Path | None = (
            database.with_name(f"{database.name}.{digest}.lock") if database else None
        )
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            StudyError: If another process holds it, naming its pid.
            ConfigError: If the lock cannot be made.
        """
        if self.path is None:
            return self
        file = open_lock_file(self.path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise StudyError(
                f"study {self.study!r} is being run by process {holder}; wait for it to end, stop "
                "it, or choose another name with --study"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free the lock. The file stays: removing it would let two processes lock two files."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None
