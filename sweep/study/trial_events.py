"""Events that executors report of a trial: heartbeats, epochs, and its end.

Each has the number of the trial and of the attempt at it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fieldsharp.sweep.study.epoch_report import EpochReport

Cause = Literal["training", "memory", "worker", "data", "machine"]
"""Why an attempt failed: the training itself, which would fail again; too little memory, which
half a batch at a time may solve; the worker, whose loss is not the trial's fault; the data file,
without which no trial can be trained; or the machine, which starts no process at the moment.
"""


@dataclass(frozen=True)
class TrialBegan:
    """A worker begins to train, after ``epochs_done`` epochs of earlier attempts."""

    number: int
    attempt: int
    epochs_done: int


@dataclass(frozen=True)
class StepsDone:
    """A heartbeat: the training steps done, those of earlier attempts included."""

    number: int
    attempt: int
    steps: int


@dataclass(frozen=True)
class EpochDone:
    """A running trial finished an epoch; epochs of earlier attempts are reported again."""

    number: int
    attempt: int
    report: EpochReport


@dataclass(frozen=True)
class TrialTrouble:
    """Something failed that the trial can go on without, such as a checkpoint."""

    number: int
    attempt: int
    sentence: str


@dataclass(frozen=True)
class FoundLength:
    """How long a training of length ``auto`` was found to be.

    Attributes:
        report: Of the epoch where it is kept, as after the last epoch of a training that is as
            long from the start; its number of epochs is the length.
        epochs_looked_at: Epochs that were trained in all, to find it.
        reached_most: Whether the training ended only because it had taken ``most_steps``, and the
            RMSE was still improving.
    """

    report: EpochReport
    epochs_looked_at: int
    reached_most: bool

    @property
    def epochs(self) -> int:
        """The length in epochs."""
        return self.report.epoch + 1


@dataclass(frozen=True)
class TrialDone:
    """A trial ran all its epochs.

    Attributes:
        seconds: Wall time of the trial, that of earlier attempts it went on from included.
        peak_memory_mb: Most memory its worker ever held.
        device: Where it ran, such as ``cpu`` or ``cuda:0``.
        precision: Of its matrix products.
        sample: The ``ForecastPreview`` of its forecast in base64; "" where there is none.
        sharpened_samples: The same under each sharpener that was tried on it.
        steps: Training steps up to the epoch where it is kept; 0 where they are not known.
        found: The length of a training of length ``auto``; None of others.
    """

    number: int
    attempt: int
    seconds: float
    peak_memory_mb: float
    device: str
    precision: str
    sample: str = ""
    sharpened_samples: Mapping[str, str] = field(default_factory=dict)
    steps: int = 0
    found: FoundLength | None = None


@dataclass(frozen=True)
class TrialFailed:
    """An attempt at a trial ended without a result, for a reason in one sentence."""

    number: int
    attempt: int
    reason: str
    cause: Cause = "training"


@dataclass(frozen=True)
class TrialCancelled:
    """A trial ended because it was cancelled, after a whole epoch or before."""

    number: int
    attempt: int


@dataclass(frozen=True)
class RungReached:
    """A trial was trained up to ``TrialSpec.until``; its checkpoint is written."""

    number: int
    attempt: int


Sign = TrialBegan | StepsDone | EpochDone | TrialTrouble
"""Events while an attempt runs."""
End = TrialDone | TrialFailed | TrialCancelled | RungReached
"""The last event of an attempt."""
TrialEvent = Sign | End
