"""Commands on a terminal of their own, as a person has them."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from fieldsharp.core.checkout import PROJECT

PYTHON = (sys.executable, str(PROJECT / "run_sweep.py"))
COLOURS = ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS")


class OnTerminal:
    """A process whose input, output and errors are a terminal."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self._master = master

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._master, text.encode())

    def read_until(self, what: str) -> str:
        """Return what was written until a text stands there; all of it where it never does."""
        seen = b""
        while what.encode() not in seen:
            found = self._read()
            if not found:
                break
            seen += found
        return seen.decode()

    def read_to_the_end(self) -> str:
        """Return all that is written until the process ends."""
        parts = []
        while found := self._read():
            parts.append(found)
        self.process.wait(10)
        return b"".join(parts).decode()

    def _read(self) -> bytes:
        with suppress(OSError):  # how a terminal says that nobody writes to it any more
            return os.read(self._master, 65536)
        return b""


@contextmanager
def on_a_terminal(
    command: tuple[str, ...],
    folder: Path,
    variables: Mapping[str, str] | None = None,
    columns: int = 100,
) -> Iterator[OnTerminal]:
    """Run a command in a folder on a terminal with 30 rows."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in COLOURS}
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**inherited, "TERM": "xterm-256color", "PYTHONUTF8": "1", **(variables or {})},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    ) as process:
        os.close(slave)
        try:
            yield OnTerminal(process, master)
        finally:
            process.kill()  # does nothing to one that has ended
            os.close(master)
