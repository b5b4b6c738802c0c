"""Progress displays of a sweep: the interface, a silent one, and one in log lines.

The table of ``live_progress`` is another. A new display is a subclass of ``SilentProgress``, and
one line in ``sweep/commands/sweep_run.py``.
"""

import logging
import time

from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.guards import broken
from fieldsharp.objectives.ranking import ranked
from fieldsharp.objectives.score import Score
from fieldsharp.objectives.targets import Targets
from fieldsharp.objectives.verdicts.verdict import Verdict
from fieldsharp.sweep.monitoring.bars import clock_time
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.formatting import describe, describe_result
from fieldsharp.sweep.study.status.state import ScoredTrial
from fieldsharp.sweep.study.trial_records import TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)


class Progress:
    """Receives what the coordinator does; a method that a subclass does not define does nothing."""

    def begin(self, finished: int, total: int, best: ScoredTrial | None) -> None:
        """Begin, with the number of finished trials, the budget, and the best trial so far."""

    def aims_at(self, targets: Targets) -> None:
        """Handle targets that were not known before the baseline."""

    def started(self, spec: TrialSpec) -> None:
        """Handle that a trial was submitted to a worker."""

    def epoch(self, spec: TrialSpec, report: EpochReport, score: Score) -> None:
        """Handle the score of a running trial after an epoch."""

    def completed(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Handle that a trial is complete."""

    def paused(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Handle that a trial was paused at a rung."""

    def waiting(self, count: int) -> None:
        """Handle the number of paused trials."""

    def pruned(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Handle that a trial was pruned, while running or paused."""

    def failed(self, spec: TrialSpec, reason: str) -> None:
        """Handle that a trial failed."""

    def put_back(self, number: int) -> None:
        """Handle that a running trial was queued again."""

    def concluded(self, verdict: Verdict | None) -> None:
        """Handle the verdict so far."""

    def end(self) -> None:
        """Handle that the sweep ended or was interrupted."""


class SilentProgress(Progress):
    """Counts trials and tracks the best; logs nothing but failures. Base of all other displays."""

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
        """Set the counts and the best trial."""
        self.best = best
        self.finished = finished
        self.total = total
        self._began = time.monotonic()

    def aims_at(self, targets: Targets) -> None:
        """Set the targets."""
        self.targets = targets

    def completed(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Count the trial, and update the best."""
        self._count()
        if not record.feasible:
            return
        found = ended_trial(spec, record)
        if self.best is None or is_better(found, self.best):
            self.best = found

    def waiting(self, count: int) -> None:
        """Set the number of paused trials."""
        if self._waited_before is None:
            self._waited_before = count
        self._waiting = count

    def pruned(self, spec: TrialSpec, record: TrialRecord) -> None:  # noqa: ARG002
        """Count the trial."""
        self._count()

    def failed(self, spec: TrialSpec, reason: str) -> None:
        """Count the trial, and log the reason."""
        self._count()
        logger.warning("%s trial %d: failed, %s", self.study, spec.number, reason)

    def _count(self) -> None:
        self.finished += 1
        self._finished_here += 1

    def eta_s(self) -> float | None:
        """Return the estimated seconds left, None before the first trial is done."""
        # A paused trial counts as done: most of its epochs are trained.
        done_here = self._finished_here + self._waiting - (self._waited_before or 0)
        if done_here <= 0:
            return None
        pace = (time.monotonic() - self._began) / done_here
        return max(0, self.total - self.finished - self._waiting) * pace

    def line(self) -> str:
        """Return the progress of the sweep in one line."""
        parts = [f"trials {self.finished}/{self.total}"]
        if self.best is not None:
            g, p = self.targets.gradient.low, self.targets.peak.low
            parts += [
                f"best {self.best.score:.4f} (trial {self.best.number})",
                f"gradient {self.best.gradient:.4g} of {g:.4g}",
                f"peak {self.best.peak:.4g} of {p:.4g}{' ' + self.units if self.units else ''}",
            ]
        parts.append(f"ETA {clock_time(self.eta_s())}")
        return " | ".join(parts)


class LogProgress(SilentProgress):
    """Logs a line when a trial starts, pauses or ends, for output that is no terminal."""

    def begin(self, finished: int, total: int, best: ScoredTrial | None) -> None:
        """Log how many trials are done."""
        super().begin(finished, total, best)
        logger.info("%s: %d of %d trials done", self.study, finished, total)

    def started(self, spec: TrialSpec) -> None:
        """Log the settings of the trial."""
        logger.info("%s trial %d: started, %s", self.study, spec.number, describe(spec))

    def completed(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Log the result of the trial, and the progress of the sweep."""
        super().completed(spec, record)
        result, line = outcome(record), self.line()
        logger.info("%s trial %d: complete, %s | %s", self.study, spec.number, result, line)

    def paused(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Log epoch and score."""
        self._log_early_end("paused", spec, record)

    def pruned(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Log epoch and score."""
        super().pruned(spec, record)
        self._log_early_end("pruned", spec, record)

    def _log_early_end(self, verb: str, spec: TrialSpec, record: TrialRecord) -> None:
        result = describe_result(record.score, record.metrics)
        ended = f"{verb} after epoch {record.epochs}, {result}"
        logger.info("%s trial %d: %s", self.study, spec.number, ended)


def ended_trial(spec: TrialSpec, record: TrialRecord) -> ScoredTrial:
    """Return a trial that has just ended, with its score."""
    metrics = record.metrics
    return ScoredTrial(
        number=spec.number,
        what=describe(spec),
        score=record.score,
        gradient=metrics["gradient"],
        peak=metrics["peak"],
        error=record.error,
        value=record.value,
    )


def is_better(one: ScoredTrial, other: ScoredTrial) -> bool:
    """Return whether the first of two trials ranks before the second."""
    return ranked([other.value, one.value], [other.error, one.error])[0] == 1


def outcome(record: TrialRecord) -> str:
    """Return the result of a complete trial, in a few words."""
    result = describe_result(
        record.score, record.metrics, [guard.name for guard in broken(record.guards)]
    )
    return result if record.sharpener == NO_SHARPENER else f"{result}, with {record.sharpener}"
