"""Whether a folder may be used: nobody but its rightful owner can have put files into it.

The files next to a database are trusted: a lock is emptied and written, a checkpoint is loaded, old
files are removed. So each of their folders must be a real folder, no link, that no other user can
write to, and that belongs

- to the user of this process, where something is written into it;
- where it is only read, to that user or to the owner of the database: whoever reads a database
  already trusts its owner.

This holds for root too. A folder of a third user is refused although root could read it, since that
user may have planted its files. ``sudo`` with ``status`` on somebody else's sweep works, as the
sweep's owner has both the database and the folder. ``sudo`` with ``start`` on it is refused: that
owner could put a link in the place of a folder at any moment, and root would write through it.

The mode of an own folder that its group may write to is set to 0700, and the folder is used. One
that every user may write to is refused until a person has checked its files.
"""

import logging
import os
import pwd
import shlex
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from fieldsharp.core.errors import ConfigError

logger = logging.getLogger(__name__)
Mode = Literal["read", "write"]
PRIVATE_MODE = 0o700


def check_folder(folder: Path, mode: Mode) -> None:
    """Check that a folder within a checked folder may be used; it may be missing.

    Raises:
        ConfigError: If it may not be used.
    """
    require_usable(folder, mode, trusted_owners(folder, mode))


def may_be_read(folder: Path) -> bool:
    """Return whether a folder exists and may be read; a refused one is named in a warning."""
    refused = refusal(folder, trusted_owners(folder, "read"))
    if refused is not None:
        logger.warning("%s", refused)
        return False
    try:
        return folder.is_dir()
    except OSError:  # its parent folder may not be searched
        return False


def refusal(folder: Path, owners: Collection[int]) -> str | None:
    """Return why a folder may not be used and what to do; close an own one to its group.

    Args:
        folder: One that is missing, or whose metadata cannot be read, is not refused.
        owners: User ids it may belong to.

    Returns:
        A sentence; None if the folder may be used.
    """
    try:
        metadata = folder.lstat()
    except OSError:
        return None
    problem = _problem(folder, metadata, owners)
    if problem is None and metadata.st_mode & stat.S_IWGRP:
        problem = _make_private(folder, stat.S_IMODE(metadata.st_mode))
    return problem and f"{problem}, or choose another database with --storage"


def require_usable(folder: Path, mode: Mode, owners: Collection[int]) -> None:
    """Check that a folder may be used and belongs to one of these users; it may be missing.

    Raises:
        ConfigError: If it may not be used.
    """
    if mode == "read" and not os.access(folder, os.X_OK):
        return  # missing, or no file in it can be opened
    refused = refusal(folder, owners)
    if refused is not None:
        raise ConfigError(refused)


def check_shared_folder(folder: Path) -> None:
    """Check a folder that several users may share, each with folders of their own in it.

    Raises:
        ConfigError: If every user can rename the folders of other users.
    """
    try:
        mode = folder.stat().st_mode
    except OSError:
        return
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise ConfigError(
            f"{folder}, named by ?files=, can be written by every user (mode "
            f"{stat.S_IMODE(mode):04o}), who can put other folders in the place of yours; "
            "name a folder in it that is yours alone"
        )


def trusted_owners(path: Path, mode: Mode) -> set[int]:
    """Return the ids of this process's user and, for reading, of the owner of the folder above."""
    return {os.geteuid()} | (owner_of(path.parent) if mode == "read" else set())


def owner_of(path: Path) -> set[int]:
    """Return the user id of a path's owner, an empty set where it cannot be read."""
    try:
        return {path.stat().st_uid}
    except OSError:
        return set()


def user_name(user_id: int) -> str:
    """Return how messages name a user."""
    try:
        return f"the user {pwd.getpwuid(user_id).pw_name}"
    except KeyError:
        return f"user {user_id}"


def _problem(folder: Path, metadata: os.stat_result, owners: Collection[int]) -> str | None:
    if stat.S_ISLNK(metadata.st_mode):
        return (
            f"{folder} is a link, and what a sweep keeps must lie in a folder of its own; remove "
            "the link and move the folder that it leads to into its place"
        )
    if not stat.S_ISDIR(metadata.st_mode):
        return f"{folder} is no folder, and a sweep keeps its files in one; move it away"
    mode, is_own = stat.S_IMODE(metadata.st_mode), metadata.st_uid == os.geteuid()
    if metadata.st_uid not in owners:
        return (
            f"{folder} belongs to {user_name(metadata.st_uid)}, who may have put anything into it; "
            "run the command as that user, move the folder away"
        )
    if mode & stat.S_IWOTH or (mode & stat.S_IWGRP and not is_own):
        who = "every user" if mode & stat.S_IWOTH else "its group"
        whose = "" if is_own else "have its owner "
        return (
            f"{folder} can be written by {who} (mode {mode:04o}), who may have put anything into "
            f"it; look at what it holds, then {whose}close it with "
            f"chmod 700 {shlex.quote(str(folder))}"
        )
    return None


def _make_private(folder: Path, mode: int) -> str | None:
    try:
        folder.chmod(PRIVATE_MODE)
    except OSError as error:
        return (
            f"{folder} can be written by its group (mode {mode:04o}), and its mode cannot be "
            f"changed ({error.strerror}); copy it with its database to a disk where it can"
        )
    logger.warning(
        "%s could be written by its group (mode %04o): its mode is now 0700", folder, mode
    )
    return None
