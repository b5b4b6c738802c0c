"""Checks and opens the database of studies, an SQLite file or on a PostgreSQL server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from optuna.storages import RDBStorage

from fieldsharp.storage.database_locks import database_init_lock
from fieldsharp.storage.errors.mapping import database_errors, opening_errors
from fieldsharp.storage.errors.messages import removed_in_use
from fieldsharp.storage.location.server_url import server_address
from fieldsharp.storage.location.url import is_postgres, sqlite_path
from fieldsharp.storage.optuna_adapter.bulk_read import BulkReadStorage
from fieldsharp.storage.postgres.checks import check_server
from fieldsharp.storage.postgres.connection import engine_arguments
from fieldsharp.storage.sqlite.access import check_access
from fieldsharp.storage.sqlite.checks import require_sound
from fieldsharp.storage.sqlite.engine import make_database, open_for_reading, tune_sqlite
from fieldsharp.storage.sqlite.file import TIMEOUT_S, FileIdentity, file_identity
from fieldsharp.storage.sqlite.single_name import reserve_name
from fieldsharp.storage.study_lock import StudyLock


def check_storage(url: str, mode: Literal["read", "write"], *, must_exist: bool = False) -> None:
    """Check a database and its folder as far as that is quick, without changing anything.

    Raises:
        ConfigError: If the address is unusable, the file is missing (read) or cannot be written,
            or a server does not let this user in.
        StorageError: If the file is damaged, or of another version.
        StorageUnavailable: If a server does not answer.
    """
    path = sqlite_path(url)
    if path is None:
        if is_postgres(url):
            check_server(url, mode, must_exist=must_exist)
        return
    check_access(path, mode)
    if mode == "read" or must_exist or path.exists():
        require_sound(url, "read")


def open_database(
    url: str,
    mode: Literal["read", "write"],
    busy_timeout_s: float = TIMEOUT_S,
    *,
    must_exist: bool = False,
    sole_writer: bool = False,
    lock: StudyLock | None = None,
) -> RDBStorage:
    """Open a database; it is made if it is missing and ``mode`` is write.

    Args:
        url: Such as ``sqlite:///sweeps.db``.
        mode: ``write`` for the one coordinator; ``read`` for all other processes: it makes no file
            and takes a folder that cannot be written.
        busy_timeout_s: Longest wait for another process's transaction.
        must_exist: Refuse a missing file in mode ``write`` too.
        sole_writer: Whether it is opened for one study that no other process writes to, see
            ``BulkReadStorage``.
        lock: Of the study that is written to; no transaction succeeds once another process has it.

    Raises:
        ConfigError: If the address is unusable, the file is missing (read) or cannot be written,
            is no database, another program's, or in use through another of its names.
        StudyError: If another process runs the study of the lock.
        DatabaseDamaged: If the file is broken or empty, or missing while it has backups.
        StorageUnavailable: If it is locked or the disk is full.
        StorageError: If it is of another version.
    """
    path = sqlite_path(url)
    check_storage(url, mode, must_exist=must_exist)
    with database_errors(url), opening_errors(url):
        check = lock.check if lock is not None else None
        if path is None:
            return _open_on_server(url, mode, is_sole_writer=sole_writer, check=check)
        if mode == "read":
            return open_for_reading(url, path, busy_timeout_s)
        with database_init_lock(url):
            require_sound(url, "write", must_exist=must_exist)
            if not path.exists():
                make_database(url, path)
            reserve_name(url, path)
            if lock is not None:
                lock.take_in_database()
            waiting = {"connect_args": {"timeout": busy_timeout_s}}
            storage = BulkReadStorage(
                url, waiting, is_checked=True, is_sole_writer=sole_writer, check=check
            )
            tune_sqlite(storage.engine, "write", checkpoints=lock is None and not sole_writer)
            return storage


@contextmanager
def opened_to_read(url: str) -> Iterator[RDBStorage]:
    """Open a database for reading in the block, and close it before it is opened for writing.

    SQLite shares the index of a log among all connections of a process: one that stays open keeps
    the process on an index that was removed.

    Raises:
        FieldsharpError: See ``open_database``.
    """
    storage = open_database(url, "read")
    try:
        yield storage
    finally:
        close_database(storage)


def close_database(storage: RDBStorage) -> None:
    """Close all connections of this thread to a database, and those that are idle."""
    storage.scoped_session.remove()
    storage.engine.dispose()


def database_file(url: str) -> FileIdentity | None:
    """Return the identity of a database's file, None where it has none, or it is missing."""
    path = sqlite_path(url)
    return None if path is None else file_identity(path)


def require_database(url: str) -> None:
    """Check that the file of a database in use was not deleted.

    SQLite goes on writing to a deleted file, and all of it is lost when the last process ends.

    Raises:
        DatabaseDamaged: If it was.
    """
    path = sqlite_path(url)
    if path is not None and database_file(url) is None:
        raise removed_in_use(url, path)


def _open_on_server(url: str, mode: Literal["read", "write"], **of_writer: Any) -> RDBStorage:
    arguments = engine_arguments(url)
    if mode == "read":
        # A reader does not retry: a connection that the server closed is replaced before use.
        arguments |= {"pool_pre_ping": True}
        return BulkReadStorage(server_address(url), arguments, skip_table_creation=True)
    with database_init_lock(url):
        return BulkReadStorage(server_address(url), arguments, **of_writer)
