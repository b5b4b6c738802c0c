"""Telling how far a sweep is in a table that is redrawn, with the finished trials above it."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from rich.console import Console
from rich.live import Live
from rich.text import Text

from fieldsharp.objectives.guards import GuardOutcome
from fieldsharp.objectives.score import Score
from fieldsharp.objectives.targets import Targets
from fieldsharp.objectives.verdict import Verdict
from fieldsharp.storage.maintenance.inspect import DiskSpace
from fieldsharp.sweep.configuration.presets import BASELINE
from fieldsharp.sweep.monitoring.live_table import LiveTable, left_behind
from fieldsharp.sweep.monitoring.progress import SilentProgress, outcome
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.formatting import describe
from fieldsharp.sweep.study.status.snapshot import SweepSnapshot, TrialAtWork
from fieldsharp.sweep.study.status.state import ScoredTrial
from fieldsharp.sweep.study.trial_records import PAUSED_STATE, TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec

REDRAWN_A_SECOND = 2
LOOK_AT_ROOM_EVERY_S = 2.0


@dataclass(frozen=True)
class OpenedSweep:
    """What can be told of a sweep that is about to begin.

    Attributes:
        study: Its name.
        targets: The bands of gradient and peak.
        units: Of the field.
        look: Reads where the study stands.
        look_at_room: Asks how much room there is.
    """

    study: str
    targets: Targets
    units: str
    look: Callable[[], SweepSnapshot]
    look_at_room: Callable[[], DiskSpace | None]


class LiveProgress(SilentProgress):
    """Draws the sweep, and leaves a line behind for every trial that ends.

    The drawing is done by a thread of its own. It only reads: what it draws is never changed but
    replaced, and it asks neither the database nor the disk, which may not answer.

    Args:
        sweep: What is told about.
        console: A terminal.
    """

    def __init__(self, sweep: OpenedSweep, console: Console) -> None:
        super().__init__(sweep.study, sweep.targets, sweep.units)
        self._sweep = sweep
        self._console = console
        self._shown: SweepSnapshot | None = None
        self._at_work: dict[int, TrialAtWork] = {}
        self._began_at: dict[int, float] = {}
        self._looked_at = 0.0
        # A log that goes into a file goes there still.
        self._live = Live(
            get_renderable=self._render,
            console=console,
            refresh_per_second=REDRAWN_A_SECOND,
            redirect_stderr=sys.stderr.isatty(),
            vertical_overflow="crop",
        )

    def begin(self, finished: int, total: int, best: ScoredTrial | None) -> None:
        """Start drawing."""
        super().begin(finished, total, best)
        self._shown = replace(self._sweep.look(), sees_forecasts=True)
        self._live.start()

    def started(self, spec: TrialSpec) -> None:
        """Show the trial among those at work."""
        epochs = spec.run.training.epochs
        self._began_at[spec.number] = time.monotonic()
        self._put(TrialAtWork(spec.number, describe(spec), 0, epochs))
        self._look_at_room()

    def epoch(self, spec: TrialSpec, report: EpochReport, score: Score) -> None:
        """Show how far a trial is."""
        metrics = report.metrics
        self._put(
            TrialAtWork(
                number=spec.number,
                what=describe(spec),
                epochs_done=report.epoch + 1,
                epochs=spec.run.training.epochs,
                score=score.total,
                gradient=metrics["gradient"],
                peak=metrics["peak"],
            )
        )
        self._look_at_room()

    def completed(
        self, spec: TrialSpec, report: EpochReport, score: Score, wrong: list[GuardOutcome]
    ) -> None:
        """Leave a line behind."""
        super().completed(spec, report, score, wrong)
        metrics = report.metrics
        found = ScoredTrial(
            spec.number, describe(spec), score.total, metrics["gradient"], metrics["peak"]
        )
        if self._shown is not None:
            is_best = self.best is not None and self.best.number == spec.number
            self._shown = replace(
                self._shown,
                best=found if is_best else self._shown.best,
                baseline=found if spec.preset == BASELINE else self._shown.baseline,
            )
        self._leave(spec, "COMPLETE", outcome(report, score, wrong))

    def paused(self, spec: TrialSpec, record: TrialRecord) -> None:  # noqa: ARG002
        """Show the trial no longer."""
        self.put_back(spec.number)

    def waiting(self, count: int) -> None:
        """Show how many are paused."""
        super().waiting(count)
        if self._shown is not None:
            states = {**self._shown.states, PAUSED_STATE: count}
            self._shown = replace(self._shown, states=states)

    def pruned(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Leave a line behind."""
        super().pruned(spec, record)
        self._leave(spec, "PRUNED", f"pruned after epoch {record.epochs}")

    def failed(self, spec: TrialSpec, reason: str) -> None:
        """Leave the warning behind."""
        super().failed(spec, reason)
        self._ended(spec.number, "FAIL")

    def put_back(self, number: int) -> None:
        """Show the trial no longer."""
        self._at_work = {n: trial for n, trial in self._at_work.items() if n != number}

    def concluded(self, verdict: Verdict | None) -> None:
        """Show the verdict."""
        if self._shown is not None and verdict is not None:
            self._shown = replace(self._shown, verdict=verdict)

    def end(self) -> None:
        """Stop drawing, and leave the last table behind without those that were at work."""
        self._at_work = {}
        if self._shown is not None:
            self._shown = replace(self._shown, is_run=False)
        if self._live.is_started:
            self._live.stop()
            self._console.print()

    def _put(self, trial: TrialAtWork) -> None:
        self._at_work = dict(sorted({**self._at_work, trial.number: trial}.items()))

    def _leave(self, spec: TrialSpec, state: str, what: str) -> None:
        self._ended(spec.number, state)
        self._console.print(left_behind(spec.number, what, describe(spec), self._console.width))

    def _ended(self, number: int, state: str) -> None:
        self.put_back(number)
        if self._shown is not None:
            states = dict(self._shown.states)
            states[state] = states.get(state, 0) + 1
            self._shown = replace(self._shown, states=states)

    def _look_at_room(self) -> None:
        now = time.monotonic()
        if self._shown is not None and now - self._looked_at >= LOOK_AT_ROOM_EVERY_S:
            self._looked_at = now
            self._shown = replace(self._shown, room=self._sweep.look_at_room())

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
