"""Which process it is, beyond its number: numbers are given again, and each container has its own.

An identity names the boot of the machine, the namespace of process numbers and the moment the
process started. It can only be made where ``/proc`` can be read; elsewhere it is "", which never
matches.
"""

import os
import signal
from pathlib import Path


def process_identity(pid: int) -> str:
    """Return the identity of the process that has a number here; "" where that is unknown.

    Args:
        pid: As it is numbered in this process's own namespace.
    """
    proc = Path("/proc")
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = (proc / "self/ns/pid").readlink()
        # The command's name, which stands in parentheses, may hold anything.
        fields = (proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        started = int(fields[19])
    except (OSError, ValueError, IndexError):
        return ""
    return f"{boot} {namespace} {started}"


def is_same_namespace(identity: str) -> bool:
    """Return whether the numbers of processes mean the same here as where an identity was made."""
    here = process_identity(os.getpid())
    return bool(here) and here.rpartition(" ")[0] == identity.rpartition(" ")[0]


def send_signal(pid: int, identity: str, number: int) -> bool:
    """Signal a process if it is the one with that identity; return whether it is.

    Raises:
        ProcessLookupError: If it ended meanwhile.
        PermissionError: If it is another user's.
    """
    if not identity or not hasattr(os, "pidfd_open"):
        return False
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        if is_same_namespace(identity):
            raise
        return False
    except OSError:
        return False
    try:
        # Asked while the descriptor is held: the number cannot be another's between the two.
        if process_identity(pid) != identity:
            return False
        signal.pidfd_send_signal(descriptor, number)
    finally:
        os.close(descriptor)
    return True
