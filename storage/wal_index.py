"""What the index of a write-ahead log (``-shm``) says of those who read a database.

A checkpoint that a reader of an older state holds up copies only some pages, and the database file
is then no whole database without its log. So such a reader is waited for before a checkpoint is
begun. The layout of the index is documented: https://www.sqlite.org/walformat.html
"""

import fcntl
import os
import struct
from pathlib import Path

from storage.database_file import descriptor_of
from storage.inode_locks import FLOCK
from storage.sqlite_file import beside

_HEADER = struct.Struct("=16xI76xI5I")
"""Last frame of the log, frames copied into the database, and what each reader slot reads up to."""
_READER_LOCKS = 123
"""Offset of the lock byte of the first slot."""


def older_state_is_read(path: Path) -> bool:
    """Return whether another process reads a state of a database that is not the newest.

    Args:
        path: Of the database. Where it has no index, or that cannot be read, nothing is known.
    """
    _, index, _ = beside(path)
    try:
        descriptor = descriptor_of(index, writable=False)
        last, _, *marks = _HEADER.unpack(os.pread(descriptor, _HEADER.size, 0))
        return any(
            mark < last and _is_locked(descriptor, _READER_LOCKS + slot)
            for slot, mark in enumerate(marks)
            if slot > 0  # the first reads the file alone, and holds a checkpoint up as a whole
        )
    except (OSError, struct.error):
        return False


def _is_locked(descriptor: int, byte: int) -> bool:
    """Return whether another process has a POSIX lock on a byte."""
    request = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
    found = fcntl.fcntl(descriptor, fcntl.F_GETLK, request)
    return bool(struct.unpack(FLOCK, found)[0] != fcntl.F_UNLCK)
