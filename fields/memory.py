"""How much memory there is, asked before something of an absurd size is read."""

import os

from fields.errors import DataError

BYTES_A_VALUE = 8  # values are held in double precision while they are checked


def require_memory(values: int, what: str) -> None:
    """Check that so many values could be held at all: a few bytes of a file can stand for them.

    Raises:
        DataError: If this machine has less memory than they take.
    """
    needed = values * BYTES_A_VALUE
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise DataError(
            f"{what} holds {values} values, {needed / 2**30:.3g} GiB in double precision, and this "
            f"machine has {there / 2**30:.3g} GiB of memory; cut out a region or a period"
        )
