"""A new file beside a target, which is filled and then renamed to it."""

import os
from pathlib import Path
from secrets import token_hex

FILE_MODE = 0o600
USUAL_MODE = 0o666
"""From which the user's mask takes what it takes."""
LONGEST_ADDITION = len("..1234567.01234567.partial")
"""By how much the name of the new file is longer than its target's."""


def partial_path(target: Path) -> Path:
    """Return a name beside ``target`` that nobody can guess, and so put a link under."""
    return target.with_name(f".{target.name}.{os.getpid()}.{token_hex(4)}.partial")


def make_empty(path: Path, mode: int = FILE_MODE) -> None:
    """Make a new empty file.

    Raises:
        OSError: If it cannot be made, or something of that name is there, be it a link.
    """
    os.close(open_new(path, mode))


def open_new(path: Path, mode: int = FILE_MODE) -> int:
    """Make a new file and return a descriptor that writes to it.

    Raises:
        OSError: If it cannot be made, or something of that name is there, be it a link.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
    return os.open(path, flags, mode)
