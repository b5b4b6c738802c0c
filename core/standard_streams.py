"""Standard streams that may be closed, full or without a reader without ending the program."""

import errno
import io
import os
import select
import stat
import sys
from typing import Any, TextIO


class _Writer(io.FileIO):
    """Writes to a descriptor; output that cannot be written is dropped, for the error ``lost``."""

    lost: OSError | None = None

    def write(self, data: Any, /) -> int:
        try:
            written = super().write(data)
        except OSError as error:
            self.lost = error
            return memoryview(data).nbytes
        if written is None:  # another program has set the descriptor to non-blocking
            select.select([], [self], [])
            return self.write(data)
        return written


def keep_standard_streams() -> None:
    """Open closed standard streams on the null device, and drop output that the others refuse.

    To be called before any file is opened: a file would get the descriptor of a closed stream, and
    printed output would be written into it.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8")
    sys.stdout = _stream(1, sys.stdout)
    sys.stderr = _stream(2, sys.stderr)


def lost_output() -> OSError | None:
    """Return the error that cut the standard output short; None if complete or without a reader."""
    sys.stdout.flush()
    writer: Any = sys.stdout.buffer
    lost = getattr(getattr(writer, "raw", writer), "lost", None)
    if lost is None or lost.errno == errno.EPIPE:
        return None
    is_terminal = stat.S_ISCHR(os.fstat(1).st_mode) and lost.errno == errno.EIO
    return None if is_terminal else lost


def _stream(descriptor: int, before: TextIO | None) -> TextIO:
    writer = _Writer(descriptor, "w", closefd=False)
    if before is None:
        return io.TextIOWrapper(io.BufferedWriter(writer), "utf-8", "backslashreplace")
    assert isinstance(before, io.TextIOWrapper), "nothing has replaced it yet"
    return io.TextIOWrapper(
        writer if before.write_through else io.BufferedWriter(writer),
        before.encoding,
        before.errors,
        line_buffering=before.line_buffering,
        write_through=before.write_through,
    )
