"""Telling a person how far a sweep is: a live line on a terminal, plain log lines elsewhere."""

import logging
import time
from collections.abc import Sequence
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from objectives.guards import GuardOutcome
from objectives.score import Score
from objectives.targets import Targets
from sweep.running.epoch_report import EpochReport
from sweep.study.records import BestTrial
from sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)


class Progress(Protocol):
    """What the coordinator tells while it works."""

    def begin(self, finished: int, total: int, best: BestTrial | None) -> None:
        """Say how many trials are done, how many there shall be, and which is best so far."""

    def started(self, spec: TrialSpec) -> None:
        """Say that a trial was handed to a worker."""

    def epoch(self, spec: TrialSpec, report: EpochReport, score: Score) -> None:
        """Say what a trial scores after an epoch."""

    def completed(
        self, spec: TrialSpec, report: EpochReport, score: Score, wrong: list[GuardOutcome]
    ) -> None:
        """Say that a trial is complete, and which guards it breaks."""

    def pruned(self, spec: TrialSpec, report: EpochReport, score: Score) -> None:
        """Say that a trial was pruned."""

    def failed(self, spec: TrialSpec, reason: str) -> None:
        """Say that a trial failed."""

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
        self.best: BestTrial | None = None
        self._began = time.monotonic()
        self._finished_here = 0

    def begin(self, finished: int, total: int, best: BestTrial | None) -> None:
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
            self.best = BestTrial(spec.number, score.total, metrics["gradient"], metrics["peak"])

    def pruned(self, spec: TrialSpec, report: EpochReport, score: Score) -> None:  # noqa: ARG002
        """Count."""
        self._count()

    def failed(self, spec: TrialSpec, reason: str) -> None:
        """Count, and say why: a failure is never silent."""
        self._count()
        logger.warning("%s trial %d: failed, %s", self.study, spec.number, reason)

    def end(self) -> None:
        """Nothing to say."""

    def _count(self) -> None:
        self.finished += 1
        self._finished_here += 1

    def eta_s(self) -> float | None:
        """Return the seconds left at the pace so far, None before the first trial is done."""
        if not self._finished_here:
            return None
        pace = (time.monotonic() - self._began) / self._finished_here
        return max(0, self.total - self.finished) * pace

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
        parts.append(f"ETA {_clock_time(eta_s) if eta_s is not None else '-'}")
        return " | ".join(parts)


class LogProgress(SilentProgress):
    """A log line for every trial."""

    def begin(self, finished: int, total: int, best: BestTrial | None) -> None:
        """Say where the sweep starts from."""
        super().begin(finished, total, best)
        logger.info("%s: %d of %d trials done", self.study, finished, total)

    def started(self, spec: TrialSpec) -> None:
        """Say what a trial trains."""
        logger.info("%s trial %d: started, %s", self.study, spec.number, describe(spec))

    def completed(
        self, spec: TrialSpec, report: EpochReport, score: Score, wrong: list[GuardOutcome]
    ) -> None:
        """Say what came of it, and where the sweep is."""
        super().completed(spec, report, score, wrong)
        logger.info(
            "%s trial %d: complete, %s | %s",
            self.study,
            spec.number,
            outcome(report, score, wrong),
            self.line(),
        )

    def pruned(self, spec: TrialSpec, report: EpochReport, score: Score) -> None:
        """Say when and at what score."""
        super().pruned(spec, report, score)
        logger.info(
            "%s trial %d: pruned after epoch %d, %s",
            self.study,
            spec.number,
            report.epoch + 1,
            outcome(report, score),
        )


class LiveProgress(SilentProgress):
    """One line that is redrawn, with the finished trials above it."""

    def __init__(self, study: str, targets: Targets, units: str, console: Console) -> None:
        super().__init__(study, targets, units)
        self._console = console
        self._epochs: dict[int, str] = {}
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=4)

    def begin(self, finished: int, total: int, best: BestTrial | None) -> None:
        """Start drawing."""
        super().begin(finished, total, best)
        self._live.start()

    def started(self, spec: TrialSpec) -> None:
        """Show the trial among those at work."""
        self._epochs[spec.number] = f"trial {spec.number} at 0/{spec.run.training.epochs}"

    def epoch(self, spec: TrialSpec, report: EpochReport, score: Score) -> None:  # noqa: ARG002
        """Show how far a trial is."""
        self._epochs[spec.number] = (
            f"trial {spec.number} at {report.epoch + 1}/{spec.run.training.epochs}"
        )

    def completed(
        self, spec: TrialSpec, report: EpochReport, score: Score, wrong: list[GuardOutcome]
    ) -> None:
        """Leave a line behind."""
        super().completed(spec, report, score, wrong)
        self._leave(spec, outcome(report, score, wrong))

    def pruned(self, spec: TrialSpec, report: EpochReport, score: Score) -> None:
        """Leave a line behind."""
        super().pruned(spec, report, score)
        self._leave(spec, f"pruned after epoch {report.epoch + 1}")

    def failed(self, spec: TrialSpec, reason: str) -> None:
        """Leave a line behind."""
        super().failed(spec, reason)
        self._epochs.pop(spec.number, None)

    def end(self) -> None:
        """Stop drawing."""
        self._epochs.clear()
        self._live.stop()

    def _leave(self, spec: TrialSpec, what: str) -> None:
        self._epochs.pop(spec.number, None)
        self._console.print(
            Text(f"trial {spec.number:3d}  {what}  {describe(spec)}"), soft_wrap=False
        )

    def _render(self) -> Text:
        working = "  ".join(self._epochs.values())
        return Text(self.line() + (f" | {working}" if working else ""), style="bold")


def make_progress(
    study: str, targets: Targets, units: str, *, quiet: bool, console: Console
) -> SilentProgress:
    """Return the progress that fits where the output goes."""
    if quiet:
        return SilentProgress(study, targets, units)
    if console.is_terminal:
        return LiveProgress(study, targets, units, console)
    return LogProgress(study, targets, units)


def describe(spec: TrialSpec) -> str:
    """Return what a trial trains, in a few words."""
    if spec.preset is not None:
        return spec.preset
    loss, training = spec.run.loss, spec.run.training
    return (
        f"{loss.variant} {loss.gradient_weight:.3g} {loss.multi_step}, "
        f"rate {training.learning_rate:.2e}, warm-up {training.warmup_fraction:.2f}"
    )


def outcome(report: EpochReport, score: Score, wrong: Sequence[GuardOutcome] = ()) -> str:
    """Return what a trial came to, in a few words."""
    m = report.metrics
    against = f", against the guards: {', '.join(guard.name for guard in wrong)}" if wrong else ""
    return (
        f"score {score.total:.4f}, gradient {m['gradient']:.4g}, peak {m['peak']:.4g}, "
        f"rmse {m['rmse']:.4g}{against}"
    )


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
