"""The write-ahead log of an SQLite database: what is only in it, and what is done when it is lost.

What is committed stands in the log (``-wal``) first, and in the database file once a checkpoint has
copied it there. Until then it is lost with the log. A process that has the files open can still
read and copy them after they were removed, moved or replaced, so it notices that and saves what
they hold.
"""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from optuna.storages import RDBStorage

from fields.errors import DatabaseDamaged, StorageError
from storage.advice import restore_advice, storage_command
from storage.backup import back_up_connection
from storage.database_file import descriptor_of
from storage.faults import damaged, sqlite_errors, storage_error
from storage.opened_files import OpenedFiles
from storage.sqlite_file import beside, quick_check, size_of
from storage.url import mask_password, sqlite_path
from storage.wal_index import older_state_is_read

logger = logging.getLogger(__name__)


def fold_log(
    url: str, storage: RDBStorage, how: Literal["PASSIVE", "TRUNCATE"] = "PASSIVE"
) -> bool:
    """Copy the log into the database file and synchronise that; writers and readers go on.

    Args:
        url: The database.
        storage: The one that writes to it: a connection of its own could have another log.
        how: As SQLite's ``wal_checkpoint`` has it.

    Returns:
        Whether everything committed is in the file. A reader of an earlier state holds that up, see
        ``storage.wal_index``. A database on a server keeps what it has committed.

    Raises:
        StorageUnavailable: If the disk refuses.
        DatabaseDamaged: If the file is broken.
    """
    path = sqlite_path(url)
    if path is None:
        return True
    if older_state_is_read(path):
        return False
    with sqlite_errors(url):
        connection = storage.engine.raw_connection()
        try:
            cursor = connection.cursor()
            row = cursor.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
            cursor.close()
        finally:
            connection.close()
    _, in_log, copied = row
    if in_log != copied:
        return False
    try:
        os.fsync(descriptor_of(path, writable=True))
    except FileNotFoundError:
        return False  # removed just now, which the next look at the files says
    except OSError as error:
        raise storage_error(url, f"{path.name}: {error.strerror}", away=True) from error
    return True


class FilesInUse:
    """The files of a database as they were when it was opened, and what became of them since.

    Args:
        url: The database; one that is in no file is never lost.
        storage: The one that uses it.

    Raises:
        StorageUnavailable: If the disk does not answer.
    """

    def __init__(self, url: str, storage: RDBStorage) -> None:
        self._url = url
        self._storage = storage
        self._descriptor: int | None = None
        self._saved_in: Path | None = None
        with self._disk_answers():
            self._opened = OpenedFiles(url)
            path = self._opened.path
            if path is not None and path.exists():
                self._descriptor = descriptor_of(path, writable=True)

    def check(self) -> None:
        """Check that the files are those that were opened.

        A log that was removed is copied into the database, and a new one begun.

        Raises:
            DatabaseDamaged: If the database was removed, moved or replaced, or another log was put
                in the place of its own. What it held is then in a new backup.
            StorageUnavailable: If the disk does not answer.
        """
        path = self._opened.path
        if path is None:
            return
        with self._disk_answers():
            file_is_lost, log_is_lost = self._opened.file_is_lost(), self._opened.log_is_lost()
        if file_is_lost:
            raise self._saved(self._what_became_of_the_file(path), path)
        if log_is_lost:
            self._begin_a_new_log(path)

    @contextmanager
    def _disk_answers(self) -> Iterator[None]:
        """Have files that cannot be looked at count as a database that is away for a while."""
        try:
            yield
        except OSError as error:
            reason = f"{error.filename}: {error.strerror}"
            raise storage_error(self._url, reason, away=True) from error

    def _begin_a_new_log(self, path: Path) -> None:
        log, _, _ = beside(path)
        if self._opened.has_another_log() and size_of(log) > 0:
            raise self._saved(f"another log was put in the place of {log}", path)
        if not fold_log(self._url, self._storage, "TRUNCATE") and not fold_log(
            self._url, self._storage
        ):
            return  # a reader keeps it open: the next look tries again
        self._storage.scoped_session.remove()
        self._storage.engine.dispose()
        self._opened.begin_a_new_log()
        wrong = self._what_is_wrong()
        if wrong is not None:
            raise damaged(self._url, wrong)
        logger.warning(
            "the log %s was removed while it was in use: what it held was copied into the database "
            "in time, and nothing is lost; leave the files beside a database alone while it is "
            "used",
            log,
        )

    def _what_is_wrong(self) -> str | None:
        with sqlite_errors(self._url):
            connection = self._storage.engine.raw_connection()
            try:
                driver = connection.driver_connection
                assert isinstance(driver, sqlite3.Connection)
                return quick_check(driver)
            finally:
                connection.close()

    def _what_became_of_the_file(self, path: Path) -> str:
        if path.exists():
            return f"another file was put in the place of the database {path}"
        links = os.fstat(self._descriptor).st_nlink if self._descriptor is not None else 0
        return f"the database {path} was {'moved away' if links else 'removed'}"

    def _saved(self, found: str, path: Path) -> DatabaseDamaged:
        """Return the error, with where everything that was told has been saved."""
        if self._saved_in is None:
            try:
                fold_log(self._url, self._storage, "TRUNCATE")
            except StorageError as error:
                logger.warning("the log of %s: %s", mask_password(self._url), error)
            try:
                with sqlite_errors(self._url):
                    connection = self._storage.engine.raw_connection()
                    try:
                        driver = connection.driver_connection
                        assert isinstance(driver, sqlite3.Connection)
                        self._saved_in = back_up_connection(self._url, path, driver)
                    finally:
                        connection.close()
            except StorageError as error:
                logger.warning("%s", error)
        if self._saved_in is not None:
            restore = storage_command(self._url, "restore")
            return DatabaseDamaged(
                f"{found} while it was in use, and all that was in it is in the backup "
                f"{self._saved_in}; put that back with {restore}, then resume"
            )
        advice = restore_advice(self._url, otherwise="start anew")
        return DatabaseDamaged(f"{found} while it was in use, and could not be saved; {advice}")
