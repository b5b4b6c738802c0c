"""Whether a folder may be used: nobody but its rightful owner can have put files into it.

What lies beside a database is trusted: a lock is emptied and written, a checkpoint is loaded, old
files are removed. So each folder of it must be a real folder, no link, that no other user can
write to, and that belongs

- to the user of this process, where something is written into it;
- where it is only read, to that user or to the owner of the database: whoever reads a database
  already trusts its owner.

This holds for root too. A folder of a third user is refused although root could read it, since that
user may have planted what is in it. ``sudo`` with ``status`` on somebody else's sweep works, as the
sweep's owner has both the database and the folder. ``sudo`` with ``start`` on it is refused: that
owner could put a link in the place of a folder at any moment, and root would write through it.

A folder of ours that its group may write to is closed and used. One that every user may write to is
refused until somebody has looked at what is in it.
"""

import errno
import logging
import os
import pwd
import shlex
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.location.paths import files_folder
from fieldsharp.storage.location.url import sqlite_path

logger = logging.getLogger(__name__)
Mode = Literal["read", "write"]
CLOSED = 0o700


def check_files_folder(url: str, mode: Mode) -> None:
    """Check that the folder beside a database may be used; it may not be there yet.

    A folder that the address of a server names with ``?files=`` is the user's choice: it may be a
    link, and may be shared with others, each with folders of their own in it. It is refused only if
    every user can rename what others have in it.

    Raises:
        ConfigError: If it may not be used, or the database is a folder itself.
    """
    path = sqlite_path(url)
    if path is not None and path.is_dir():
        raise ConfigError(
            f"storage {path} is a folder; name a file in it, such as {path / 'sweeps.db'}"
        )
    folder = files_folder(url)
    if path is None:
        # Only here: who sweeps in a file need not load what knows the addresses of servers.
        from fieldsharp.storage.location.server_url import named_folder

        if named_folder(url) is not None:
            _check_shared(folder)
            return
        _require(folder, mode, {os.geteuid()})
        return
    _require(folder, mode, {os.geteuid()} | (_owner(path) if mode == "read" else set()))


def check_folder(folder: Path, mode: Mode) -> None:
    """Check that a folder may be used that lies in one that was checked; it may not be there yet.

    Raises:
        ConfigError: If it may not be used.
    """
    _require(folder, mode, _owners(folder, mode))


def may_be_read(folder: Path) -> bool:
    """Return whether a folder is there and may be read; one that may not is named in a warning."""
    refused = refusal(folder, _owners(folder, "read"))
    if refused is not None:
        logger.warning("%s", refused)
        return False
    try:
        return folder.is_dir()
    except OSError:  # the folder that it lies in cannot be looked into
        return False


def refusal(folder: Path, owners: Collection[int]) -> str | None:
    """Return why a folder may not be used and what to do; close it to its group if it is ours.

    Args:
        folder: Nothing is wrong with one that is not there, or that cannot be looked at.
        owners: User ids it may belong to.

    Returns:
        A sentence; None if the folder may be used.
    """
    try:
        found = folder.lstat()
    except OSError:
        return None
    wrong = _wrong(folder, found, owners)
    if wrong is None and found.st_mode & stat.S_IWGRP:
        wrong = _close(folder, stat.S_IMODE(found.st_mode))
    return wrong and f"{wrong}, or choose another database with --storage"


def _require(folder: Path, mode: Mode, owners: Collection[int]) -> None:
    if mode == "read" and not os.access(folder, os.X_OK):
        return  # it is not there, or nothing in it can be opened
    refused = refusal(folder, owners)
    if refused is not None:
        raise ConfigError(refused)


def _check_shared(folder: Path) -> None:
    try:
        found = folder.stat()
    except OSError:
        return
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        raise ConfigError(
            f"{folder}, named by ?files=, can be written by every user (mode "
            f"{stat.S_IMODE(found.st_mode):04o}), who can put other folders in the place of yours; "
            "name a folder in it that is yours alone"
        )


def _wrong(folder: Path, found: os.stat_result, owners: Collection[int]) -> str | None:
    if stat.S_ISLNK(found.st_mode):
        return (
            f"{folder} is a link, and what a sweep keeps must lie in a folder of its own; remove "
            "the link and move the folder that it leads to into its place"
        )
    if not stat.S_ISDIR(found.st_mode):
        return f"{folder} is no folder, and a sweep keeps its files in one; move it away"
    mode, is_ours = stat.S_IMODE(found.st_mode), found.st_uid == os.geteuid()
    if found.st_uid not in owners:
        return (
            f"{folder} belongs to {_user(found.st_uid)}, who may have put anything into it; run "
            "the command as that user, move the folder away"
        )
    if mode & stat.S_IWOTH or (mode & stat.S_IWGRP and not is_ours):
        who = "every user" if mode & stat.S_IWOTH else "its group"
        whose = "" if is_ours else "have its owner "
        return (
            f"{folder} can be written by {who} (mode {mode:04o}), who may have put anything into "
            f"it; look at what it holds, then {whose}close it with "
            f"chmod 700 {shlex.quote(str(folder))}"
        )
    return None


def _close(folder: Path, mode: int) -> str | None:
    try:
        folder.chmod(CLOSED)
    except OSError as error:
        return (
            f"{folder} can be written by its group (mode {mode:04o}), and its mode cannot be "
            f"changed ({error.strerror}); copy it with its database to a disk where it can"
        )
    logger.warning(
        "%s could be written by its group (mode %04o): its mode is now 0700", folder, mode
    )
    return None


def open_within(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open a regular file in a folder that was checked, never what a link leads to.

    Returns:
        A descriptor.

    Raises:
        OSError: If it cannot be opened, or is a link, a pipe or anything but a file.
    """
    # Not blocking: opening a pipe nobody writes to would wait for ever.
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, mode)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return descriptor


def open_to_read(path: Path) -> int:
    """Open a regular file for reading in a folder that was checked; no link is followed.

    Returns:
        A descriptor.

    Raises:
        OSError: If it cannot be opened, is no such file, or belongs to somebody else than the user
            of this process and the owner of its folder.
    """
    descriptor = open_within(path, os.O_RDONLY)
    owner = os.fstat(descriptor).st_uid
    if owner not in _owners(path, "read"):
        os.close(descriptor)
        raise PermissionError(errno.EPERM, f"it belongs to {_user(owner)}", str(path))
    return descriptor


def read_within(path: Path, most_bytes: int | None = None) -> bytes:
    """Return what a regular file in a folder that was checked holds; no link is followed.

    Raises:
        OSError: As ``open_to_read``, or if it holds more than ``most_bytes``.
    """
    with os.fdopen(open_to_read(path), "rb") as file:
        if most_bytes is not None and os.fstat(file.fileno()).st_size > most_bytes:
            raise OSError(errno.EFBIG, f"it is larger than {most_bytes / 1e6:g} MB", str(path))
        return file.read()


def _owners(folder: Path, mode: Mode) -> set[int]:
    return {os.geteuid()} | (_owner(folder.parent) if mode == "read" else set())


def _owner(path: Path) -> set[int]:
    try:
        return {path.stat().st_uid}
    except OSError:
        return set()


def _user(number: int) -> str:
    try:
        return f"the user {pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"user {number}"
