"""State of processes, read from /proc and not from the code under test."""

import os
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
GONE = frozenset("ZX")
STOPPED = frozenset("Tt")


def state(pid: int) -> str | None:
    """Return the letter of a process's state, None where there is no such process."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return None


def is_alive(pid: int) -> bool:
    """Return whether a process runs or could run; one that only waits to be reaped does not."""
    found = state(pid)
    return found is not None and found not in GONE


def is_stopped(pid: int) -> bool:
    """Return whether a process is frozen."""
    return state(pid) in STOPPED


def workers_of(coordinator: int) -> list[int]:
    """Return the workers of a coordinator that are alive: the forks of its server."""
    return sorted(pid for server in servers_of(coordinator) for pid in _spawned_by(server))


def servers_of(coordinator: int) -> list[int]:
    """Return the processes that have loaded torch and are forked; not the resource tracker."""
    return _spawned_by(coordinator)


def _spawned_by(parent: int) -> list[int]:
    return [pid for pid in children_of(parent) if _is_spawned(pid) and is_alive(pid)]


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found: list[int] = []
    with suppress(OSError):
        for task in (PROC / str(pid) / "task").iterdir():
            with suppress(OSError):  # a thread that has just ended
                found += map(int, (task / "children").read_text().split())
    return found


def _is_spawned(pid: int) -> bool:
    """Return whether multiprocessing spawned a process, or it is a fork of such a one."""
    try:
        return b"spawn_main" in (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False


def marked(marker: str) -> list[int]:
    """Return every process that inherited a marker in its environment, but this one."""
    wanted, found = marker.encode(), []
    for folder in PROC.iterdir():
        if not folder.name.isdecimal() or int(folder.name) == os.getpid():
            continue
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted in environment and is_alive(int(folder.name)):
            found.append(int(folder.name))
    return found
