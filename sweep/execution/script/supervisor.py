"""Supervises one command and kills its whole process tree.

A program of its own (``python -I -S supervisor.py STATUS GRACE_S COMMAND...``), which imports
nothing of this project, so that it starts within milliseconds. It terminates the command when its
standard input is closed, as it also is when the process that started it dies. On Linux it adopts
orphaned descendants of the command, including those that left its process group, and kills them
too. The exit status of the command and the peak memory of any of its processes (ru_maxrss) are
written to the descriptor STATUS: ``exit 3 20480``.
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
KILL_TIMEOUT_S = 5.0
"""A process blocked on a failed disk does not end even when killed: it is abandoned."""


def supervise(status: int, grace_s: float, command: list[str]) -> None:
    """Run a command until it exits or standard input is closed, and write its exit status.

    ``grace_s`` are the seconds between SIGTERM and SIGKILL.
    """
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    wakeup, wakeup_write = os.pipe()
    os.set_blocking(wakeup_write, False)
    signal.set_wakeup_fd(wakeup_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    pid = os.fork()
    if pid == 0:
        _exec(status, command)
    exit_status = _wait_for(pid, wakeup, time.monotonic() + 1e9, until_closed=0)
    if exit_status is None:
        _send(pid, signal.SIGTERM)
        exit_status = _wait_for(pid, wakeup, time.monotonic() + grace_s)
    if exit_status is None:
        _send(pid, signal.SIGKILL)
    after_kill = _kill_tree(pid)
    exit_status = after_kill if exit_status is None else exit_status
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    code = -signal.SIGKILL if exit_status is None else os.waitstatus_to_exitcode(exit_status)
    kind = f"signal {-code}" if code < 0 else f"exit {code}"
    os.write(status, f"{kind} {peak}\n".encode())


def _exec(status: int, command: list[str]) -> None:
    """Replace this process by the command, with signals as in a terminal; does not return."""
    try:
        os.setsid()
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # A worker blocks or ignores these, which its child processes inherit.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.set_inheritable(status, False)
        os.execvp(command[0], command)  # noqa: S606 - a list of arguments, never through a shell
    except OSError as error:
        os.write(status, f"start {error.strerror}\n".encode())
    os._exit(127)


def _wait_for(
    pid: int, wakeup: int, deadline: float, until_closed: int | None = None
) -> int | None:
    """Return the exit status of the command, None at the deadline or at end-of-file."""
    watched = [wakeup] if until_closed is None else [wakeup, until_closed]
    while True:
        with contextlib.suppress(ChildProcessError):
            while (child := os.waitpid(-1, os.WNOHANG))[0]:
                if child[0] == pid:
                    return child[1]
        left_s = min(max(0.0, deadline - time.monotonic()), 3600.0)
        ready, _, _ = select.select(watched, [], [], left_s)
        if wakeup in ready:
            os.read(wakeup, 512)
        if until_closed in ready or (not ready and time.monotonic() >= deadline):
            return None


def _kill_tree(pid: int) -> int | None:
    """Kill all descendants; return the exit status of the command if it ends only now."""
    exit_status = None
    deadline = time.monotonic() + KILL_TIMEOUT_S
    while time.monotonic() < deadline:
        _send(pid, signal.SIGKILL)
        for descendant in _descendants():
            with contextlib.suppress(OSError):
                os.kill(descendant, signal.SIGKILL)
        try:
            while (child := os.waitpid(-1, os.WNOHANG))[0]:
                exit_status = child[1] if child[0] == pid else exit_status
        except ChildProcessError:
            return exit_status
        time.sleep(0.005)
    return exit_status


def _send(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(OSError):
        os.killpg(group, number)


def _descendants() -> list[int]:
    """Return all descendants of this process, on systems with ``/proc``."""
    parents: dict[int, int] = {}
    with contextlib.suppress(OSError):  # then only the group and adopted processes are killed
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The process name is in parentheses and may contain any character.
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
