"""Protocol between coordinator and executors, and the messages of executors to workers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fieldsharp.sweep.study.trial_events import TrialEvent
from fieldsharp.sweep.study.trial_spec import TrialSpec

READY = "ready"
"""First message from a worker: it has loaded torch and accepts trials."""
CANCEL = "cancel"
"""To a worker: end the trial now."""
PAUSE = "pause"
"""To a worker: end the trial after the current epoch."""
QUIT = "quit"
"""To a worker: end the process."""


class Executor(Protocol):
    """Runs trials in workers. Used by one thread."""

    @property
    def free_slots(self) -> int:
        """How many more trials can be submitted now."""
        ...

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        """Start a trial; only while there is a free slot.

        Args:
            spec: The trial, and the epoch to train to.
            checkpoints: Folder of the trial's checkpoints: training resumes from the newest intact
                one and writes further ones; None to write none.
        """
        ...

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        """Return new events, in order for each trial; wait at most ``timeout_s`` for the first."""
        ...

    def cancel(self, number: int) -> None:
        """End a running trial now; a ``TrialCancelled`` follows unless the trial ends by itself."""
        ...

    def pause(self, number: int) -> None:
        """End a running trial after the current epoch, with its checkpoint written.

        A ``TrialCancelled`` follows unless the trial ends by itself.
        """
        ...

    def kill(self, number: int) -> None:
        """Kill the worker of a trial; no event follows."""
        ...

    def close(self) -> None:
        """End all workers."""
        ...


@dataclass(frozen=True)
class ExecutorPlan:
    """An executor that is ready to be created.

    Attributes:
        workers: Most trials that run at the same time.
        executor: Creates the executor; takes the folder of the study's files.
    """

    workers: int
    executor: Callable[[Path], Executor]
