"""What is mirrored of a study, and the interface of a tracker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fieldsharp.sweep.configuration.ranges import Scalar

FAILED, PRUNED, COMPLETE = "FAIL", "PRUNED", "COMPLETE"
SCORE = "score"
FINAL = "final/"
"""Prefix of the metrics at the end of a trial."""


@dataclass(frozen=True)
class Epoch:
    """The metrics of a trial after so many epochs.

    Attributes:
        step: Epochs done.
        at_ms: When it ended, in milliseconds since 1970.
    """

    step: int
    at_ms: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class TrialView:
    """A trial as trackers show it.

    Attributes:
        key: Identifies what was trained: in a restored copy of the database the number may be
            another trial's.
        mark: Identifies its end; "" before it has ended.
        epochs: Its metrics by epoch; of an ended trial with those at its end, ``final/...``.
        notes: Further facts by name, such as why it failed.
    """

    number: int
    key: str
    mark: str
    state: str
    started_ms: int
    ended_ms: int | None
    parameters: Mapping[str, Scalar]
    epochs: Sequence[Epoch]
    notes: Mapping[str, str]

    @property
    def name(self) -> str:
        """Name of its run."""
        return f"trial-{self.number:04d}"


@dataclass(frozen=True)
class StudyView:
    """A study as trackers show it.

    Attributes:
        identity: Distinguishes it from a study of its name in another database.
        verdict: In words, "" before the first.
        notes: Further facts by name.
        config: Its configuration as JSON.
        done: Trials that have ended.
        shown: Numbers of the trials whose pictures are shown, by what they are: baseline, best.
    """

    name: str
    identity: str
    verdict: str
    notes: Mapping[str, str]
    config: str
    done: int
    shown: Mapping[str, int]
    trials: Sequence[TrialView]


@dataclass
class Held:
    """What a tracker already holds of a trial.

    Attributes:
        points: Values by metric and step; none of a trial whose end it has.
    """

    key: str
    mark: str = ""
    points: dict[tuple[str, int], float] = field(default_factory=dict)
    state: str = ""


class Tracker(Protocol):
    """One tracker, written to by one process at a time; any method may raise or take long.

    A process that is killed leaves its work half done: what is there is read back by ``held``.
    """

    def held(self, study: StudyView) -> dict[int, Held]:
        """Return what it holds of the study's trials, by number."""

    def begin(self, trial: TrialView) -> None:
        """Make the run of a trial, or take up one that was begun before."""

    def add(self, trial: TrialView, epochs: Sequence[Epoch]) -> None:
        """Add metrics, which it does not hold, to the run of a trial."""

    def change(self, trial: TrialView) -> None:
        """Show the state of a trial that has not ended."""

    def end(self, trial: TrialView) -> None:
        """Show the end of a trial, and last of all keep its mark."""

    def set_aside(self, trial: TrialView) -> None:
        """Set the run with the number of a trial aside, which is of another one."""

    def pictured(self, study: StudyView) -> Mapping[str, int]:
        """Return the numbers of the trials whose pictures it holds, as in ``StudyView.shown``."""

    def show_study(self, study: StudyView) -> None:
        """Show the verdict and the facts of the study."""

    def show_pictures(self, study: StudyView, pictures: Mapping[str, bytes]) -> None:
        """Show PNG pictures by name, of the trials ``shown`` of the study."""

    def close(self) -> None:
        """Let go of files and connections; what was shown is safe then."""
