"""Shows the progress of a sweep in a live table, with a line above it for each ended trial."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from rich.console import Console
from rich.live import Live
from rich.text import Text

from fieldsharp.objectives.score import Score
from fieldsharp.objectives.targets import Targets
from fieldsharp.objectives.verdicts.verdict import Verdict
from fieldsharp.storage.maintenance.inspect import DiskSpace
from fieldsharp.sweep.configuration.presets import BASELINE
from fieldsharp.sweep.monitoring.live_table import LiveTable, ended_trial_line
from fieldsharp.sweep.monitoring.progress import SilentProgress, ended_trial, outcome
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.formatting import describe
from fieldsharp.sweep.study.status.snapshot import SweepSnapshot, TrialAtWork
from fieldsharp.sweep.study.status.state import ScoredTrial
from fieldsharp.sweep.study.trial_records import PAUSED_STATE, TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec

REDRAWS_PER_SECOND = 2
DISK_CHECK_INTERVAL_S = 2.0


@dataclass(frozen=True)
class OpenedSweep:
    """A sweep that is about to begin, with readers of its state and of the disk space."""

    study: str
    targets: Targets
    units: str
    read_snapshot: Callable[[], SweepSnapshot]
    read_disk_space: Callable[[], DiskSpace | None]


class LiveProgress(SilentProgress):
    """Draws the sweep in a table, and prints a line for every trial that ends.

    A thread of its own draws. It only reads: snapshots are immutable and replaced, and it accesses
    neither the database nor the disk, which may block.
    """

    def __init__(self, sweep: OpenedSweep, console: Console) -> None:
        super().__init__(sweep.study, sweep.targets, sweep.units)
        self._sweep = sweep
        self._console = console
        self._shown: SweepSnapshot | None = None
        self._at_work: dict[int, TrialAtWork] = {}
        self._began_at: dict[int, float] = {}
        self._disk_checked_at = 0.0
        # A log that is redirected to a file is still written to it.
        self._live = Live(
            get_renderable=self._render,
            console=console,
            refresh_per_second=REDRAWS_PER_SECOND,
            redirect_stderr=sys.stderr.isatty(),
            vertical_overflow="crop",
        )

    def begin(self, finished: int, total: int, best: ScoredTrial | None) -> None:
        """Start drawing."""
        super().begin(finished, total, best)
        self._shown = replace(self._sweep.read_snapshot(), sees_forecasts=True)
        self._live.start()

    def aims_at(self, targets: Targets) -> None:
        """Show the targets."""
        super().aims_at(targets)
        if self._shown is not None:
            self._shown = replace(self._shown, targets=targets)

    def started(self, spec: TrialSpec) -> None:
        """Add the trial to the running ones."""
        epochs = spec.run.training.epochs
        self._began_at[spec.number] = time.monotonic()
        finds_length = spec.run.training.length == "auto"
        self._update(TrialAtWork(spec.number, describe(spec), 0, epochs, finds_length=finds_length))
        self._update_disk_space()

    def epoch(self, spec: TrialSpec, report: EpochReport, score: Score) -> None:
        """Update the row of the trial."""
        metrics = report.metrics
        self._update(
            TrialAtWork(
                number=spec.number,
                what=describe(spec),
                epochs_done=report.epoch + 1,
                epochs=spec.run.training.epochs,
                score=score.total,
                gradient=metrics["gradient"],
                peak=metrics["peak"],
                finds_length=spec.run.training.length == "auto",
            )
        )
        self._update_disk_space()

    def completed(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Print the line of the trial."""
        super().completed(spec, record)
        found = ended_trial(spec, record)
        if self._shown is not None:
            is_best = self.best is not None and self.best.number == spec.number
            self._shown = replace(
                self._shown,
                best=found if is_best else self._shown.best,
                baseline=found if spec.preset == BASELINE else self._shown.baseline,
            )
        self._print_ended(spec, "COMPLETE", outcome(record))

    def paused(self, spec: TrialSpec, record: TrialRecord) -> None:  # noqa: ARG002
        """Remove the trial from the running ones."""
        self.put_back(spec.number)

    def waiting(self, count: int) -> None:
        """Update the number of paused trials."""
        super().waiting(count)
        if self._shown is not None:
            states = {**self._shown.states, PAUSED_STATE: count}
            self._shown = replace(self._shown, states=states)

    def pruned(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Print the line of the trial."""
        super().pruned(spec, record)
        self._print_ended(spec, "PRUNED", f"pruned after epoch {record.epochs}")

    def failed(self, spec: TrialSpec, reason: str) -> None:
        """Print the warning."""
        super().failed(spec, reason)
        self._ended(spec.number, "FAIL")

    def put_back(self, number: int) -> None:
        """Remove the trial from the running ones."""
        self._at_work = {n: trial for n, trial in self._at_work.items() if n != number}

    def concluded(self, verdict: Verdict | None) -> None:
        """Show the verdict."""
        if self._shown is not None and verdict is not None:
            self._shown = replace(self._shown, verdict=verdict)

    def end(self) -> None:
        """Stop drawing; the last table stays on the screen, without running trials."""
        self._at_work = {}
        if self._shown is not None:
            self._shown = replace(self._shown, is_run=False)
        if self._live.is_started:
            self._live.stop()
            self._console.print()

    def _update(self, trial: TrialAtWork) -> None:
        self._at_work = dict(sorted({**self._at_work, trial.number: trial}.items()))

    def _print_ended(self, spec: TrialSpec, state: str, outcome_text: str) -> None:
        self._ended(spec.number, state)
        self._console.print(
            ended_trial_line(spec.number, outcome_text, describe(spec), self._console.width)
        )

    def _ended(self, number: int, state: str) -> None:
        self.put_back(number)
        if self._shown is not None:
            states = dict(self._shown.states)
            states[state] = states.get(state, 0) + 1
            self._shown = replace(self._shown, states=states)

    def _update_disk_space(self) -> None:
        now = time.monotonic()
        if self._shown is not None and now - self._disk_checked_at >= DISK_CHECK_INTERVAL_S:
            self._disk_checked_at = now
            self._shown = replace(self._shown, room=self._sweep.read_disk_space())

    def _render(self) -> LiveTable | Text:
        if self._shown is None:
            return Text()
        now = time.monotonic()
        at_work = tuple(
            replace(trial, seconds=now - self._began_at.get(trial.number, now))
            for trial in self._at_work.values()
        )
        return LiveTable(
            replace(
                self._shown,
                done=self.finished,
                budget=self.total,
                at_work=at_work,
                eta_s=self.eta_s(),
            )
        )
