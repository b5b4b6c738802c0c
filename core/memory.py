"""How much memory there is, asked before something of an absurd size is read."""

import os
from dataclasses import dataclass
from pathlib import Path

from fieldsharp.core.errors import DataError


@dataclass(frozen=True)
class Use:
    """What a field is read for, in the memory that this takes.

    Attributes:
        bytes_a_value: Most bytes held at a time for each value of the field once it is read.
        processes: Processes of this machine that hold the field at the same time.
    """

    bytes_a_value: int
    processes: int = 1


def require_memory(needed: int, what: str, processes: int = 1) -> None:
    """Check that so many bytes are available: a few bytes of a file can stand for them.

    Args:
        needed: Bytes that one process takes.
        what: What takes them.
        processes: Processes that take as many each.

    Raises:
        DataError: If this machine, or the control group of this process, has less memory left.
    """
    there = available_memory()
    if needed * processes > there:
        each = f" in each of {processes} processes" if processes > 1 else ""
        fewer = ", or lower workers.count" if processes > 1 else ""
        raise DataError(
            f"{what} takes up to {needed / 2**30:.3g} GiB{each}, and there are "
            f"{there / 2**30:.3g} GiB of memory; cut out a region or a period{fewer}"
        )


def available_memory(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes that can be taken without swapping: of the machine and of every limit.

    Args:
        proc: Where Linux tells about memory and processes; elsewhere all memory is taken as free.
        cgroups: Where control groups are mounted, version 1 or 2.
    """
    return min([_of_machine(proc), *_of_control_groups(proc, cgroups)])


def _of_machine(proc: Path) -> int:
    try:
        lines = (proc / "meminfo").read_text().splitlines()
        return next(int(li.split()[1]) * 1024 for li in lines if li.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _of_control_groups(proc: Path, cgroups: Path) -> list[int]:
    try:
        lines = (proc / "self/cgroup").read_text().splitlines()
    except OSError:
        return []
    left: list[int | None] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            mount, names = cgroups, ("memory.max", "memory.current", "")
        elif "memory" in controllers.split(","):
            mount = cgroups / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")
        else:
            continue
        folder = mount / path.lstrip("/")
        groups = [group for group in (folder, *folder.parents) if group.is_relative_to(mount)]
        left += [_left_in(group, *names) for group in groups]
    return [found for found in left if found is not None]


def _left_in(group: Path, limit: str, usage: str, prefix: str) -> int | None:
    """Return the bytes left in a control group; None where it has no limit."""
    try:
        most, used = int((group / limit).read_text()), int((group / usage).read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        # Pages of files count as used, and are given up for what a process asks.
        cached = sum(int(stat[f"{prefix}{kind}_file"]) for kind in ("active", "inactive"))
        return max(0, most - used + cached)
    except (OSError, ValueError, KeyError):
        return None
