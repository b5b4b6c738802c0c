"""Whether a sweep runs in a database, as the locks of its studies tell."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fieldsharp.core.errors import ConfigError, StudyError
from fieldsharp.storage.durable_files.file_lock import is_held, open_to_look, share_lock
from fieldsharp.storage.location.paths import files_folder, init_lock_path
from fieldsharp.storage.location.url import is_postgres, mask_password, sqlite_path
from fieldsharp.storage.sqlite.inode_locks import is_study_held
from fieldsharp.storage.sqlite.study_lock import read_lock_owner


@contextmanager
def no_active_study(url: str, doing: str) -> Iterator[None]:
    """Keep every study of a database from being run meanwhile.

    Args:
        url: The database.
        doing: What is going to be done, for the message.

    Raises:
        StudyError: If one is run now, naming its process.
        ConfigError: If a lock cannot be read.
    """
    if is_postgres(url):
        # Only here: who sweeps in a file need not load what talks to servers.
        from fieldsharp.storage.postgres.ownership_table import no_active_study_on_server

        with no_active_study_on_server(url, doing):
            yield
        return
    with ExitStack() as held:
        for path in study_locks(url):
            try:
                file = held.enter_context(open_to_look(path))
            except OSError as error:
                raise ConfigError(
                    f"cannot {doing} {mask_password(url)}: whether a study in it is being run is "
                    f"not known, since the lock {path} cannot be read ({error.strerror}); see who "
                    "put it there, then run the same command again"
                ) from error
            if not share_lock(file):
                holder = read_lock_owner(file, alive=True).pid or "unknown"
                raise StudyError(
                    f"cannot {doing} {mask_password(url)} while a study in it is being run by "
                    f"process {holder}; stop that process or wait for it to end"
                )
        database = sqlite_path(url)
        if database is not None and database.exists() and is_study_held(database):
            raise StudyError(
                f"cannot {doing} {mask_password(url)} while a study in it is being run by a "
                "process whose lock was removed; wait until that has noticed it and ended"
            )
        yield


def is_run(lock: Path) -> bool:
    """Return whether a process holds the lock of a study."""
    try:
        with open_to_look(lock) as file:
            return is_held(file)
    except OSError:
        return False


def study_locks(url: str) -> list[Path]:
    """Return the lock files of all studies that were ever run."""
    found = set(files_folder(url).glob("*.lock")) - {init_lock_path(url)}
    return sorted(path for path in found if not path.is_symlink() and path.is_file())
