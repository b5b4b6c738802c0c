"""Backups of an SQLite database, made while it is written to; without Optuna, to be quick.

Backups are numbered, not dated: a clock may be set back, and the newest must stay the newest.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

from fieldsharp.core.errors import ConfigError, StorageError, StorageUnavailable
from fieldsharp.core.partial_file import make_empty, partial_path
from fieldsharp.storage.durable_files.atomic import make_private_folder
from fieldsharp.storage.durable_files.file_lock import take_lock
from fieldsharp.storage.durable_files.owned_folders import check_folder
from fieldsharp.storage.errors.messages import DAMAGE, LOCKED, damaged, one_line, storage_error
from fieldsharp.storage.location.passwords import mask_password
from fieldsharp.storage.location.paths import (
    BACKUPS_KEPT,
    backup_number,
    backup_path,
    backups,
    backups_folder,
    check_files_folder,
)
from fieldsharp.storage.location.url import is_postgres, sqlite_path
from fieldsharp.storage.sqlite.checks import require_studies
from fieldsharp.storage.sqlite.file import connect_reading, copy_into, quick_check
from fieldsharp.storage.sqlite.replace import clear_partials, discard, put_in_place

LOCK_TIMEOUT_S = 2.0


def back_up(url: str, keep: int = BACKUPS_KEPT) -> Path:
    """Copy a database to the next numbered backup while other processes may write to it.

    Of all its backups the newest ``keep`` stay, at least 1.

    Returns:
        The backup: durable, of this user alone, checked.

    Raises:
        ConfigError: If the database is no file, missing or another program's, or the folder next
            to it may not be used.
        StorageUnavailable: If the disk is full or the database locked; no backup was made.
        StorageError: If the database is damaged or the backup cannot be written.
    """
    if keep < 1:
        raise ValueError(f"keep must be at least 1, found {keep}")
    path = database_path(url)
    check_files_folder(url, "write")
    require_studies(url, path)
    return _next_backup(url, path, None, keep)


def back_up_connection(url: str, path: Path, connection: sqlite3.Connection) -> Path:
    """Back up a database whose file was deleted, through a connection that still has it open.

    Raises:
        StorageError: If the backup cannot be written.
    """
    return _next_backup(url, path, connection, BACKUPS_KEPT)


def _next_backup(url: str, path: Path, source: sqlite3.Connection | None, keep: int) -> Path:
    with _backups_locked(url):
        existing = backups(url)
        number = backup_number(path, existing[-1]) + 1 if existing else 1
        target = backup_path(url, path, number)
        clear_partials(target, any_name=True)
        _copy(url, path, target, source)
        for old in backups(url)[:-keep]:
            old.unlink(missing_ok=True)
    return target


def copy_database(url: str, target: Path) -> None:
    """Copy a database to a file of any name, as ``back_up`` does.

    Raises:
        ConfigError: If the database is no file, missing or another program's, or the target exists.
        StorageUnavailable: If the disk is full or the database locked; no copy was made.
        StorageError: If the database is damaged or the copy cannot be written.
    """
    path = database_path(url)
    require_studies(url, path)
    if target.exists():
        raise ConfigError(f"{target} exists and would be lost; name a new file with -o")
    if not target.parent.is_dir():
        raise ConfigError(f"there is no folder {target.parent}; make it, or name another with -o")
    clear_partials(target)
    _copy(url, path, target)


def database_path(url: str) -> Path:
    """Return the file of a database.

    Raises:
        ConfigError: If it is on a server.
    """
    path = sqlite_path(url)
    if path is None:
        programs = "with pg_dump, and put a copy back with pg_restore"
        raise ConfigError(
            f"database {mask_password(url)} is on a server and in no file; back it up "
            f"{programs if is_postgres(url) else 'and restore it with the programs of its server'}"
        )
    return path


def _copy(url: str, path: Path, target: Path, source: sqlite3.Connection | None = None) -> None:
    partial = partial_path(target.absolute())  # a relative one may look like a URI: file:...
    try:
        make_empty(partial)
        with nullcontext(source) if source is not None else closing(connect_reading(path)) as of:
            # One snapshot, unlike SQLite's backup API, which starts again with every write.
            copy_into(of, partial)
        with closing(sqlite3.connect(partial)) as copy:
            fault = quick_check(copy)
        if fault is not None:
            raise damaged(url, fault)
        put_in_place(partial, target)
    except OSError as error:
        raise _not_written(url, target, error.strerror or str(error)) from error
    except sqlite3.Error as error:
        reason = one_line(error)
        is_of_database = any(phrase in reason.lower() for phrase in (*DAMAGE, *LOCKED))
        if is_of_database:
            raise storage_error(url, reason) from error
        raise _not_written(url, target, reason) from error
    finally:
        discard(partial)


@contextmanager
def _backups_locked(url: str) -> Iterator[None]:
    """Let one process at a time number, write and remove backups."""
    folder = backups_folder(url)
    check_folder(folder, "write")
    try:
        make_private_folder(folder)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise _not_written(url, folder, error.strerror or str(error)) from error
    try:
        if not take_lock(descriptor, LOCK_TIMEOUT_S):
            raise StorageUnavailable(
                f"no backup of {mask_password(url)} was made: another process is making one",
                "see what it waits for, then run the same command again",
            )
        yield
    finally:
        os.close(descriptor)


def _not_written(url: str, target: Path, reason: str) -> StorageError:
    return type(storage_error(url, reason))(
        f"no backup of {mask_password(url)} was made: {target} cannot be written ({reason}); free "
        "space there or make it writable, then run the same command again"
    )
