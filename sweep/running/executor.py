"""Where trials run: the protocol between the coordinator and whatever executes them."""

from dataclasses import dataclass
from typing import Protocol

from sweep.running.trial import EpochReport
from sweep.study.trial_spec import TrialSpec


@dataclass(frozen=True)
class EpochDone:
    """A running trial finished an epoch."""

    number: int
    attempt: int
    report: EpochReport


@dataclass(frozen=True)
class TrialDone:
    """A trial ran all its epochs.

    Attributes:
        number: The trial.
        attempt: Which attempt at it.
        seconds: Wall time of the trial.
        peak_memory_mb: Most memory its worker ever held.
        device: Where it ran, such as ``cpu`` or ``cuda:0``.
        precision: Of its matrix products.
    """

    number: int
    attempt: int
    seconds: float
    peak_memory_mb: float
    device: str
    precision: str


@dataclass(frozen=True)
class TrialFailed:
    """A trial ended without a result.

    Attributes:
        number: The trial.
        attempt: Which attempt at it.
        reason: One sentence.
    """

    number: int
    attempt: int
    reason: str


@dataclass(frozen=True)
class TrialCancelled:
    """A trial ended because it was told to."""

    number: int
    attempt: int


TrialEvent = EpochDone | TrialDone | TrialFailed | TrialCancelled


class Executor(Protocol):
    """Runs trials somewhere. Used by one thread."""

    @property
    def free_slots(self) -> int:
        """How many more trials can be taken now."""
        ...

    def submit(self, spec: TrialSpec) -> None:
        """Start a trial; only while there is a free slot."""
        ...

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        """Return what happened, in order for each trial, after at most ``timeout_s``."""
        ...

    def cancel(self, number: int) -> None:
        """Ask a running trial to end; a ``TrialCancelled`` follows unless it ends by itself."""
        ...

    def close(self) -> None:
        """End all workers."""
        ...
