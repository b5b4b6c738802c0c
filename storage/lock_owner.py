"""The process that runs a study, identified beyond its number.

Process numbers are reused, and each container has its own. So an identity names the boot of the
machine, the namespace of process numbers and the moment the process started. It can only be made
where ``/proc`` can be read; elsewhere it is "", which never matches.
"""

import os
import platform
import signal
from dataclasses import dataclass, field
from pathlib import Path

from fieldsharp.core.errors import StudyError
from fieldsharp.core.program_name import program
from fieldsharp.core.signals import in_main_thread

RESUME = "resume"
CONFIRM = "confirm"
LOCK_WAIT_S = 0.5
"""How long a taken lock is tried again: its holder may hold it only for a check, or have just
died."""


@dataclass(frozen=True)
class LockOwner:
    """The process that runs a study, or was the last to.

    Attributes:
        pid: Its number; None where the last one ended in good order, or no process ran it.
        command: The command that started it, and resumes its work: ``resume`` or ``confirm``.
        identity: See ``process_identity``; "" where it is not known.
    """

    pid: int | None
    host: str
    alive: bool
    command: str = RESUME
    identity: str = field(default="", compare=False)

    @property
    def died(self) -> bool:
        """Whether it ended without freeing its lock."""
        return self.pid is not None and not self.alive

    @property
    def is_known_dead(self) -> bool:
        """Whether it ran under this boot and in this namespace of numbers, and has ended."""
        if self.pid is None or not is_same_namespace(self.identity):
            return False
        return process_identity(self.pid) != self.identity

    @property
    def description(self) -> str:
        """Its number, with its machine where that is another."""
        where = "" if self.host in ("", platform.node()) else f" on {self.host}"
        return f"process {self.pid or 'unknown'}{where}"


NO_OWNER = LockOwner(None, "", alive=False)


def already_running(study: str, owner: LockOwner) -> StudyError:
    """Return the error of a study that another process runs."""
    return StudyError(
        f"study {study!r} is being run by {owner.description}; wait for it "
        f"to end, stop it with {program()} stop, or choose another name with --study"
    )


def process_identity(pid: int) -> str:
    """Return the identity of a process of this namespace; "" where that is unknown."""
    proc = Path("/proc")
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = (proc / "self/ns/pid").readlink()
        # After the command's name, in parentheses, which may hold any character.
        fields = (proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        started = int(fields[19])
    except (OSError, ValueError, IndexError):
        return ""
    return f"{boot} {namespace} {started}"


def own_identity() -> str:
    """Return the identity of this process; "" in a thread, which no signal would stop."""
    return process_identity(os.getpid()) if in_main_thread() else ""


def is_same_namespace(identity: str) -> bool:
    """Return whether process numbers mean the same here as where an identity was made."""
    own = process_identity(os.getpid())
    return bool(own) and own.rpartition(" ")[0] == identity.rpartition(" ")[0]


def send_signal(pid: int, identity: str, number: int) -> bool:
    """Signal a process if it has that identity; return whether it has.

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
        # Compared while the descriptor is open: the number cannot be given to another process.
        if process_identity(pid) != identity:
            return False
        signal.pidfd_send_signal(descriptor, number)
    finally:
        os.close(descriptor)
    return True
