"""Reading a file that should be small, whatever was put in its place."""

import os
import stat
from pathlib import Path


def read_bounded(path: Path, most_bytes: int) -> bytes:
    """Return the content of a regular file; neither a pipe nor an endless device is waited for.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no regular file or larger than ``most_bytes``, in words that follow
            its name.
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
