"""A running script: its output, its exit status and peak memory, and how to end it."""

import errno
import os
import signal
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
"""Between SIGTERM and SIGKILL."""
CHUNK = 1 << 20
SUPERVISOR = (sys.executable, "-I", "-S", str(Path(supervisor.__file__)))
DRAIN_S = 0.5
"""How long to read on once the supervisor is gone: another process may hold the pipe open."""

EXHAUSTED = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""Out of processes, memory or descriptors, for the moment."""


_ENDING = {
    int(one): one.name
    for one in (
        *(signal.SIGILL, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE),
        *(signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM),
    )
}
"""Names of the signals that programs usually end by."""


class NoProcessError(Exception):
    """This machine cannot start a process at the moment."""


@dataclass(frozen=True)
class ScriptEnd:
    """How a script ended: its failure, "" for exit code 0, and the most memory of any process."""

    failure: str
    peak_memory_mb: float = 0.0


class ScriptProcess:
    """A script in a process group of its own, which ends when this process ends.

    Raises:
        TrainingFailed: If it cannot be run in that folder.
        NoProcessError: If this machine cannot start a process at the moment.
    """

    def __init__(self, call: ScriptCall, folder: Path) -> None:
        try:
            self._status, supervisor_end = os.pipe()
        except OSError as error:
            raise NoProcessError(error.strerror) from error
        try:
            self._supervisor = subprocess.Popen(  # noqa: S603 - a list of arguments, never a shell
                [*SUPERVISOR, str(supervisor_end), str(GRACE_S), *call.command],
                cwd=folder,
                env=call.environment,
                stdin=subprocess.PIPE,  # closed when this process dies, which ends the script
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(supervisor_end,),
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            os.close(self._status)
            if error.errno in EXHAUSTED:
                raise NoProcessError(error.strerror) from error
            raise TrainingFailed(
                f"the script cannot be started in its copy of the project ({error.strerror}); it "
                "must not remove or rename the folder it is run in"
            ) from error
        finally:
            os.close(supervisor_end)
        self._marks = mark_script(self._supervisor.pid)
        assert self._supervisor.stdout is not None, "a pipe was asked for"
        self.output = self._supervisor.stdout.fileno()
        os.set_blocking(self.output, False)
        self._drain_began: float | None = None

    def read(self) -> bytes | None:
        """Return new output, None at its end; never waits."""
        try:
            printed = os.read(self.output, CHUNK)
        except BlockingIOError:
            if self._supervisor.poll() is None:
                return b""
            self._drain_began = self._drain_began or time.monotonic()
            return None if time.monotonic() - self._drain_began > DRAIN_S else b""
        return printed or None

    def stop(self) -> None:
        """Have the supervisor terminate the script and all its descendants."""
        assert self._supervisor.stdin is not None, "a pipe was asked for"
        with suppress(OSError):
            self._supervisor.stdin.close()

    def close(self) -> ScriptEnd:
        """Terminate the script if it still runs, and return how it ended."""
        self.stop()
        try:
            self._supervisor.wait(GRACE_S + supervisor.KILL_TIMEOUT_S + 1.0)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()
        assert self._supervisor.stdout is not None, "a pipe was asked for"
        self._supervisor.stdout.close()
        os.set_blocking(self._status, False)
        try:
            status = os.read(self._status, 4096).decode(errors="replace").strip()
        except BlockingIOError:  # a descendant of the script holds the pipe open
            status = ""
        os.close(self._status)
        if not status:  # the script killed its supervisor
            kill_marked(self._marks)
        return _parse_status(status)


def _parse_status(status: str) -> ScriptEnd:
    first, *_ = status.splitlines() or [""]
    kind, _, rest = first.partition(" ")
    if kind == "start":
        return ScriptEnd(f"could not be started ({rest})")
    if kind not in ("exit", "signal"):
        return ScriptEnd("ended because its supervisor process was killed")
    number, _, peak = rest.partition(" ")
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss: bytes on macOS, else KiB
    peak_mb = int(peak or 0) / unit
    if kind == "signal":
        return ScriptEnd(f"was ended by {_signal_text(int(number))}", peak_mb)
    if number == "0":
        return ScriptEnd("", peak_mb)
    # A shell, or a program that started another, ends with 128 and the number of the signal.
    below = int(number) - 128
    perhaps = f", perhaps {_signal_text(below)}" if below in _ENDING else ""
    return ScriptEnd(f"ended with exit code {number}{perhaps}", peak_mb)


def _signal_text(number: int) -> str:
    name = f" ({_ENDING[number]})" if number in _ENDING else ""
    return f"signal {number}{name}{', perhaps out of memory' if number == 9 else ''}"
