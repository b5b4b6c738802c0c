"""The lock on opening a database for writing."""

from collections.abc import Iterator
from contextlib import contextmanager

from fieldsharp.core.errors import StorageUnavailable
from fieldsharp.storage.durable_files.file_lock import open_lock_file, take_lock
from fieldsharp.storage.location.paths import init_lock_path
from fieldsharp.storage.location.url import is_postgres, mask_password
from fieldsharp.storage.sqlite.file import TIMEOUT_S


@contextmanager
def database_init_lock(url: str) -> Iterator[None]:
    """Let one process at a time make tables, change them or put another file in place.

    Raises:
        ConfigError: If the lock cannot be made.
        StorageUnavailable: If another process has held it for too long.
    """
    if is_postgres(url):
        # Only here: who sweeps in a file need not load what talks to servers.
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
