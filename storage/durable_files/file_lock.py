"""Files that are locked, beside the database."""

import fcntl
import os
import time
from pathlib import Path
from typing import IO

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.durable_files.atomic import make_private_folder
from fieldsharp.storage.location.owned_folders import check_folder, open_to_read, open_within

TRY_EVERY_S = 0.02


def open_lock_file(path: Path) -> IO[str]:
    """Open a file to lock, made with its folder if it is missing.

    Raises:
        ConfigError: If it cannot be made, its folder may not be used, or something else than a file
            of this user stands there.
    """
    check_folder(path.parent, "write")
    try:
        make_private_folder(path.parent, parents=False)
        descriptor = open_within(path, os.O_CREAT | os.O_RDWR)
    except OSError as error:
        if path.is_symlink():
            raise _not_ours(path, f"is a link to {path.readlink()}") from error
        if path.exists() and not path.is_file():
            raise _not_ours(path, "is no regular file") from error
        raise ConfigError(
            f"cannot make the lock {path} ({error.strerror}); the folder of the database must be "
            "there and writable, or choose another with --storage"
        ) from error
    there = os.fstat(descriptor)
    if there.st_uid != os.geteuid() or there.st_nlink > 1:
        os.close(descriptor)
        raise _not_ours(path, "belongs to another user, or has a second name")
    return os.fdopen(descriptor, "r+", encoding="utf-8")


def open_to_look(path: Path) -> IO[str]:
    """Open the file of a lock for reading; no link is followed.

    Raises:
        OSError: If it cannot be opened, is no regular file, or is another user's.
    """
    return os.fdopen(open_to_read(path), encoding="utf-8", errors="replace")


def _not_ours(path: Path, what: str) -> ConfigError:
    return ConfigError(
        f"the lock {path} {what}, and a lock is emptied by whoever takes it; see who put it there, "
        "remove it and run the same command again"
    )


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
