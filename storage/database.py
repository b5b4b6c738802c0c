"""The database of studies, opened so that one writer and many readers never meet a lock.

SQLite ignores SELECT FOR UPDATE, so Optuna's own transactions can hand one waiting trial to two
askers. Write-ahead logging lets readers go on beside the writer, and BEGIN IMMEDIATE takes the
write lock at the start of a transaction instead of in its middle, where it could not wait.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from fields.errors import ConfigError, StorageError
from storage.url import mask_password, sqlite_path

LOCK_TIMEOUT_S = 60


def check_storage(url: str, mode: Literal["read", "write"]) -> None:
    """Check what can be checked of a database's place, leaving nothing behind.

    Raises:
        ConfigError: If the address is unusable, the file is missing (read) or cannot be written.
    """
    path = sqlite_path(url)
    if path is not None:
        _check_file(path, mode)


def open_database(url: str, mode: Literal["read", "write"]) -> RDBStorage:
    """Open the database at an address; made if it is missing and ``mode`` is write.

    Args:
        url: Such as ``sqlite:///sweeps.db``.
        mode: ``write`` for the one coordinator; ``read`` for everything that looks on.

    Raises:
        ConfigError: If the address is unusable, the file is missing (read) or cannot be written.
        StorageError: If the file is no database of studies, or another version's.
    """
    check_storage(url, mode)
    path = sqlite_path(url)
    with database_errors(url):
        connect_args = {"timeout": LOCK_TIMEOUT_S} if path is not None else {}
        storage = RDBStorage(
            url,
            engine_kwargs={"connect_args": connect_args},
            skip_table_creation=mode == "read",
        )
        if path is not None:
            tune_sqlite(storage.engine, mode)
        return storage


def tune_sqlite(engine: sqlalchemy.Engine, mode: Literal["read", "write"]) -> None:
    """Turn on write-ahead logging and, for the writer, immediate transactions.

    Only after the storage is built: its constructor opens a second connection while the first is
    in a transaction and would wait for itself.
    """

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        # Python's own BEGIN is switched off: _on_begin sends it.
        connection.isolation_level = None
        if mode == "write":
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    begin = "BEGIN IMMEDIATE" if mode == "write" else "BEGIN"

    @event.listens_for(engine, "begin")
    def _on_begin(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql(begin)

    engine.dispose()  # connections opened before the hooks do without them


@contextmanager
def database_errors(url: str) -> Iterator[None]:
    """Map the errors of Optuna's storage and of SQLAlchemy to one sentence.

    Raises:
        StorageError: In place of whatever they raised, without passwords.
    """
    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        cause = error.__cause__ or error
        reason = str(getattr(cause, "orig", None) or cause).strip().splitlines()[0]
        raise StorageError(
            f"database {mask_password(url)} failed: {mask_password(reason)}; "
            "check that it is a database of studies and that its disk has space"
        ) from error
    except ImportError as error:
        raise ConfigError(
            f"database {mask_password(url)} needs a driver that is not installed ({error})"
        ) from error
    except RuntimeError as error:  # Optuna's word for a schema of another version
        raise StorageError(
            f"database {mask_password(url)} was made by another version: {error}"
        ) from error


def _check_file(path: Path, mode: Literal["read", "write"]) -> None:
    if path.is_dir():
        raise ConfigError(
            f"storage {path} is a folder; name a file in it, such as {path}/sweeps.db"
        )
    if path.exists():
        if mode == "write" and not os.access(path, os.W_OK):
            raise ConfigError(f"storage {path} cannot be written; choose another with --storage")
        return
    if mode == "read":
        raise ConfigError(
            f"there is no database at {path}; start a sweep first, or name another with --storage"
        )
    try:
        # Permissions alone do not tell: a folder may be of a file system that takes no files.
        path.touch(exist_ok=False)
        path.unlink()
    except OSError as error:
        raise ConfigError(
            f"storage {path} cannot be made ({error.strerror}); "
            "choose a folder that exists and can be written"
        ) from error
