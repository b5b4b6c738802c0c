"""The database of studies, opened so that one writer and many readers never meet a lock.

SQLite ignores SELECT FOR UPDATE, so Optuna's own transactions can hand one waiting trial to two
askers. Write-ahead logging lets readers go on beside the writer, and BEGIN IMMEDIATE takes the
write lock at the start of a transaction instead of in its middle, where it could not wait.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import sqlalchemy
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, NoSuchModuleError, SQLAlchemyError

from fields.errors import ConfigError, StorageError
from storage.lock_file import open_lock_file
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
    with _making(path if mode == "write" else None), database_errors(url), _opening_errors(url):
        connect_args = {"timeout": LOCK_TIMEOUT_S} if path is not None else {}
        storage = RDBStorage(
            url,
            engine_kwargs={"connect_args": connect_args},
            skip_table_creation=mode == "read",
        )
        if path is not None:
            tune_sqlite(storage.engine, mode)
        return storage


def require_database(url: str) -> None:
    """Check that the file of a database in use is still there.

    SQLite goes on writing to a deleted file, and all of it is lost when the last process ends.

    Raises:
        StorageError: If it is gone.
    """
    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise StorageError(
            f"the database {path} was removed while it was in use; put a copy back, or start anew"
        )


def make_durable(url: str) -> None:
    """Have what was committed survive a power cut."""
    path = sqlite_path(url)
    log = path.with_name(f"{path.name}-wal") if path is not None else None
    if log is not None and log.exists():
        descriptor = os.open(log, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


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
    """Map what Optuna's storage and SQLAlchemy raise in use to one sentence.

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
    except KeyError as error:
        if "Record does not exist" not in str(error):
            raise
        raise StorageError(
            f"database {mask_password(url)} has lost the study or the trial that is worked on: it "
            "was deleted meanwhile; start the sweep again"
        ) from error
    except UpdateFinishedTrialError as error:
        raise StorageError(
            f"database {mask_password(url)}: a trial was finished by somebody else ({error}); "
            "while a sweep runs, change nothing in its study"
        ) from error


@contextmanager
def _opening_errors(url: str) -> Iterator[None]:
    """Map what only opening a database raises.

    Raises:
        ConfigError: If its driver is not installed.
        StorageError: If its schema is another version's.
    """
    try:
        yield
    except (ImportError, NoSuchModuleError) as error:
        raise ConfigError(
            f"database {mask_password(url)} needs a driver that is not installed ({error})"
        ) from error
    except (DatabaseError, StorageInternalError) as error:
        if "not a database" not in str(error.__cause__ or error):
            raise
        raise ConfigError(
            f"storage {mask_password(url)} is a file but no database; name another with --storage"
        ) from error
    except RuntimeError as error:  # Optuna's word for a schema of another version
        raise StorageError(
            f"database {mask_password(url)} was made by another version: {error}"
        ) from error


@contextmanager
def _making(path: Path | None) -> Iterator[None]:
    """Let one process at a time make the tables: two that start at once would collide."""
    if path is None:
        yield
        return
    with open_lock_file(path.with_name(f"{path.name}.lock")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _check_file(path: Path, mode: Literal["read", "write"]) -> None:
    if path.is_dir():
        raise ConfigError(
            f"storage {path} is a folder; name a file in it, such as {path}/sweeps.db"
        )
    if path.exists() and not path.is_file():
        raise ConfigError(f"storage {path} is no file; name a file, such as sweeps.db")
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
        with tempfile.TemporaryFile(dir=path.resolve().parent):
            pass
    except OSError as error:
        raise ConfigError(
            f"storage {path} cannot be made ({error.strerror}); "
            "choose a folder that exists and can be written"
        ) from error
