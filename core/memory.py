"""Available memory, checked before data of an absurd size are read."""

import os
from dataclasses import dataclass
from pathlib import Path

from fieldsharp.core.errors import DataError


@dataclass(frozen=True)
class Use:
    """Memory that the use of a field takes after it is read.

    Attributes:
        bytes_a_value: Peak memory per value of the field, in bytes.
        processes: Processes of this machine that hold the field at the same time.
    """

    bytes_a_value: int
    processes: int = 1


def require_memory(needed: int, what: str, processes: int = 1) -> None:
    """Check that memory suffices: a file of a few bytes can declare an array of any size.

    Args:
        needed: Bytes that one process needs.
        what: The data, as the subject of the message.
        processes: Number of processes that need as many each.

    Raises:
        DataError: If this machine, or the control group of this process, has less memory left.
    """
    available = available_memory()
    if needed * processes > available:
        each = f" in each of {processes} processes" if processes > 1 else ""
        fewer = ", or lower workers.count" if processes > 1 else ""
        raise DataError(
            f"{what} takes up to {needed / 2**30:.3g} GiB{each}, and there are "
            f"{available / 2**30:.3g} GiB of memory; cut out a region or a period{fewer}"
        )


def available_memory(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes available without swapping, within the limits of all control groups.

    Args:
        proc: Linux's proc file system; without it all memory counts as available.
        cgroups: Mount point of the control groups, version 1 or 2.
    """
    return min([_available_on_machine(proc), *_available_in_control_groups(proc, cgroups)])


def _available_on_machine(proc: Path) -> int:
    try:
        lines = (proc / "meminfo").read_text().splitlines()
        return next(int(li.split()[1]) * 1024 for li in lines if li.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _available_in_control_groups(proc: Path, cgroups: Path) -> list[int]:
    try:
        lines = (proc / "self/cgroup").read_text().splitlines()
    except OSError:
        return []
    available: list[int | None] = []
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
        available += [_available_in_group(group, *names) for group in groups]
    return [found for found in available if found is not None]


def _available_in_group(group: Path, limit: str, usage: str, prefix: str) -> int | None:
    """Return the bytes available in a control group; None where it has no limit."""
    try:
        most, used = int((group / limit).read_text()), int((group / usage).read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        # Cached pages of files count as used, but are released when a process needs memory.
        cached = sum(int(stat[f"{prefix}{kind}_file"]) for kind in ("active", "inactive"))
        return max(0, most - used + cached)
    except (OSError, ValueError, KeyError):
        return None
