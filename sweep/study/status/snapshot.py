"""The state of a sweep that a live view shows; physical units, validation split."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from fieldsharp.objectives.targets import Targets
from fieldsharp.objectives.verdicts.verdict import Verdict
from fieldsharp.storage.maintenance.inspect import DiskSpace
from fieldsharp.sweep.study.status.state import ScoredTrial


@dataclass(frozen=True)
class TrialAtWork:
    """A trial that is being trained.

    Attributes:
        what: What it trains, in a few words.
        epochs_done: Epochs that are trained and evaluated.
        epochs: In all; at most so many where ``finds_length``.
        score: After the last of these epochs; None before the first.
        gradient, peak: After that epoch; None where it is not known.
        seconds: How long it has been at work.
        finds_length: Whether it is trained until its RMSE has stopped improving.
    """

    number: int
    what: str
    epochs_done: int
    epochs: int
    score: float | None = None
    gradient: float | None = None
    peak: float | None = None
    seconds: float = 0.0
    finds_length: bool = False

    @property
    def progress(self) -> str:
        """Its epochs, done and in all: ``3/12``, or ``3/<=12`` where the end is not known."""
        return f"{self.epochs_done}/{'<=' if self.finds_length else ''}{self.epochs}"


@dataclass(frozen=True)
class EndedTrial:
    """A trial that ended since the last snapshot: COMPLETE, PRUNED or FAIL, with its outcome."""

    number: int
    state: str
    what: str
    outcome: str


@dataclass(frozen=True)
class SweepSnapshot:
    """A sweep at one moment.

    Attributes:
        targets: The bands of gradient and peak; None where a baseline has yet to tell them.
        budget: Trials in all.
        done: Trials that count towards it.
        states: Number of trials in each state.
        verdict: So far; None before the first.
        best: The complete trial with the lowest score that breaks no guard.
        baseline: The trial with weight 0; None before it is complete.
        at_work: The trials that are being trained, by number.
        workers: How many there may be at a time.
        eta_s: Seconds left; None where it is not known.
        room: Space on the disk; None where it does not answer.
        floor_mb: Free space below which no trial is started.
        is_run: Whether a process runs it.
        note: Which process, or how to resume the sweep.
        ended: The trials that ended since the last snapshot.
        sees_forecasts: Whether gradient and peak of the trials at work are known.
    """

    study: str
    variable: str
    units: str
    targets: Targets | None
    budget: int
    done: int
    states: Mapping[str, int]
    verdict: Verdict | None
    best: ScoredTrial | None
    baseline: ScoredTrial | None
    at_work: tuple[TrialAtWork, ...]
    workers: int
    eta_s: float | None
    room: DiskSpace | None
    floor_mb: int
    is_run: bool
    note: str
    ended: tuple[EndedTrial, ...] = ()
    sees_forecasts: bool = False

    def same_but_for_time(self, other: "SweepSnapshot | None") -> bool:
        """Return whether two snapshots differ only in times and in the space on the disk."""
        return other is not None and self._without_time() == other._without_time()

    def _without_time(self) -> "SweepSnapshot":
        at_work = tuple(replace(trial, seconds=0.0) for trial in self.at_work)
        return replace(self, at_work=at_work, eta_s=None, room=None, ended=())

    def as_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        tree = asdict(replace(self, verdict=None, states=dict(self.states)))
        del tree["sees_forecasts"]
        return {**tree, "verdict": self.verdict.model_dump() if self.verdict else None}
