"""Upgrades a database of an older version.

Optuna changes tables step by step, each in its own transaction, and killed in between leaves some
that it cannot upgrade again. So a copy is upgraded, which then replaces the database.
"""

import logging
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from optuna.storages import RDBStorage

from fieldsharp.core.errors import StorageError, StorageUnavailable
from fieldsharp.core.partial_file import make_empty, partial_path
from fieldsharp.storage.database_locks import database_init_lock, no_active_study
from fieldsharp.storage.errors.mapping import database_errors, opening_errors
from fieldsharp.storage.errors.messages import damaged, sqlite_errors, storage_error
from fieldsharp.storage.location.passwords import mask_password
from fieldsharp.storage.location.server_url import server_address
from fieldsharp.storage.location.url import is_postgres, sqlalchemy_address, sqlite_path
from fieldsharp.storage.maintenance.backup import back_up
from fieldsharp.storage.optuna_adapter.schema import CURRENT_SCHEMA, schema_age, schema_of
from fieldsharp.storage.postgres.checks import check_server
from fieldsharp.storage.sqlite.access import check_access
from fieldsharp.storage.sqlite.checks import require_studies
from fieldsharp.storage.sqlite.file import copy_into, quick_check, read_unchanged
from fieldsharp.storage.sqlite.replace import (
    clear_partials,
    copy_permissions,
    discard,
    put_in_place,
)

logger = logging.getLogger(__name__)
IN_USE_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Upgraded:
    """The outcome of an upgrade: versions of the tables, the former one None if they named none.

    There is no backup if the database was up to date, or is on a server.
    """

    former: str | None
    current: str
    backup: Path | None


def upgrade(url: str) -> Upgraded:
    """Upgrade the tables of a database to the current version.

    Of an SQLite file a copy is upgraded, after a backup: killed at any moment it leaves the old
    database or the new one. A server's is upgraded in place.

    Raises:
        ConfigError: If there is no database of studies, or it cannot be written.
        StudyError: If a study in it is being run.
        StorageUnavailable: If it is used by another process, or the disk is full.
        StorageError: If it is damaged, or of a newer version.
    """
    path = sqlite_path(url)
    if path is None:
        return _upgrade_server(url)
    check_access(path, "read")
    require_studies(url, path)
    check_access(path, "write")
    with database_init_lock(url), no_active_study(url, "upgrade"):
        with sqlite_errors(url):
            former = read_unchanged(path, schema_of)
        if _is_current(url, former):
            return Upgraded(former, CURRENT_SCHEMA, None)
        backup = back_up(url)
        target = path.resolve()
        clear_partials(target)
        with _exclusive_access(url, target):
            _upgrade_copy(url, target)
    return Upgraded(former, CURRENT_SCHEMA, backup)


def _upgrade_copy(url: str, target: Path) -> None:
    """Upgrade a copy of a database that no other process can write to, and replace it by that."""
    partial = partial_path(target)
    try:
        make_empty(partial)
        with sqlite_errors(url), closing(sqlite3.connect(target)) as source:
            copy_into(source, partial)
        with database_errors(url):
            _upgrade_in_place(sqlalchemy_address(partial))
        with sqlite_errors(url), closing(sqlite3.connect(partial)) as copy:
            fault = quick_check(copy)
        if fault is not None:
            raise damaged(url, fault)
        copy_permissions(partial, target)
        put_in_place(partial, target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise storage_error(url, reason, away=True) from error
    finally:
        discard(partial)


@contextmanager
def _exclusive_access(url: str, target: Path) -> Iterator[None]:
    """Copy the log into a database and keep every other writer out in the block.

    Raises:
        StorageUnavailable: If another process uses it.
    """
    connection = sqlite3.connect(target, timeout=IN_USE_TIMEOUT_S, isolation_level=None)
    with closing(connection):
        try:
            # Only the last user of a database can turn its log off. Commits of another process to
            # the old file after the copy would be lost, and its log would destroy the new one.
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise storage_error(url, str(error)) from error
            raise StorageUnavailable(
                f"cannot upgrade {mask_password(url)} while another process, such as a dashboard, "
                "uses it; end that process, then run the same command again"
            ) from error
        yield


def _upgrade_server(url: str) -> Upgraded:
    if is_postgres(url):
        check_server(url, "write", must_exist=True)
    with (
        database_init_lock(url),
        no_active_study(url, "upgrade"),
        database_errors(url),
        opening_errors(url),
    ):
        storage = RDBStorage(
            server_address(url), skip_compatibility_check=True, skip_table_creation=True
        )
        former = storage.get_current_version()
        storage.engine.dispose()
        if _is_current(url, former):
            return Upgraded(former, CURRENT_SCHEMA, None)
        logger.warning(
            "%s is upgraded in place: only a backup by its own server brings it back if that is "
            "interrupted",
            mask_password(url),
        )
        _upgrade_in_place(server_address(url))
    return Upgraded(former, CURRENT_SCHEMA, None)


def _upgrade_in_place(url: str) -> None:
    storage = RDBStorage(url, skip_compatibility_check=True)
    try:
        with warnings.catch_warnings():  # about old distributions, which the upgrade replaces
            warnings.simplefilter("ignore", FutureWarning)
            storage.upgrade()
    finally:
        storage.engine.dispose()


def _is_current(url: str, schema: str | None) -> bool:
    age = schema_age(schema)
    if age == "newer":
        raise StorageError(
            f"database {mask_password(url)} was made by a newer version (its tables are {schema}, "
            f"here {CURRENT_SCHEMA} is known); use the newer version of this program"
        )
    return age == "current"
