"""The write-ahead log of an SQLite database: copied into the database, and rescued when it is lost.

A commit is written to the log (``-wal``) first, and to the database file once a checkpoint has
copied it there. Until then it is lost with the log. A process that has the files open can still
read and copy them after they were removed, moved or replaced, so it detects that and saves their
content.
"""

import logging
import os
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from optuna.storages import RDBStorage

from fieldsharp.core.errors import DatabaseDamaged, StorageError
from fieldsharp.storage.errors.messages import (
    damaged,
    restore_advice,
    sqlite_errors,
    storage_command,
    storage_error,
)
from fieldsharp.storage.location.passwords import mask_password
from fieldsharp.storage.maintenance.backup import back_up_connection
from fieldsharp.storage.sqlite.file import open_descriptor, quick_check, sidecar_files
from fieldsharp.storage.sqlite.opened_files import OpenedFiles

logger = logging.getLogger(__name__)


class WriteAheadLog:
    """The log of a database that this process writes to, and its file, watched since it was opened.

    Args:
        url: The database; one on a server is never lost.
        storage: The storage that writes to it: a new connection could have another log.

    Raises:
        StorageUnavailable: If the disk does not answer.
    """

    def __init__(self, url: str, storage: RDBStorage) -> None:
        self._url = url
        self._storage = storage
        self._descriptor: int | None = None
        self._lost: DatabaseDamaged | None = None
        self._opened = OpenedFiles(url)
        path = self._opened.path
        if path is not None and path.exists():
            try:
                self._descriptor = open_descriptor(path, writable=True)
            except OSError as error:
                reason = f"{path.name}: {error.strerror}"
                raise storage_error(url, reason, away=True) from error

    def checkpoint(self, mode: Literal["PASSIVE", "TRUNCATE"] = "PASSIVE") -> bool:
        """Copy the log into the database file and synchronise that; writers and readers go on.

        Returns:
            Whether all commits are in the file. A reader of an older state holds that up, see
            ``storage.sqlite.opened_files``. A server keeps its commits itself.

        Raises:
            StorageUnavailable: If the disk refuses.
            DatabaseDamaged: If the file is broken.
        """
        if self._opened.path is None:
            return True
        if self._opened.older_state_is_read():
            return False
        with self._connection() as connection:
            row = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        is_busy, in_log, copied = row
        # While another connection makes a checkpoint, both numbers are -1.
        if in_log != copied or (is_busy and in_log < 0):
            return False
        if self._descriptor is not None:
            try:
                os.fsync(self._descriptor)
            except OSError as error:
                reason = f"{self._opened.path.name}: {error.strerror}"
                raise storage_error(self._url, reason, away=True) from error
        return True

    def check(self) -> None:
        """Check that the files at the paths are those that were opened.

        A log that was removed is copied into the database, and a new one begun.

        Raises:
            DatabaseDamaged: If the database was removed, moved or replaced, or its log was replaced
                by another one. Its content is then in a new backup.
            StorageUnavailable: If the disk does not answer.
        """
        path = self._opened.path
        if path is None:
            return
        if self._lost is not None:
            raise self._lost
        if self._opened.file_is_lost():
            raise self._rescued(self._fate_of_file(path), path)
        if self._opened.log_is_lost():
            self._begin_a_new_log(path)

    def _begin_a_new_log(self, path: Path) -> None:
        log, index, _ = sidecar_files(path)
        if self._opened.log_is_empty():
            copied = "all of it was in the database already"
        elif self._opened.has_another_log():
            raise self._rescued(f"another log was put in the place of {log}", path)
        elif self.checkpoint("TRUNCATE") or self.checkpoint():
            copied = "what it held was copied into the database in time"
        else:
            return  # a reader keeps it open: the next check tries again
        self._storage.scoped_session.remove()
        self._storage.engine.dispose()
        self._opened.forget_log()
        with self._connection() as connection:
            fault = quick_check(connection)
        if fault is not None:
            raise damaged(self._url, fault)
        if not index.exists():
            # SQLite shares one index among the connections of a process: one of them is still open.
            raise self._rescued(f"the index {index} was removed", path)
        logger.warning(
            "the log %s was removed while it was in use: %s, and nothing is lost; leave the files "
            "beside a database alone while it is used",
            log,
            copied,
        )

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with sqlite_errors(self._url):
            connection = self._storage.engine.raw_connection()
            try:
                driver = connection.driver_connection
                assert isinstance(driver, sqlite3.Connection)
                yield driver
            finally:
                connection.close()

    def _fate_of_file(self, path: Path) -> str:
        if path.exists():
            return f"another file was put in the place of the database {path}"
        links = os.fstat(self._descriptor).st_nlink if self._descriptor is not None else 0
        return f"the database {path} was {'moved away' if links else 'removed'}"

    def _rescued(self, cause: str, path: Path) -> DatabaseDamaged:
        """Back up the content of the lost database, and return the error that names the backup."""
        try:
            self.checkpoint("TRUNCATE")
        except StorageError as error:
            logger.warning("the log of %s: %s", mask_password(self._url), error)
        try:
            with self._connection() as connection:
                backup = back_up_connection(self._url, path, connection)
        except StorageError as error:
            logger.warning("%s", error)
            advice = restore_advice(self._url, otherwise="start anew")
            outcome = f"and could not be saved; {advice}"
        else:
            restore = storage_command(self._url, f"restore {shlex.quote(str(backup))}")
            outcome = (
                f"and all that was in it is in the backup {backup}; put that back with {restore}, "
                "then resume"
            )
        self._lost = DatabaseDamaged(f"{cause} while it was in use, {outcome}")
        return self._lost
