"""Who runs a study, and the sentence that refuses a second one."""

import platform
from dataclasses import dataclass, field

from fieldsharp.core.errors import StudyError
from fieldsharp.storage.process_identity import is_same_namespace, process_identity

RESUME = "resume"
CONFIRM = "confirm"
LOOKING_S = 0.5
"""A lock that is taken is tried again for so long: whoever holds it may only be looking, or dead
since a moment ago."""


@dataclass(frozen=True)
class LockOwner:
    """The process that runs a study, or was the last to.

    Attributes:
        pid: Its number; None where the last one ended in good order, or there was none.
        host: The machine it is on.
        alive: Whether it still runs.
        command: What it was started by, and is gone on with: ``resume`` or ``confirm``.
        identity: See ``storage.process_identity``; "" where it is not known.
    """

    pid: int | None
    host: str
    alive: bool
    command: str = RESUME
    identity: str = field(default="", compare=False)

    @property
    def died(self) -> bool:
        """Whether it ended without putting its affairs in order."""
        return self.pid is not None and not self.alive

    @property
    def is_gone_from_here(self) -> bool:
        """Whether it is known to be no more, as a process whose number means the same here."""
        if self.pid is None or not is_same_namespace(self.identity):
            return False
        return process_identity(self.pid) != self.identity

    @property
    def words(self) -> str:
        """Which process it is, and on which machine where that is another."""
        where = "" if self.host in ("", platform.node()) else f" on {self.host}"
        return f"process {self.pid or 'unknown'}{where}"


NOBODY = LockOwner(None, "", alive=False)


def is_run_by(study: str, holder: LockOwner) -> StudyError:
    """Return the refusal to run a study that is being run."""
    return StudyError(
        f"study {study!r} is being run by {holder.words}; wait for it "
        "to end, stop it with python run_sweep.py stop, or choose another name with --study"
    )
