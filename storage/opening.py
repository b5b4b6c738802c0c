"""The lock on opening a database for writing."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from fields.errors import ConfigError
from storage.lock_file import open_lock_file
from storage.place import opening_lock
from storage.private_files import make_private_folder


@contextmanager
def opening_locked(url: str) -> Iterator[None]:
    """Let one process at a time make tables, change them or put another file in place.

    Raises:
        ConfigError: If the lock cannot be made.
    """
    path = opening_lock(url)
    try:
        make_private_folder(path.parent)
    except OSError as error:
        raise ConfigError(
            f"cannot make the folder {path.parent} ({error.strerror}), where what belongs to the "
            "database is kept; make the folder above it writable, or choose another with --storage"
        ) from error
    with open_lock_file(path) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
