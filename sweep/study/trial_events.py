"""Events that executors report of a trial: heartbeats, epochs, and its end."""

from dataclasses import dataclass
from typing import Literal

from fieldsharp.sweep.study.epoch_report import EpochReport

Cause = Literal["training", "memory", "worker", "data", "machine"]
"""Why an attempt failed: the training itself, which would fail again; too little memory, which
half a batch at a time may solve; the worker, whose loss is not the trial's fault; the data file,
without which no trial can be trained; or the machine, which starts no process at the moment.
"""


@dataclass(frozen=True)
class TrialBegan:
    """A worker has loaded everything and begins to train.

    Attributes:
        number: The trial.
        attempt: Which attempt at it.
        epochs_done: Epochs of earlier attempts that are not trained again.
    """

    number: int
    attempt: int
    epochs_done: int


@dataclass(frozen=True)
class StepsDone:
    """A heartbeat from the middle of an epoch.

    Attributes:
        number: The trial.
        attempt: Which attempt at it.
        steps: Training steps done, those of earlier attempts included.
    """

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
    """Something failed that the trial can go on without, such as a checkpoint.

    Attributes:
        number: The trial.
        attempt: Which attempt at it.
        sentence: What failed, for people.
    """

    number: int
    attempt: int
    sentence: str


@dataclass(frozen=True)
class TrialDone:
    """A trial ran all its epochs.

    Attributes:
        number: The trial.
        attempt: Which attempt at it.
        seconds: Wall time of the trial, that of earlier attempts it went on from included.
        peak_memory_mb: Most memory its worker ever held.
        device: Where it ran, such as ``cpu`` or ``cuda:0``.
        precision: Of its matrix products.
        sample: The ``ForecastPreview`` of its forecast in base64; "" where there is none.
    """

    number: int
    attempt: int
    seconds: float
    peak_memory_mb: float
    device: str
    precision: str
    sample: str = ""


@dataclass(frozen=True)
class TrialFailed:
    """An attempt at a trial ended without a result.

    Attributes:
        number: The trial.
        attempt: Which attempt at it.
        reason: One sentence.
        cause: What kind of failure it is.
    """

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
