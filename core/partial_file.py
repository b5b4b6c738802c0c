"""Temporary files next to a target, which are written and then renamed to it.

A new file cannot be made (``OSError``) where its name is taken, be it by a link.
"""

import os
from pathlib import Path
from secrets import token_hex

FILE_MODE = 0o600
USUAL_MODE = 0o666
"""Before the user's umask."""
LONGEST_ADDITION = len("..1234567.01234567.partial")
"""How much longer the temporary name is than that of the target."""


def partial_path(target: Path) -> Path:
    """Return an unguessable path next to ``target``: nobody can place a link under its name."""
    return target.with_name(f".{target.name}.{os.getpid()}.{token_hex(4)}.partial")


def make_empty(path: Path, mode: int = FILE_MODE) -> None:
    """Make a new empty file."""
    os.close(open_new(path, mode))


def open_new(path: Path, mode: int = FILE_MODE) -> int:
    """Make a new file and return a descriptor that writes to it."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
    return os.open(path, flags, mode)
