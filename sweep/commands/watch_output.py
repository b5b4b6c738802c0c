"""Outputs of a watched study: a table, plain lines, or lines of JSON."""

import time
from abc import abstractmethod
from contextlib import ExitStack

from rich.console import Console
from rich.live import Live

from fieldsharp.sweep.commands.console import can_redraw
from fieldsharp.sweep.commands.printing import say_json_line
from fieldsharp.sweep.monitoring.bars import clock_time
from fieldsharp.sweep.monitoring.live_table import LiveTable, ended_trial_line
from fieldsharp.sweep.study.data_summary import AFTER_THE_BASELINE
from fieldsharp.sweep.study.status.snapshot import SweepSnapshot


class WatchOutput(ExitStack):
    """Shows the snapshots of a study, one after the other; a context manager."""

    @abstractmethod
    def show(self, snapshot: SweepSnapshot) -> None:
        """Show the state of the study."""


class TableOutput(WatchOutput):
    """Redraws a table, below the lines of trials that have ended."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")

    def show(self, snapshot: SweepSnapshot) -> None:
        """Redraw the table."""
        for trial in snapshot.ended:
            width = self._console.width
            self._console.print(ended_trial_line(trial.number, trial.outcome, trial.what, width))
        self._live.update(LiveTable(snapshot), refresh=True)
        if not self._live.is_started:  # started with the first snapshot
            self.callback(self._live.stop)  # registered first: Ctrl-C may arrive during the start
            self._live.start(refresh=True)
        if not snapshot.is_run:
            self.close()
            self._console.print(snapshot.note, soft_wrap=True)


class LineOutput(WatchOutput):
    """Prints a line for every trial that ended, and one for any other change."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._last: SweepSnapshot | None = None

    def show(self, snapshot: SweepSnapshot) -> None:
        """Print the changes."""
        for trial in snapshot.ended:
            self._say(f"trial {trial.number}: {trial.outcome}  {trial.what}")
        if not snapshot.same_but_for_time(self._last):
            self._say(line_of(snapshot))
        if not snapshot.is_run:
            self._say(snapshot.note)
        self._last = snapshot

    def _say(self, line: str) -> None:
        now = time.strftime("%H:%M:%S")
        self._console.print(f"{now} {line}", soft_wrap=True, highlight=False)
        self._console.file.flush()


class JsonOutput(WatchOutput):
    """Prints a line with a JSON object for every change."""

    def __init__(self) -> None:
        super().__init__()
        self._last: SweepSnapshot | None = None

    def show(self, snapshot: SweepSnapshot) -> None:
        """Print the changes."""
        if snapshot.ended or not snapshot.same_but_for_time(self._last):
            say_json_line(snapshot.as_json())
        self._last = snapshot


def output_for(console: Console, *, as_json: bool) -> WatchOutput:
    """Return the output for a script, a terminal or a stream of lines."""
    if as_json:
        return JsonOutput()
    return TableOutput(console) if can_redraw(console) else LineOutput(console)


def line_of(snapshot: SweepSnapshot) -> str:
    """Return the state of a study in one line."""
    parts = [f"{snapshot.study}: trials {snapshot.done}/{snapshot.budget}"]
    best, targets = snapshot.best, snapshot.targets
    if targets is None:
        parts.append(f"targets {AFTER_THE_BASELINE}")
    elif best is not None:
        unit = f" {snapshot.units}" if snapshot.units else ""
        parts += [
            f"best {best.score:.4f} (trial {best.number})",
            f"gradient {best.gradient:.4g} of {targets.gradient.low:.4g}",
            f"peak {best.peak:.4g} of {targets.peak.low:.4g}{unit}",
        ]
    if snapshot.verdict is not None:
        parts.append(snapshot.verdict.name)
    for trial in snapshot.at_work:
        score = "" if trial.score is None else f" score {trial.score:.4f}"
        parts.append(f"trial {trial.number} at {trial.progress}{score}")
    parts.append(f"ETA {clock_time(snapshot.eta_s)}")
    return " | ".join(parts)
