"""The database of studies, opened so that one writer and many readers never meet a lock.

SQLite ignores SELECT FOR UPDATE, so Optuna's own transactions can hand one waiting trial to two
askers. Write-ahead logging lets readers go on beside the writer, and BEGIN IMMEDIATE takes the
write lock at the start of a transaction instead of in its middle, where it could not wait.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import sqlalchemy
from optuna.storages import RDBStorage
from sqlalchemy import event

from fieldsharp.core.errors import ConfigError, DatabaseDamaged
from fieldsharp.storage.errors.hints import restore_advice
from fieldsharp.storage.errors.mapping import database_errors, opening_errors
from fieldsharp.storage.init_lock import database_init_lock
from fieldsharp.storage.location.server_url import server_address
from fieldsharp.storage.location.url import is_postgres, sqlite_path
from fieldsharp.storage.optuna_adapter.bulk_read import BulkReadStorage
from fieldsharp.storage.postgres.checks import check_server
from fieldsharp.storage.postgres.connection import engine_arguments
from fieldsharp.storage.sqlite.access import check_access
from fieldsharp.storage.sqlite.checks import require_sound
from fieldsharp.storage.sqlite.create import make_database
from fieldsharp.storage.sqlite.file import TIMEOUT_S, can_be_written, reading_uri
from fieldsharp.storage.sqlite.file_identity import FileIdentity, file_identity
from fieldsharp.storage.sqlite.single_name import use_name
from fieldsharp.storage.study_lock import StudyLock

__all__ = [
    "check_storage",
    "database_errors",
    "database_file",
    "open_database",
    "opened_to_read",
    "require_database",
    "tune_sqlite",
]


def check_storage(url: str, mode: Literal["read", "write"], *, must_exist: bool = False) -> None:
    """Check what is quickly seen of a database and its place, leaving nothing behind.

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
    """Open the database at an address; made if it is missing and ``mode`` is write.

    Args:
        url: Such as ``sqlite:///sweeps.db``.
        mode: ``write`` for the one coordinator; ``read`` for everything that looks on, which makes
            no file and may be of a folder that cannot be written.
        busy_timeout_s: Longest wait for another process's transaction.
        must_exist: Refuse a missing file in mode ``write`` too.
        sole_writer: Whether one study is read, which nobody else writes to (``BulkReadStorage``).
        lock: On the study that is written to; no transaction succeeds once another has it.

    Raises:
        ConfigError: If the address is unusable, the file is missing (read) or cannot be written,
            is no database, another program's, or in use through another of its names.
        StudyError: If another process runs the study of the lock.
        DatabaseDamaged: If the file is broken or empty, or gone while backups of it are there.
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
            return _open_for_reading(url, path, busy_timeout_s)
        with database_init_lock(url):
            require_sound(url, "write", must_exist=must_exist)
            if not path.exists():
                _make(url, path)
            use_name(url, path)
            if lock is not None:
                lock.take_in_database()
            waiting = {"connect_args": {"timeout": busy_timeout_s}}
            storage = BulkReadStorage(url, waiting, is_sole_writer=sole_writer, check=check)
            tune_sqlite(storage.engine, "write", checkpoints=lock is None and not sole_writer)
            return storage


@contextmanager
def opened_to_read(url: str) -> Iterator[RDBStorage]:
    """Open a database for a look before it is opened for writing, and close it again.

    SQLite shares the index of a log among all connections of a process: one that stays open keeps
    the process on an index that was removed.

    Raises:
        FieldsharpError: See ``open_database``.
    """
    storage = open_database(url, "read")
    try:
        yield storage
    finally:
        storage.scoped_session.remove()
        storage.engine.dispose()


def database_file(url: str) -> FileIdentity | None:
    """Return which file a database is in now, None where it is in none."""
    path = sqlite_path(url)
    return None if path is None else file_identity(path)


def require_database(url: str) -> None:
    """Check that the file of a database in use is still there.

    SQLite goes on writing to a deleted file, and all of it is lost when the last process ends.

    Raises:
        DatabaseDamaged: If it is gone.
    """
    path = sqlite_path(url)
    if path is not None and database_file(url) is None:
        advice = restore_advice(url, otherwise="start anew")
        raise DatabaseDamaged(f"the database {path} was removed while it was in use; {advice}")


def tune_sqlite(
    engine: sqlalchemy.Engine, mode: Literal["read", "write"], *, checkpoints: bool = True
) -> None:
    """Turn on write-ahead logging and, for the writer, immediate transactions.

    Only after the storage is built: its constructor opens a second connection while the first is
    in a transaction and would wait for itself.

    Args:
        engine: Of the storage.
        mode: What it is opened for.
        checkpoints: Whether SQLite makes checkpoints by itself; a coordinator makes them, and waits
            for readers first, see ``storage.maintenance.write_ahead_log``.
    """

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        # Python's own BEGIN is switched off: _on_begin sends it.
        connection.isolation_level = None
        if mode == "write":
            connection.execute("PRAGMA journal_mode=WAL")
            if not checkpoints:
                connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("PRAGMA synchronous=NORMAL")

    begin = "BEGIN IMMEDIATE" if mode == "write" else "BEGIN"

    @event.listens_for(engine, "begin")
    def _on_begin(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql(begin)

    engine.dispose()  # connections opened before the hooks do without them


def _open_on_server(url: str, mode: Literal["read", "write"], **of_writer: Any) -> RDBStorage:
    arguments = engine_arguments(url)
    if mode == "read":
        # Of many that look on nobody waits for the server: a connection it closed is not used.
        arguments |= {"pool_pre_ping": True}
        return BulkReadStorage(server_address(url), arguments, skip_table_creation=True)
    with database_init_lock(url):
        return BulkReadStorage(server_address(url), arguments, **of_writer)


def _open_for_reading(url: str, path: Path, busy_timeout_s: float) -> RDBStorage:
    engine_kwargs: dict[str, Any] = {"connect_args": {"timeout": busy_timeout_s}}
    if not can_be_written(path):
        uri = reading_uri(path)
        engine_kwargs = {
            # Not in the address, which is shown in messages.
            "creator": lambda: sqlite3.connect(
                uri, uri=True, timeout=busy_timeout_s, check_same_thread=False
            )
        }
    storage = BulkReadStorage(url, engine_kwargs=engine_kwargs, skip_table_creation=True)
    tune_sqlite(storage.engine, "read")
    return storage


def _make(url: str, path: Path) -> None:
    try:
        make_database(url, path)
    except OSError as error:
        raise ConfigError(
            f"storage {path} cannot be made ({error.strerror}); "
            "choose a folder that exists and can be written"
        ) from error
