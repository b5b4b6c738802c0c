"""Lock files next to a database, locked with flock."""

import fcntl
import os
import time
from pathlib import Path
from typing import IO

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.durable_files.atomic import make_private_folder
from fieldsharp.storage.durable_files.owned_folders import check_folder
from fieldsharp.storage.durable_files.regular_files import open_to_read, open_within

TRY_EVERY_S = 0.02


def open_lock_file(path: Path) -> IO[str]:
    """Open a lock file for writing; it is made with its folder if it is missing.

    Raises:
        ConfigError: If it cannot be made, its folder may not be used, or its name is taken by
            anything but a file of this user.
    """
    check_folder(path.parent, "write")
    try:
        make_private_folder(path.parent, parents=False)
        descriptor = open_within(path, os.O_CREAT | os.O_RDWR)
    except OSError as error:
        if path.is_symlink():
            raise _foreign_file(path, f"is a link to {path.readlink()}") from error
        if path.exists() and not path.is_file():
            raise _foreign_file(path, "is no regular file") from error
        raise ConfigError(
            f"cannot make the lock {path} ({error.strerror}); the folder of the database must be "
            "there and writable, or choose another with --storage"
        ) from error
    metadata = os.fstat(descriptor)
    if metadata.st_uid != os.geteuid() or metadata.st_nlink > 1:
        os.close(descriptor)
        raise _foreign_file(path, "belongs to another user, or has a second name")
    return os.fdopen(descriptor, "r+", encoding="utf-8")


def open_lock_to_read(path: Path) -> IO[str]:
    """Open a lock file for reading; no link is followed.

    Raises:
        OSError: If it cannot be opened, is no regular file, or is another user's.
    """
    return os.fdopen(open_to_read(path), encoding="utf-8", errors="replace")


def _foreign_file(path: Path, found: str) -> ConfigError:
    return ConfigError(
        f"the lock {path} {found}, and a lock is emptied by whoever takes it; see who put it "
        "there, remove it and run the same command again"
    )


def take_lock(file: IO[str] | int, timeout_s: float) -> bool:
    """Take an exclusive lock on a file; return whether it was free in time.

    It is polled: a process that waits in the system call would not notice a request to stop.
    """
    deadline = time.monotonic() + timeout_s
    while not _lock(file, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            return False
        time.sleep(TRY_EVERY_S)
    return True


def share_lock(file: IO[str]) -> bool:
    """Take a shared lock on a file; return whether no process has an exclusive one."""
    return _lock(file, fcntl.LOCK_SH)


def is_held(file: IO[str]) -> bool:
    """Return whether a process has an exclusive lock on a file."""
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
