"""Telling a person how far a sweep is: what is told, and what counts without saying anything.

``log_progress`` says it in lines, ``live_progress`` in a table that is redrawn.
"""

import logging
import time
from collections.abc import Sequence
from typing import Protocol

from fieldsharp.objectives.guards import GuardOutcome
from fieldsharp.objectives.score import Score
from fieldsharp.objectives.targets import Targets
from fieldsharp.objectives.verdict import Verdict
from fieldsharp.sweep.monitoring.bars import clock_time
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.formatting import describe, describe_result
from fieldsharp.sweep.study.status.state import ScoredTrial
from fieldsharp.sweep.study.trial_records import TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)


class Progress(Protocol):
    """What the coordinator tells while it works."""

    def begin(self, finished: int, total: int, best: ScoredTrial | None) -> None:
        """Say how many trials are done, how many there shall be, and which is best so far."""

    def started(self, spec: TrialSpec) -> None:
        """Say that a trial was handed to a worker."""

    def epoch(self, spec: TrialSpec, report: EpochReport, score: Score) -> None:
        """Say what a trial scores after an epoch."""

    def completed(
        self, spec: TrialSpec, report: EpochReport, score: Score, wrong: list[GuardOutcome]
    ) -> None:
        """Say that a trial is complete, and which guards it breaks."""

    def paused(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Say that a trial waits at a rung, and what it has come to."""

    def waiting(self, count: int) -> None:
        """Say how many trials are paused."""

    def pruned(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Say that a trial was pruned, or waits no longer."""

    def failed(self, spec: TrialSpec, reason: str) -> None:
        """Say that a trial failed."""

    def put_back(self, number: int) -> None:
        """Say that a trial at work is queued again."""

    def concluded(self, verdict: Verdict | None) -> None:
        """Say what the sweep comes to so far."""

    def end(self) -> None:
        """Say that the sweep is over or interrupted."""


class SilentProgress:
    """Counts, and says nothing but failures; the base of those that say more."""

    def __init__(self, study: str, targets: Targets, units: str) -> None:
        self.study = study
        self.targets = targets
        self.units = units
        self.finished = 0
        self.total = 0
        self.best: ScoredTrial | None = None
        self._began = time.monotonic()
        self._finished_here = 0
        self._waiting = 0
        self._waited_before: int | None = None

    def begin(self, finished: int, total: int, best: ScoredTrial | None) -> None:
        """Take over from what is done."""
        self.best = best
        self.finished = finished
        self.total = total
        self._began = time.monotonic()

    def started(self, spec: TrialSpec) -> None:
        """Nothing to say."""

    def epoch(self, spec: TrialSpec, report: EpochReport, score: Score) -> None:
        """Nothing to say."""

    def completed(
        self, spec: TrialSpec, report: EpochReport, score: Score, wrong: list[GuardOutcome]
    ) -> None:
        """Count, and keep the best."""
        self._count()
        if not wrong and (self.best is None or score.total < self.best.score):
            metrics = report.metrics
            self.best = ScoredTrial(
                spec.number, describe(spec), score.total, metrics["gradient"], metrics["peak"]
            )

    def paused(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Nothing to say."""

    def waiting(self, count: int) -> None:
        """Count."""
        if self._waited_before is None:
            self._waited_before = count
        self._waiting = count

    def pruned(self, spec: TrialSpec, record: TrialRecord) -> None:  # noqa: ARG002
        """Count."""
        self._count()

    def failed(self, spec: TrialSpec, reason: str) -> None:
        """Count, and say why: a failure is never silent."""
        self._count()
        logger.warning("%s trial %d: failed, %s", self.study, spec.number, reason)

    def put_back(self, number: int) -> None:
        """Nothing to say."""

    def concluded(self, verdict: Verdict | None) -> None:
        """Nothing to say."""

    def end(self) -> None:
        """Nothing to say."""

    def _count(self) -> None:
        self.finished += 1
        self._finished_here += 1

    def eta_s(self) -> float | None:
        """Return the seconds left at the pace so far, None before the first trial is done."""
        # A paused trial has had most of what it gets.
        done_here = self._finished_here + self._waiting - (self._waited_before or 0)
        if done_here <= 0:
            return None
        pace = (time.monotonic() - self._began) / done_here
        return max(0, self.total - self.finished - self._waiting) * pace

    def line(self) -> str:
        """Return where the sweep is, in one line."""
        parts = [f"trials {self.finished}/{self.total}"]
        if self.best is not None:
            g, p = self.targets.gradient.low, self.targets.peak.low
            parts += [
                f"best {self.best.score:.4f} (trial {self.best.number})",
                f"gradient {self.best.gradient:.4g} of {g:.4g}",
                f"peak {self.best.peak:.4g} of {p:.4g}{' ' + self.units if self.units else ''}",
            ]
        eta_s = self.eta_s()
        parts.append(f"ETA {clock_time(eta_s)}")
        return " | ".join(parts)


def outcome_so_far(record: TrialRecord) -> str:
    """Return what a trial that was not trained to its end came to, in a few words."""
    return f"after epoch {record.epochs}, {describe_result(record.score, record.metrics, [])}"


def outcome(report: EpochReport, score: Score, wrong: Sequence[GuardOutcome] = ()) -> str:
    """Return what a trial came to, in a few words."""
    return describe_result(score.total, report.metrics, [guard.name for guard in wrong])
