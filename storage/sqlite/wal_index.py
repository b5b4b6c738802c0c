"""What the index of a write-ahead log (``-shm``) says of those who read a database.

A checkpoint that a reader of an older state holds up copies only some pages, and the database file
is then no whole database without its log. So such a reader is waited for before a checkpoint is
begun. The layout of the index is documented: https://www.sqlite.org/walformat.html
"""

import os
import struct

from fieldsharp.storage.sqlite.inode_locks import is_locked

_HEADER = struct.Struct("=16xI76xI5I")
"""Last frame of the log, frames copied into the database, and what each reader slot reads up to."""
_READER_LOCKS = 123
"""Offset of the lock byte of the first slot."""


def older_state_is_read(index: int) -> bool:
    """Return whether another process reads a state of a database that is not the newest.

    Args:
        index: A descriptor on it. Where it cannot be read, nothing is known.
    """
    try:
        last, _, *marks = _HEADER.unpack(os.pread(index, _HEADER.size, 0))
        return any(
            mark < last and is_locked(index, _READER_LOCKS + slot, 1, command="F_GETLK")
            for slot, mark in enumerate(marks)
            if slot > 0  # the first reads the file alone, and holds a checkpoint up as a whole
        )
    except (OSError, struct.error):
        return False
