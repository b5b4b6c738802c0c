"""Files that are locked, beside the database."""

import fcntl
import time
from pathlib import Path
from typing import IO

from fields.errors import ConfigError
from storage.private_files import make_private_file, make_private_folder

TRY_EVERY_S = 0.02


def open_lock_file(path: Path) -> IO[str]:
    """Open a file to lock, made with its folder if it is missing.

    Raises:
        ConfigError: If it cannot be made.
    """
    try:
        make_private_folder(path.parent, parents=False)
        make_private_file(path)
        return path.open("r+", encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot make the lock {path} ({error.strerror}); the folder of the database must be "
            "there and writable, or choose another with --storage"
        ) from error


def take_lock(file: IO[str] | int, timeout_s: float) -> bool:
    """Take the lock of a file for this process alone; return whether that came about in time.

    Not by waiting in the system: there a process would not hear that it is to stop.
    """
    deadline = time.monotonic() + timeout_s
    while not _lock(file, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            return False
        time.sleep(TRY_EVERY_S)
    return True


def share_lock(file: IO[str]) -> bool:
    """Take a lock together with others that look; return whether nobody holds it for himself."""
    return _lock(file, fcntl.LOCK_SH)


def is_held(file: IO[str]) -> bool:
    """Return whether a process holds the lock of a file for itself."""
    if not share_lock(file):
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def _lock(file: IO[str] | int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
