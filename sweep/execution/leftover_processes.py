"""Kills the processes that code of the user leaves behind, found by a mark that they inherit.

The code of a user may fork, start programs, leave its session and its parent, close every
descriptor and clear the environment. A resource limit stays: the mark is a value of RLIMIT_RTTIME
so high that it limits nothing. The kernel hands it on through fork and exec, no process without
privileges can raise it again, and ``/proc/PID/limits`` shows it.

This file is also a program (``python -I -S leftovers.py START STOP PID``), the guardian, that
imports nothing of this project. It waits until the coordinator with that PID tells it to or dies
in any way, and then kills every process that has one of those marks.

Linux only. Without a cgroup of their own these processes escape: one that lowers the limit itself,
one that runs as another user, one that a service started on request (systemd, cron, a container
engine), and all of them where the coordinator and the guardian are killed together.
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
"""Marks of one worker: the highest is its own, the others are for the scripts it runs."""
WIDTH = WORKER_WIDTH << 12
HIGHEST = 1 << 62
LOWEST = HIGHEST >> 1
"""In microseconds, 73,000 years."""
DISMISS, KILL = b"d", b"k"
GIVEN_UP_S = 5.0
"""A process that does not end when killed waits for a dead disk: it is left to itself."""
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_scripts = count(1)


class LeftoverProcesses:
    """Marks the workers of this process, and has a guardian that kills what carries their marks."""

    def __init__(self) -> None:
        self._marks = new_marks(WIDTH)
        self._workers = 0
        self._guardian: tuple[int, int] | None = None

    def mark_worker(self, pid: int) -> range:
        """Mark a worker that has just been started, and return the marks to kill at its end."""
        if sys.platform == "linux" and self._guardian is None:
            with contextlib.suppress(OSError):  # no process can be made now: the next worker's
                self._guardian = _start_guardian(self._marks)
        stop = self._marks.stop - self._workers % (WIDTH // WORKER_WIDTH) * WORKER_WIDTH
        self._workers += 1
        _mark(pid, stop - 1)
        return range(stop - WORKER_WIDTH, stop)

    def close(self) -> None:
        """Kill every process that has a mark of these workers, and wait until that is done."""
        if self._guardian is not None:
            _tell_guardian(*self._guardian, KILL)
            self._guardian = None


@contextlib.contextmanager
def kill_leftovers() -> Iterator[None]:
    """Kill what code of the user started in this process, at the end or when this process dies.

    Processes started in this context keep its mark; it cannot be taken back, but kills nobody
    after the context.
    """
    from multiprocessing import resource_tracker  # here, as a guardian needs none of it

    marks = new_marks(WORKER_WIDTH)
    resource_tracker.ensure_running()  # it is to stay, so it is started before the mark
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
            _tell_guardian(*guardian, DISMISS)


def new_marks(width: int) -> range:
    """Return marks that this process can give, chosen at random."""
    ceiling = min(_limit(), HIGHEST)
    start = ceiling - width * (2 + int.from_bytes(os.urandom(3), "big"))
    return range(start, start + width)


def mark_script(pid: int) -> range:
    """Mark the supervisor of a script that this process has just started.

    Returns:
        The marks to kill at its end; in a worker they are among those of the worker.
    """
    own = _limit()
    below_own = own - 1 - next(_scripts) % (WORKER_WIDTH - 2)
    value = below_own if own < HIGHEST else new_marks(1).start
    _mark(pid, value)
    return range(value, value + 1)


def kill_marked(marks: range) -> None:
    """Kill every process but this one that has one of some marks, until none is left."""
    deadline = time.monotonic() + GIVEN_UP_S
    while (found := _marked(marks)) and time.monotonic() < deadline:
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def _limit() -> int:
    """Return the limit of this process, which is above all marks where there is none."""
    if sys.platform != "linux":
        return HIGHEST
    hard = resource.getrlimit(resource.RLIMIT_RTTIME)[1]
    return HIGHEST if hard == resource.RLIM_INFINITY else hard


def _mark(pid: int, value: int) -> None:
    if sys.platform == "linux" and value >= LOWEST:  # lower ones would be a limit
        with contextlib.suppress(OSError, ValueError):  # it has ended, or is limited already
            resource.prlimit(pid, resource.RLIMIT_RTTIME, (value, value))


def _marked(marks: range) -> list[int]:
    if sys.platform != "linux":
        return []
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            limits = (process / "limits").read_bytes()
            value = int(limits[limits.index(b"Max realtime timeout") :].split(maxsplit=5)[4])
            is_ours = value >= LOWEST and value in marks and int(process.name) != os.getpid()
            if is_ours and not _is_zombie(process / "stat"):
                found.append(int(process.name))
    return found


def _is_zombie(stat: Path) -> bool:
    return stat.read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X")


def _start_guardian(marks: range) -> tuple[int, int]:
    """Return the pid of a guardian, and what is closed when it is to kill."""
    theirs, ours = os.pipe()
    command = [
        sys.executable,
        "-I",
        "-S",
        __file__,
        *map(str, (marks.start, marks.stop, os.getpid())),
    ]
    nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    try:
        pid = os.posix_spawn(
            sys.executable,
            command,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, theirs, 0), *nothing],
            setsid=True,
            setsigmask=ENDING,
        )
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return pid, ours


def _tell_guardian(pid: int, pipe: int, what: bytes) -> None:
    """Tell a guardian what to do, and wait until it has."""
    with contextlib.suppress(OSError):
        os.write(pipe, what)
    os.close(pipe)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _guard(marks: range, coordinator_pid: int) -> None:
    """Wait for a word of the coordinator or for its end, and kill."""
    _mark(os.getpid(), LOWEST)  # no guardian is to kill another one
    watched, every_s = [0], 1.0
    # Not the end of the input alone: what the coordinator forked holds the pipe open.
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
