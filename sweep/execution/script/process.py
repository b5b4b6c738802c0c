"""A script at work: its output as it comes, how it ended, and its end whenever it is wanted."""

import errno
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.sweep.execution.leftover_processes import kill_marked, mark_script
from fieldsharp.sweep.execution.script import supervisor
from fieldsharp.sweep.execution.script.launch import ScriptCall

GRACE_S = 3.0
"""Between asking a script to end and ending it."""
CHUNK = 1 << 20
KEEPER = (sys.executable, "-I", "-S", str(Path(supervisor.__file__)))
QUIET_S = 0.5
"""After its keeper is gone, so long nothing must come: something may hold the pipe for ever."""

NOTHING_LEFT = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""Processes, memory and descriptors: there may be some again."""


class NoProcessError(Exception):
    """This machine starts no process at the moment."""


@dataclass(frozen=True)
class ScriptEnd:
    """How a script ended.

    Attributes:
        words: Such as ``ended with exit code 3``; "" where all is well.
        peak_memory_mb: The most that any of its processes held.
    """

    words: str
    peak_memory_mb: float = 0.0


class ScriptProcess:
    """A script in a process group of its own, which ends with whoever made this.

    Args:
        call: How it is called.
        folder: Where it is run.

    Raises:
        TrainingFailed: If it cannot be run there.
        NoProcessError: If this machine starts no process at the moment.
    """

    def __init__(self, call: ScriptCall, folder: Path) -> None:
        try:
            self._status, theirs = os.pipe()
        except OSError as error:
            raise NoProcessError(error.strerror) from error
        try:
            self._keeper = subprocess.Popen(  # noqa: S603 - a list of words, never through a shell
                [*KEEPER, str(theirs), str(GRACE_S), *call.command],
                cwd=folder,
                env=call.environment,
                stdin=subprocess.PIPE,  # closed when we die, which ends the script
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs,),
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            os.close(self._status)
            if error.errno in NOTHING_LEFT:
                raise NoProcessError(error.strerror) from error
            raise TrainingFailed(
                f"the script cannot be started in its copy of the project ({error.strerror}); it "
                "must not remove or rename the folder it is run in"
            ) from error
        finally:
            os.close(theirs)
        self._marks = mark_script(self._keeper.pid)
        assert self._keeper.stdout is not None, "a pipe was asked for"
        self.output = self._keeper.stdout.fileno()
        os.set_blocking(self.output, False)
        self._gone_at: float | None = None

    def read(self) -> bytes | None:
        """Return what was printed since, None once nothing follows; never waits."""
        try:
            printed = os.read(self.output, CHUNK)
        except BlockingIOError:
            if self._keeper.poll() is None:
                return b""
            self._gone_at = self._gone_at or time.monotonic()
            return None if time.monotonic() - self._gone_at > QUIET_S else b""
        return printed or None

    def stop(self) -> None:
        """Ask the script to end, and have it ended with all it started if it does not."""
        assert self._keeper.stdin is not None, "a pipe was asked for"
        with suppress(OSError):
            self._keeper.stdin.close()

    def close(self) -> ScriptEnd:
        """End whatever is left of the script, and return how it ended."""
        self.stop()
        try:
            self._keeper.wait(GRACE_S + supervisor.GIVEN_UP_S + 1.0)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()
        assert self._keeper.stdout is not None, "a pipe was asked for"
        self._keeper.stdout.close()
        os.set_blocking(self._status, False)
        try:
            told = os.read(self._status, 4096).decode(errors="replace").strip()
        except BlockingIOError:  # a child of the script's own holds it
            told = ""
        os.close(self._status)
        if not told:  # the script has killed its keeper
            kill_marked(self._marks)
        return _end(told)


def _end(told: str) -> ScriptEnd:
    first, *_ = told.splitlines() or [""]
    kind, _, rest = first.partition(" ")
    if kind == "start":
        return ScriptEnd(f"could not be started ({rest})")
    if kind not in ("exit", "signal"):
        return ScriptEnd("ended with the process that kept it")
    number, _, peak = rest.partition(" ")
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss: bytes there, KiB elsewhere
    peak_mb = int(peak or 0) / unit
    if kind == "signal":
        perhaps = ", perhaps out of memory" if number == "9" else ""
        return ScriptEnd(f"was ended by signal {number}{perhaps}", peak_mb)
    return ScriptEnd("" if number == "0" else f"ended with exit code {number}", peak_mb)
