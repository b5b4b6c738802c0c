"""Where trials run: the protocol between the coordinator and whatever executes them."""

from pathlib import Path
from typing import Protocol

from fieldsharp.sweep.study.trial_events import TrialEvent
from fieldsharp.sweep.study.trial_spec import TrialSpec


class Executor(Protocol):
    """Runs trials somewhere. Used by one thread."""

    @property
    def free_slots(self) -> int:
        """How many more trials can be taken now."""
        ...

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        """Start a trial; only while there is a free slot.

        Args:
            spec: What to train, and until which epoch.
            checkpoints: Folder of the trial's checkpoints: it goes on from the newest that is
                whole, and writes its own; None for a trial that keeps none.
        """
        ...

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        """Return what happened, in order for each trial, after at most ``timeout_s``."""
        ...

    def cancel(self, number: int) -> None:
        """Ask a running trial to end now; a ``TrialCancelled`` follows unless it ends by itself."""
        ...

    def pause(self, number: int) -> None:
        """Ask a running trial to end after the epoch it is in, with its checkpoint written.

        A ``TrialCancelled`` follows unless it ends by itself.
        """
        ...

    def kill(self, number: int) -> None:
        """End a trial's worker at once; nothing follows."""
        ...

    def close(self) -> None:
        """End all workers."""
        ...
