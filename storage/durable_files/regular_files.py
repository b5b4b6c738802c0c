"""Opening regular files only: no links, pipes or devices put in their place, no endless reads."""

import errno
import os
import stat
from pathlib import Path

from fieldsharp.storage.durable_files.owned_folders import trusted_owners, user_name


def open_within(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open a regular file in a checked folder and return a descriptor; no link is followed.

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
    """Open a regular file in a checked folder for reading; no link is followed.

    Raises:
        OSError: If it cannot be opened, is no regular file, or belongs to another user than that of
            this process and the owner of its folder.
    """
    descriptor = open_within(path, os.O_RDONLY)
    owner = os.fstat(descriptor).st_uid
    if owner not in trusted_owners(path, "read"):
        os.close(descriptor)
        raise PermissionError(errno.EPERM, f"it belongs to {user_name(owner)}", str(path))
    return descriptor


def read_within(path: Path, most_bytes: int | None = None) -> bytes:
    """Return the content of a regular file in a checked folder; no link is followed.

    Raises:
        OSError: As ``open_to_read``, or if it holds more than ``most_bytes``.
    """
    with os.fdopen(open_to_read(path), "rb") as file:
        if most_bytes is not None and os.fstat(file.fileno()).st_size > most_bytes:
            raise OSError(errno.EFBIG, f"it is larger than {most_bytes / 1e6:g} MB", str(path))
        return file.read()


def read_bounded(path: Path, most_bytes: int) -> bytes:
    """Return the content of a regular file in any folder; links are followed.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no regular file or larger than ``most_bytes``; the message continues
            a sentence that begins with its name.
    """
    # Not blocking: opening a pipe nobody writes to would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("is no regular file")
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(f"is larger than {most_bytes / 1e6:g} MB")
    return content
