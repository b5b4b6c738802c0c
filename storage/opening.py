"""The lock on opening a database for writing."""

from collections.abc import Iterator
from contextlib import contextmanager

from fields.errors import StorageUnavailable
from storage.lock_file import open_lock_file, take_lock
from storage.place import opening_lock
from storage.sqlite_file import TIMEOUT_S
from storage.url import mask_password


@contextmanager
def opening_locked(url: str) -> Iterator[None]:
    """Let one process at a time make tables, change them or put another file in place.

    Raises:
        ConfigError: If the lock cannot be made.
        StorageUnavailable: If another process has held it for too long.
    """
    with open_lock_file(opening_lock(url)) as lock:
        if not take_lock(lock, TIMEOUT_S):
            raise StorageUnavailable(
                f"another process has been making or upgrading {mask_password(url)} for "
                f"{TIMEOUT_S:.0f} s",
                "see what it waits for, then run the same command again",
            )
        yield
