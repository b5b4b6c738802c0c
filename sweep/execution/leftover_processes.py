"""Kills processes that user code leaves behind, identified by a resource limit they inherit.

The code of a user may fork, start programs, leave its session and its parent, close every
descriptor and clear the environment. A resource limit remains: the mark is a value of RLIMIT_RTTIME
so high that it limits nothing. Fork and exec inherit it, no unprivileged process can raise it
again, and ``/proc/PID/limits`` shows it. See docs/adr/0024.

This file is also a program (``python -I -S leftover_processes.py START STOP PID``), the guardian,
which imports nothing of this project. It waits until the coordinator with that PID asks it to or
dies in any way, and then kills every process that has a mark in that range.

Linux only. Not killed: a process that lowers the limit itself, runs as another user, or was started
on request by a service (systemd, cron, a container engine); and all of them if coordinator and
guardian are killed together.
"""

import contextlib
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

WORKER_WIDTH = 1 << 16
"""Marks of one worker: the highest is its own, the others those of the scripts it runs."""
WIDTH = WORKER_WIDTH << 12
HIGHEST = 1 << 62
LOWEST = HIGHEST >> 1
"""In microseconds, 73,000 years."""
DISMISS, KILL = b"d", b"k"
KILL_TIMEOUT_S = 5.0
"""A process blocked on a failed disk does not end even when killed: it is abandoned."""
TERMINATION_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_scripts = count(1)


class LeftoverProcesses:
    """Marks the workers of this process; its guardian kills all processes with their marks."""

    def __init__(self) -> None:
        self._marks = new_marks(WIDTH)
        self._workers = 0
        self._guardian: tuple[int, int] | None = None

    def next_marks(self) -> range:
        """Return the marks of the next worker, to kill when it ends; the highest is its own."""
        if sys.platform == "linux" and self._guardian is None:
            # If no process can be started now it is tried again with the next worker.
            with contextlib.suppress(OSError):
                self._guardian = _start_guardian(self._marks)
        stop = self._marks.stop - self._workers % (WIDTH // WORKER_WIDTH) * WORKER_WIDTH
        self._workers += 1
        return range(stop - WORKER_WIDTH, stop)

    def close(self) -> None:
        """Kill every process with a mark of these workers, and wait until that is done."""
        if self._guardian is not None:
            _instruct_guardian(*self._guardian, KILL)
            self._guardian = None


@contextlib.contextmanager
def kill_leftovers() -> Iterator[None]:
    """Kill processes that user code started in this context, at its end or when this process dies.

    The mark of this process cannot be removed, but nothing is killed for it after the context.
    """
    from multiprocessing import resource_tracker  # here: a guardian does not need it

    from fieldsharp.core.working_folder import safe_path

    marks = new_marks(WORKER_WIDTH)
    with safe_path():
        # It is not to be killed, so it is started before the mark.
        resource_tracker.ensure_running()
    _mark(os.getpid(), marks.stop - 1)
    guardian = None
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            guardian = _start_guardian(marks)
    try:
        yield
    finally:
        kill_marked(marks)
        if guardian is not None:
            _instruct_guardian(*guardian, DISMISS)


def new_marks(width: int) -> range:
    """Return a random range of marks that this process can set."""
    ceiling = min(_limit(), HIGHEST)
    start = ceiling - width * (2 + int.from_bytes(os.urandom(3), "big"))
    return range(start, start + width)


def mark_worker(pid: int, marks: range) -> None:
    """Mark a worker that was just started."""
    _mark(pid, marks.stop - 1)


def own_mark() -> int:
    """Return the mark of this process, for a process that is to end with what this one started."""
    return _limit()


def mark_script(pid: int) -> range:
    """Mark the supervisor of a script that this process just started.

    Returns:
        The marks to kill when it ends; in a worker they lie within its range.
    """
    own = _limit()
    below_own = own - 1 - next(_scripts) % (WORKER_WIDTH - 2)
    value = below_own if own < HIGHEST else new_marks(1).start
    _mark(pid, value)
    return range(value, value + 1)


def kill_marked(marks: range) -> None:
    """Kill every process but this one with a mark in a range, until none is left."""
    deadline = time.monotonic() + KILL_TIMEOUT_S
    while (pids := _marked(marks)) and time.monotonic() < deadline:
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def _limit() -> int:
    """Return the limit of this process; without one a value above all marks."""
    if sys.platform != "linux":
        return HIGHEST
    hard = resource.getrlimit(resource.RLIMIT_RTTIME)[1]
    return HIGHEST if hard == resource.RLIM_INFINITY else hard


def _mark(pid: int, value: int) -> None:
    if sys.platform == "linux" and value >= LOWEST:  # a lower value would limit something
        with contextlib.suppress(OSError, ValueError):  # it has ended, or has a limit already
            resource.prlimit(pid, resource.RLIMIT_RTTIME, (value, value))


def _marked(marks: range) -> list[int]:
    if sys.platform != "linux":
        return []
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            limits = (process / "limits").read_bytes()
            value = int(limits[limits.index(b"Max realtime timeout") :].split(maxsplit=5)[4])
            if value >= LOWEST and value in marks and int(process.name) != os.getpid():
                state = (process / "stat").read_bytes().rpartition(b")")[2].split()[0]
                if state not in (b"Z", b"X"):  # a zombie has ended
                    found.append(int(process.name))
    return found


def _start_guardian(marks: range) -> tuple[int, int]:
    """Return the pid of a guardian, and the descriptor of the pipe to it."""
    guardian_end, pipe = os.pipe()
    numbers = map(str, (marks.start, marks.stop, os.getpid()))
    command = [sys.executable, "-I", "-S", __file__, *numbers]
    output = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    try:
        pid = os.posix_spawn(
            sys.executable,
            command,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, guardian_end, 0), *output],
            setsid=True,
            setsigmask=TERMINATION_SIGNALS,
        )
    except OSError:
        os.close(pipe)
        raise
    finally:
        os.close(guardian_end)
    return pid, pipe


def _instruct_guardian(pid: int, pipe: int, command: bytes) -> None:
    """Send a guardian its command, and wait for its end."""
    with contextlib.suppress(OSError):
        os.write(pipe, command)
    os.close(pipe)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _guard(marks: range, coordinator_pid: int) -> None:
    """Wait for a command of the coordinator or for its death, and kill unless dismissed."""
    _mark(os.getpid(), LOWEST)  # outside all ranges: no guardian kills another one
    watched, every_s = [0], 1.0
    # Not end-of-file alone: children forked by the coordinator hold the pipe open.
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            watched, every_s = [0, os.pidfd_open(coordinator_pid)], 3600.0
    while os.getppid() == coordinator_pid:
        if 0 in select.select(watched, [], [], every_s)[0]:
            if os.read(0, 1) == DISMISS:
                return
            break
    kill_marked(marks)


if __name__ == "__main__":
    _guard(range(int(sys.argv[1]), int(sys.argv[2])), int(sys.argv[3]))
