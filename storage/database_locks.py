"""Locks on a whole database: one process changes its tables, and only while no study runs."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fieldsharp.core.errors import ConfigError, StorageUnavailable, StudyError
from fieldsharp.storage.durable_files.file_lock import (
    is_held,
    open_lock_file,
    open_lock_to_read,
    share_lock,
    take_lock,
)
from fieldsharp.storage.location.passwords import mask_password
from fieldsharp.storage.location.paths import files_folder, init_lock_path
from fieldsharp.storage.location.url import is_postgres, sqlite_path
from fieldsharp.storage.sqlite.file import TIMEOUT_S
from fieldsharp.storage.sqlite.inode_locks import is_study_locked
from fieldsharp.storage.sqlite.study_lock import read_lock_owner


@contextmanager
def database_init_lock(url: str) -> Iterator[None]:
    """Let one process at a time make tables, change them or replace the database file.

    Raises:
        ConfigError: If the lock cannot be made.
        StorageUnavailable: If another process has held it for too long.
    """
    if is_postgres(url):
        # Imported here: sweeps in a file need no database driver.
        from fieldsharp.storage.postgres.advisory_locks import database_init_lock_on_server

        with database_init_lock_on_server(url, TIMEOUT_S):
            yield
        return
    with open_lock_file(init_lock_path(url)) as lock:
        if not take_lock(lock, TIMEOUT_S):
            raise StorageUnavailable(
                f"another process has been making or upgrading {mask_password(url)} for "
                f"{TIMEOUT_S:.0f} s",
                "see what it waits for, then run the same command again",
            )
        yield


@contextmanager
def no_active_study(url: str, doing: str) -> Iterator[None]:
    """Prevent every study of a database from being run while the block is ``doing`` something.

    Raises:
        StudyError: If a study is being run, naming its process.
        ConfigError: If a lock cannot be read.
    """
    if is_postgres(url):
        from fieldsharp.storage.postgres.ownership_table import no_active_study_on_server

        with no_active_study_on_server(url, doing):
            yield
        return
    with ExitStack() as locks:
        for path in study_lock_files(url):
            try:
                file = locks.enter_context(open_lock_to_read(path))
            except OSError as error:
                raise ConfigError(
                    f"cannot {doing} {mask_password(url)}: whether a study in it is being run is "
                    f"not known, since the lock {path} cannot be read ({error.strerror}); see who "
                    "put it there, then run the same command again"
                ) from error
            if not share_lock(file):
                pid = read_lock_owner(file, alive=True).pid or "unknown"
                raise StudyError(
                    f"cannot {doing} {mask_password(url)} while a study in it is being run by "
                    f"process {pid}; stop that process or wait for it to end"
                )
        database = sqlite_path(url)
        if database is not None and database.exists() and is_study_locked(database):
            raise StudyError(
                f"cannot {doing} {mask_password(url)} while a study in it is being run by a "
                "process whose lock was removed; wait until that has noticed it and ended"
            )
        yield


def is_lock_held(lock: Path) -> bool:
    """Return whether a process holds the lock of a study."""
    try:
        with open_lock_to_read(lock) as file:
            return is_held(file)
    except OSError:
        return False


def study_lock_files(url: str) -> list[Path]:
    """Return the lock files of all studies that were ever run."""
    found = set(files_folder(url).glob("*.lock")) - {init_lock_path(url)}
    return sorted(path for path in found if not path.is_symlink() and path.is_file())
