"""What executors report of a trial: its signs of life, and how it ended."""

from dataclasses import dataclass
from typing import Literal

from fieldsharp.sweep.study.epoch_report import EpochReport

Cause = Literal["training", "memory", "worker", "data", "machine"]
"""Why an attempt failed: the training itself, which would fail again; too little memory, which
half a batch at a time may mend; the worker, whose loss says nothing about the trial; the data
file, without which no trial can be trained; or the machine, which starts no process at the moment.
"""


@dataclass(frozen=True)
class TrialBegan:
    """A worker has all it needs and trains from here on.

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
    """A sign of life from the middle of an epoch.

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
    """A running trial finished an epoch; those of earlier attempts are told again."""

    number: int
    attempt: int
    report: EpochReport


@dataclass(frozen=True)
class TrialTrouble:
    """Something went wrong that the trial goes on without, such as a checkpoint.

    Attributes:
        number: The trial.
        attempt: Which attempt at it.
        sentence: What, for a person.
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
        sample: What pictures of its forecast are drawn from, see ``ForecastPreview``, as text; ""
            where there is none.
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
    """A trial ended because it was told to, after a whole epoch or before."""

    number: int
    attempt: int


@dataclass(frozen=True)
class RungReached:
    """A trial was trained for as many epochs as it was to be; its checkpoint is written."""

    number: int
    attempt: int


Sign = TrialBegan | StepsDone | EpochDone | TrialTrouble
"""What comes from a trial that goes on."""
End = TrialDone | TrialFailed | TrialCancelled | RungReached
"""What comes last."""
TrialEvent = Sign | End
