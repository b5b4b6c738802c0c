"""Restores a database from a backup."""

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from fieldsharp.core.errors import ConfigError, DatabaseDamaged
from fieldsharp.core.partial_file import make_empty, partial_path
from fieldsharp.storage.database_locks import database_init_lock, no_active_study
from fieldsharp.storage.durable_files.atomic import synchronise
from fieldsharp.storage.errors.messages import one_line, storage_command, storage_error
from fieldsharp.storage.location.passwords import mask_password
from fieldsharp.storage.location.paths import backups, check_files_folder, newest_backup
from fieldsharp.storage.maintenance.backup import database_path
from fieldsharp.storage.optuna_adapter.schema import OUR_TABLES, table_names
from fieldsharp.storage.sqlite.file import quick_check, read_unchanged
from fieldsharp.storage.sqlite.replace import (
    clear_partials,
    copy_permissions,
    discard,
    move_aside,
    put_in_place,
)
from fieldsharp.storage.sqlite.single_name import require_single_name


@dataclass(frozen=True)
class Restored:
    """A restored database, its backup, and where the former one was moved, if there was one."""

    path: Path
    backup: Path
    aside: Path | None


def restore(url: str, backup: Path | None = None) -> Restored:
    """Replace a database by a backup (the newest if None); the former one is only moved aside.

    Killed at any moment it leaves the former database, the restored one, or none (which the next
    command reports); running it again is always safe.

    Raises:
        ConfigError: If the database is no file, there is no such backup, or it is none of studies,
            or the folder next to the database may not be used.
        StudyError: If a study in it is being run.
        DatabaseDamaged: If the backup is damaged.
        StorageError: If the disk refuses.
    """
    path = database_path(url)
    check_files_folder(url, "write")
    chosen = backup if backup is not None else newest_backup(url)
    if chosen is None:
        raise ConfigError(
            f"there is no backup of {mask_password(url)}; name a copy of your own with "
            f"{storage_command(url, 'restore COPY')}"
        )
    if not chosen.is_file():
        raise ConfigError(f"there is no backup {chosen}; name a file that exists")
    if path.exists() and chosen.samefile(path):
        raise ConfigError(f"{chosen} is the database itself; name a backup of it")
    if path.exists():
        require_single_name(url, path)
    _require_sound_backup(url, chosen)
    target = path.resolve()
    partial = partial_path(target)
    with database_init_lock(url), no_active_study(url, "restore"):
        clear_partials(target)
        try:
            make_empty(partial)
            shutil.copyfile(chosen, partial)
            copy_permissions(partial, target if target.exists() else chosen)
            synchronise(partial)  # before the former database is moved
            aside = move_aside(target)
            put_in_place(partial, target)
        except OSError as error:
            reason = error.strerror or str(error)
            raise type(storage_error(url, reason))(
                f"{path} cannot be restored from {chosen} ({reason}); free space on the disk or "
                "make the folder writable, then run the same command again"
            ) from error
        finally:
            discard(partial)
    return Restored(path, chosen, aside)


def _require_sound_backup(url: str, backup: Path) -> None:
    tables: list[str] = []
    try:
        fault = read_unchanged(backup, quick_check)
        if fault is None:
            tables = read_unchanged(backup, table_names)
    except sqlite3.Error as error:
        fault = one_line(error)
    if fault is not None:
        others = [path for path in backups(url) if path.absolute() != backup.absolute()]
        fix = f"name another, such as {others[-1]}" if others else "there is no other beside it"
        raise DatabaseDamaged(f"the backup {backup} is damaged ({fault}); {fix}")
    if OUR_TABLES.isdisjoint(tables):
        raise ConfigError(f"{backup} is no backup: it holds no studies; name another")
