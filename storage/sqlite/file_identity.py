"""The file of an SQLite database: which file it is, and a descriptor on it.

A descriptor that was opened here stays open until the process ends. Closing any descriptor of a
file frees every POSIX lock that the process has on it, those of SQLite included, and another
process could then delete the write-ahead log while it is in use.
"""

import os
import threading
from contextlib import suppress
from pathlib import Path

FileIdentity = tuple[int, int]
"""Device and inode."""

_descriptors: dict[tuple[FileIdentity, bool], int] = {}
_lock = threading.Lock()


def file_identity(path: Path) -> FileIdentity | None:
    """Return which file stands at a path, None where there is none."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def descriptor_of(path: Path, *, writable: bool) -> int:
    """Return a descriptor on a database file, for locks and to synchronise it; never close it.

    Args:
        path: Of the file, which must be there.
        writable: Whether it can take an exclusive lock.

    Raises:
        OSError: If the file cannot be opened.
    """
    with _lock:
        identity = file_identity(path)
        known = None if identity is None else _descriptors.get((identity, writable))
        if known is not None:
            return known
        flags = (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(path, flags)
        found = os.fstat(descriptor)
        return _descriptors.setdefault(((found.st_dev, found.st_ino), writable), descriptor)


def other_links(path: Path) -> list[Path]:
    """Return the other names of a file in its own folder (hard links)."""
    real = path.resolve()
    try:
        here = real.stat()
        if here.st_nlink < 2:
            return []
        beside = sorted(real.parent.iterdir())
    except OSError:
        return []
    found = []
    for other in beside:
        with suppress(OSError):
            if other != real and not other.is_symlink() and other.samefile(real):
                found.append(other)
    return found
