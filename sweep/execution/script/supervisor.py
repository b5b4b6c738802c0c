"""Runs one command and outlives it: nothing the command started is left when this ends.

A program of its own (``python -I -S keeper.py STATUS GRACE COMMAND...``), which imports nothing of
this project, so that it is there in some milliseconds. It ends the command when its standard input
is closed, as it is too when whoever started it dies. On Linux it adopts what the command leaves
behind, also what has left its process group, and ends that too. How the command ended, and the most
memory any of its processes held, is written to the descriptor STATUS: ``exit 3 20480``.
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
GIVEN_UP_S = 5.0
"""What does not even end when killed waits for a dead disk: it is left to itself."""


def supervise(status: int, grace_s: float, command: list[str]) -> None:
    """Run a command to its end, or until nobody wants it any more.

    Args:
        status: Descriptor that is told how it ended.
        grace_s: How long it may take to end when it is asked to.
        command: Program and arguments.
    """
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    pid = os.fork()
    if pid == 0:
        _become(status, command)
    ended = _wait_for(pid, woken, time.monotonic() + 1e9, wanted=0)
    if ended is None:
        _send(pid, signal.SIGTERM)
        ended = _wait_for(pid, woken, time.monotonic() + grace_s)
    if ended is None:
        _send(pid, signal.SIGKILL)
    left_behind = _end_all(pid)
    ended = left_behind if ended is None else ended
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    code = os.waitstatus_to_exitcode(ended) if ended is not None else -signal.SIGKILL
    words = f"signal {-code}" if code < 0 else f"exit {code}"
    os.write(status, f"{words} {peak}\n".encode())


def _become(status: int, command: list[str]) -> None:
    """Turn into the command, as it would be started from a terminal; does not return."""
    try:
        os.setsid()
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # A worker is deaf to these, and what it starts would be too.
        for deaf_to in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(deaf_to, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.set_inheritable(status, False)
        os.execvp(command[0], command)  # noqa: S606 - a list of words, never through a shell
    except OSError as error:
        os.write(status, f"start {error.strerror}\n".encode())
    os._exit(127)


def _wait_for(pid: int, woken: int, deadline: float, wanted: int | None = None) -> int | None:
    """Return how the command ended, None at the deadline or when ``wanted`` is closed."""
    watched = [woken] if wanted is None else [woken, wanted]
    while True:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == pid:
                    return ended[1]
        left_s = min(max(0.0, deadline - time.monotonic()), 3600.0)
        ready, _, _ = select.select(watched, [], [], left_s)
        if woken in ready:
            os.read(woken, 512)
        if wanted in ready or (not ready and time.monotonic() >= deadline):
            return None


def _end_all(pid: int) -> int | None:
    """End everything that is left, and return how the command ended if that is heard now."""
    ended = None
    deadline = time.monotonic() + GIVEN_UP_S
    while time.monotonic() < deadline:
        _send(pid, signal.SIGKILL)
        for descendant in _descendants():
            with contextlib.suppress(OSError):
                os.kill(descendant, signal.SIGKILL)
        try:
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                ended = found[1] if found[0] == pid else ended
        except ChildProcessError:
            return ended
        time.sleep(0.005)
    return ended


def _send(group: int, what: signal.Signals) -> None:
    with contextlib.suppress(OSError):
        os.killpg(group, what)


def _descendants() -> list[int]:
    """Return every process below this one, where the system tells of them."""
    parents: dict[int, int] = {}
    with contextlib.suppress(OSError):  # then only the group is ended, and what is adopted
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The name stands in parentheses and may hold anything.
                parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = {os.getpid()}
    while below := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= below
    return [pid for pid in found if pid != os.getpid()]


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)


if __name__ == "__main__":
    supervise(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
