"""What a watched study is shown as: a table, plain lines, or lines of JSON."""

import time
from abc import abstractmethod
from contextlib import ExitStack

from rich.console import Console
from rich.live import Live

from fieldsharp.sweep.commands.console import can_be_drawn_on
from fieldsharp.sweep.commands.json_output import say_json_line
from fieldsharp.sweep.monitoring.bars import clock_time
from fieldsharp.sweep.monitoring.live_table import LiveTable, ended_trial_line
from fieldsharp.sweep.study.status.snapshot import SweepSnapshot


class Show(ExitStack):
    """Shows one look after another; a context manager."""

    @abstractmethod
    def look(self, snapshot: SweepSnapshot) -> None:
        """Show where the study stands."""


class TableShow(Show):
    """Redraws a table, with the trials that ended meanwhile above it.

    Args:
        console: A terminal.
    """

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")

    def look(self, snapshot: SweepSnapshot) -> None:
        """Redraw the table."""
        for trial in snapshot.ended:
            width = self._console.width
            self._console.print(ended_trial_line(trial.number, trial.outcome, trial.what, width))
        self._live.update(LiveTable(snapshot), refresh=True)
        if not self._live.is_started:  # the first table comes with the first look
            self.callback(self._live.stop)  # first: Ctrl-C may come while it starts
            self._live.start(refresh=True)
        if not snapshot.is_run:
            self.close()
            self._console.print(snapshot.note, soft_wrap=True)


class LineShow(Show):
    """Prints a line for every trial that ended, and one where anything else has changed.

    Args:
        console: No terminal.
    """

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._last: SweepSnapshot | None = None

    def look(self, snapshot: SweepSnapshot) -> None:
        """Print what has changed."""
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


class JsonShow(Show):
    """Prints a JSON object in a line of its own where anything has changed."""

    def __init__(self) -> None:
        super().__init__()
        self._last: SweepSnapshot | None = None

    def look(self, snapshot: SweepSnapshot) -> None:
        """Print what has changed."""
        if snapshot.ended or not snapshot.same_but_for_time(self._last):
            say_json_line(snapshot.as_json())
        self._last = snapshot


def show_for(console: Console, *, as_json: bool) -> Show:
    """Return what fits where the output goes."""
    if as_json:
        return JsonShow()
    return TableShow(console) if can_be_drawn_on(console) else LineShow(console)


def line_of(snapshot: SweepSnapshot) -> str:
    """Return where a study stands, in one line."""
    parts = [f"{snapshot.study}: trials {snapshot.done}/{snapshot.budget}"]
    best, targets = snapshot.best, snapshot.targets
    if best is not None:
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
        parts.append(f"trial {trial.number} at {trial.epochs_done}/{trial.epochs}{score}")
    parts.append(f"ETA {clock_time(snapshot.eta_s)}")
    return " | ".join(parts)
