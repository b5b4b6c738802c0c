"""The lock on opening a database for writing."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from storage.lock_file import open_lock_file
from storage.place import opening_lock


@contextmanager
def opening_locked(url: str) -> Iterator[None]:
    """Let one process at a time make tables, change them or put another file in place.

    Raises:
        ConfigError: If the lock cannot be made.
    """
    with open_lock_file(opening_lock(url)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
