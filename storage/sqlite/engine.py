"""SQLite databases as Optuna opens them: made, tuned for one writer and many readers.

SQLite ignores SELECT FOR UPDATE, so Optuna's own transactions can hand one waiting trial to two
callers. Write-ahead logging lets readers go on beside the writer, and BEGIN IMMEDIATE takes the
write lock at the start of a transaction instead of in its middle, where it could not wait.
"""

import logging
import sqlite3
from functools import cache
from pathlib import Path
from typing import Any, Literal

import sqlalchemy
from optuna.storages import RDBStorage
from sqlalchemy import event

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.durable_files.atomic import write_durably
from fieldsharp.storage.location.paths import newest_backup
from fieldsharp.storage.optuna_adapter.bulk_read import BulkReadStorage
from fieldsharp.storage.sqlite.file import can_be_written, reading_uri
from fieldsharp.storage.sqlite.replace import clear_partials, move_aside

logger = logging.getLogger(__name__)


def make_database(url: str, path: Path) -> None:
    """Make a database of this user alone; to be called under ``database_init_lock``.

    Under another name first: killed before the last table, it would be an empty file, which looks
    like a database that lost everything.

    Raises:
        ConfigError: If the disk refuses.
        SQLAlchemyError: If SQLite does.
    """
    try:
        newest = newest_backup(url)
        if newest is not None:
            logger.warning(
                "the database %s is gone and a new one is made; its newest backup is %s",
                path,
                newest,
            )
        _make(path.resolve())
    except OSError as error:
        raise ConfigError(
            f"storage {path} cannot be made ({error.strerror}); "
            "choose a folder that exists and can be written"
        ) from error


def _make(target: Path) -> None:
    clear_partials(target)
    move_aside(target)  # the log of a deleted database would be replayed over this one
    write_durably(target, _empty_database())


@cache
def _empty_database() -> bytes:
    """Return the content of a database with Optuna's tables and no study."""
    storage = RDBStorage("sqlite://")  # in memory
    try:
        with storage.engine.connect() as connection:
            database = connection.connection.driver_connection
            assert isinstance(database, sqlite3.Connection)
            return database.serialize()
    finally:
        storage.scoped_session.remove()
        storage.engine.dispose()


def open_for_reading(url: str, path: Path, busy_timeout_s: float) -> RDBStorage:
    """Open an existing database for reading, also where its folder cannot be written.

    That it is sound and of this version was checked, see ``checks.require_sound``.
    """
    engine_kwargs: dict[str, Any] = {"connect_args": {"timeout": busy_timeout_s}}
    if not can_be_written(path):
        uri = reading_uri(path)
        engine_kwargs = {
            # Not in the address, which is shown in messages.
            "creator": lambda: sqlite3.connect(
                uri, uri=True, timeout=busy_timeout_s, check_same_thread=False
            )
        }
    storage = BulkReadStorage(
        url, engine_kwargs=engine_kwargs, skip_table_creation=True, is_checked=True
    )
    tune_sqlite(storage.engine, "read")
    return storage


def tune_sqlite(
    engine: sqlalchemy.Engine, mode: Literal["read", "write"], *, checkpoints: bool = True
) -> None:
    """Turn on write-ahead logging and, for the writer, immediate transactions.

    Only after the storage is built: its constructor opens a second connection while the first is
    in a transaction and would wait for itself. SQLite makes ``checkpoints`` by itself, or the
    coordinator does, which waits for readers (see ``storage.maintenance.write_ahead_log``).
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
