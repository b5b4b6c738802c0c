"""How a process that trains holds on to memory."""

import ctypes
from contextlib import suppress

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_MAPPED_APART = 32 * 2**20
"""Bytes; the most that glibc accepts."""
MOST_KEPT = 256 * 2**20
"""Bytes of freed memory that stay with the process."""


def keep_freed_memory() -> None:
    """Let the process take memory again that it has freed, where the C library is glibc.

    glibc gives memory back as soon as some megabytes are free, so each batch that is verified would
    be written to pages the kernel has to clear first: a fifth of the time of a verification. What
    the process needs at most stays the same.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_MAPPED_APART)
        library.mallopt(M_TRIM_THRESHOLD, MOST_KEPT)
