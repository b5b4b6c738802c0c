"""Whether a file is a sound database of studies of this version, before Optuna opens it.

Optuna takes an empty file for a new database, puts its tables beside those of any other program,
and notices damage only when it reads the page.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fieldsharp.core.errors import ConfigError, DatabaseDamaged, StorageError
from fieldsharp.storage.errors.messages import (
    damaged,
    one_line,
    restore_advice,
    storage_command,
    storage_error,
)
from fieldsharp.storage.location.passwords import mask_password
from fieldsharp.storage.location.paths import files_folder, newest_backup
from fieldsharp.storage.location.url import sqlite_path
from fieldsharp.storage.optuna_adapter.schema import (
    CURRENT_SCHEMA,
    OUR_TABLES,
    schema_age,
    schema_of,
    table_names,
)
from fieldsharp.storage.sqlite.file import quick_check, read_unchanged, size_of
from fieldsharp.storage.sqlite.single_name import require_single_name

SHOWN_TABLES = 5


@dataclass(frozen=True)
class _Contents:
    tables: list[str]
    schema: str | None
    fault: str | None


def require_sound(url: str, mode: Literal["read", "write"], *, must_exist: bool = False) -> None:
    """Check that the file of a database exists, is whole, of studies, and of this version.

    For ``write`` the structure of every page is checked. A missing file is in order for ``write``
    unless it must exist.

    Raises:
        ConfigError: If it is missing, no database, or another program's.
        DatabaseDamaged: If it is broken or empty, or missing while it has backups.
        StorageError: If its tables are of another version.
    """
    path = sqlite_path(url)
    if path is None or (mode == "write" and not must_exist and not path.exists()):
        return
    contents = _require_studies(url, path, deep=mode == "write")
    require_schema(url, contents.schema)


def require_studies(url: str, path: Path) -> None:
    """Check that a file is a database of studies, of whatever version.

    Raises:
        ConfigError: If it is missing, no database, another program's, or in use through another
            of its names.
        DatabaseDamaged: If it is broken or empty, or missing while it has backups.
    """
    _require_studies(url, path, deep=False)


def _require_studies(url: str, path: Path, *, deep: bool) -> _Contents:
    if not path.exists():
        raise _missing(url, path)
    require_single_name(url, path)
    if size_of(path) == 0:  # before SQLite opens it, which would delete the log of an empty file
        raise _empty(url, path)
    try:
        contents = _read_contents(path, deep=deep)
    except sqlite3.Error as error:
        raise _unreadable(url, error) from error
    if not contents.tables:
        raise _empty(url, path)
    if OUR_TABLES.isdisjoint(contents.tables):
        more = ", ..." if contents.tables[SHOWN_TABLES:] else ""
        raise ConfigError(
            f"storage {path} is another program's database, with the tables "
            f"{', '.join(contents.tables[:SHOWN_TABLES])}{more} and none of studies; "
            "name another with --storage"
        )
    if contents.fault is not None:
        raise damaged(url, contents.fault)
    return contents


def _read_contents(path: Path, *, deep: bool) -> _Contents:
    def read(connection: sqlite3.Connection) -> _Contents:
        # A file shorter than its header says is refused here: SQLite compares the two.
        fault = quick_check(connection) if deep else None
        return _Contents(table_names(connection), schema_of(connection), fault)

    return read_unchanged(path, read)


def require_schema(url: str, schema: str | None) -> None:
    """Check that the tables of a database are of this version.

    Raises:
        StorageError: If they are of an older one or a newer.
    """
    age = schema_age(schema)
    name = mask_password(url)
    if age == "older":
        raise StorageError(
            f"database {name} was made by an older version (its tables are "
            f"{schema or 'of an unknown version'}, here {CURRENT_SCHEMA} is needed); bring it up "
            f"to date with {storage_command(url, 'upgrade')}, which backs it up first"
        )
    if age == "newer":
        newest = newest_backup(url)
        backup = f" (its newest backup is {newest})" if newest is not None else ""
        raise StorageError(
            f"database {name} was made by a newer version (its tables are {schema}, here "
            f"{CURRENT_SCHEMA} is known); use the newer version of this program, or another "
            f"database with --storage{backup}"
        )


def _missing(url: str, path: Path) -> ConfigError | DatabaseDamaged:
    if newest_backup(url) is None:
        return ConfigError(
            f"there is no database at {path}; start a sweep first, or name another with --storage"
        )
    advice = restore_advice(url, otherwise="start a sweep to begin anew")
    return DatabaseDamaged(f"the database {path} is gone; {advice}")


def _empty(url: str, path: Path) -> DatabaseDamaged:
    advice = restore_advice(url, otherwise="remove the file to begin anew")
    return DatabaseDamaged(f"the database {path} is empty, without any table; {advice}")


def _unreadable(url: str, error: sqlite3.Error) -> ConfigError | StorageError:
    # A folder next to it tells an overwritten database of studies from a wrong file name.
    if "not a database" in str(error) and not files_folder(url).is_dir():
        return ConfigError(
            f"storage {mask_password(url)} is a file but no database; name another with --storage"
        )
    return storage_error(url, one_line(error))
