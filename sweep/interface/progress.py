"""Progress of a sweep: a bar in a notebook, a table in a terminal, lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.objectives.score import Score
from fieldsharp.objectives.verdicts.verdict import Verdict
from fieldsharp.sweep.commands.console import can_redraw, wide_console
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.interface.display import block, line, table
from fieldsharp.sweep.monitoring.live_progress import LiveProgress, OpenedSweep
from fieldsharp.sweep.monitoring.progress import SilentProgress, outcome
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.formatting import describe
from fieldsharp.sweep.study.status.state import ScoredTrial
from fieldsharp.sweep.study.trial_records import TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec

BETWEEN_UPDATES_S = 0.3
SHOWN_ENDED = 5


class ShownProgress:
    """The place where a sweep is shown. ``make`` is given to the coordinator.

    Attributes:
        is_opened: Whether the study is there and its trials have begun.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.is_opened = False
        self._quiet = quiet

    def make(self, sweep: OpenedSweep) -> SilentProgress:
        """Return the progress of an opened sweep."""
        self.is_opened = True
        return SilentProgress(sweep.study, sweep.targets, sweep.units)

    def say(self, sentence: str) -> None:
        """Show a sentence."""
        if not self._quiet:
            sys.stdout.write(f"{sentence}\n")
            sys.stdout.flush()


class _InTerminal(ShownProgress):
    """A live table in a terminal, lines elsewhere."""

    def make(self, sweep: OpenedSweep) -> SilentProgress:
        self.is_opened = True
        console = wide_console()
        return LiveProgress(sweep, console) if can_redraw(console) else LineProgress(sweep, self)


class _InNotebook(ShownProgress):
    """A bar in the output of a cell, which is replaced as the sweep goes on."""

    def __init__(self) -> None:
        super().__init__(quiet=False)
        self._handle: Any = None

    def make(self, sweep: OpenedSweep) -> SilentProgress:
        self.is_opened = True
        return NotebookProgress(sweep, self)

    def say(self, sentence: str) -> None:
        self.show(line(sentence), f"{sentence}\n")

    def show(self, html: str, plain: str) -> None:
        """Replace what the cell shows."""
        from IPython.display import display

        content = {"text/html": html, "text/plain": plain}
        if self._handle is None:
            shown: Any = display(content, raw=True, display_id=True)  # type: ignore[no-untyped-call]
            self._handle = shown
        else:
            self._handle.update(content, raw=True)


class LineProgress(SilentProgress):
    """Writes a line for each trial that ends."""

    def __init__(self, sweep: OpenedSweep, place: ShownProgress) -> None:
        super().__init__(sweep.study, sweep.targets, sweep.units)
        self._place = place

    def completed(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Write its result."""
        super().completed(spec, record)
        self._ended(spec, outcome(record))

    def pruned(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Write when it was ended."""
        super().pruned(spec, record)
        self._ended(spec, f"pruned after epoch {record.epochs}")

    def failed(self, spec: TrialSpec, reason: str) -> None:
        """Write the reason."""
        super().failed(spec, reason)
        self._ended(spec, f"failed, {reason}")

    def _ended(self, spec: TrialSpec, result: str) -> None:
        self._place.say(f"trial {spec.number} ({describe(spec)}): {result} | {self.line()}")


class NotebookProgress(LineProgress):
    """Draws a bar of the trials, the running ones, and the last that ended.

    It is drawn by the thread that runs the sweep, so that it lands in the cell's own output.
    """

    def __init__(self, sweep: OpenedSweep, place: _InNotebook) -> None:
        super().__init__(sweep, place)
        self._cell = place
        self._running: dict[int, tuple[str, str, float | None]] = {}
        self._last: list[tuple[int, str, str]] = []
        self._verdict: Verdict | None = None
        self._drawn_at = 0.0

    def begin(self, finished: int, total: int, best: ScoredTrial | None) -> None:
        """Draw the bar."""
        super().begin(finished, total, best)
        self._draw()

    def started(self, spec: TrialSpec) -> None:
        """Add the trial."""
        self._running[spec.number] = (describe(spec), f"0 of {spec.run.training.epochs}", None)
        self._draw()

    def epoch(self, spec: TrialSpec, report: EpochReport, score: Score) -> None:
        """Update the trial."""
        epochs = f"{report.epoch + 1} of {spec.run.training.epochs}"
        self._running[spec.number] = (describe(spec), epochs, score.total)
        self._draw(at_once=False)

    def put_back(self, number: int) -> None:
        """Remove the trial."""
        self._running.pop(number, None)
        self._draw()

    def paused(self, spec: TrialSpec, record: TrialRecord) -> None:  # noqa: ARG002
        """Remove the trial."""
        self.put_back(spec.number)

    def concluded(self, verdict: Verdict | None) -> None:
        """Show the verdict so far."""
        self._verdict = verdict

    def end(self) -> None:
        """Draw what was reached."""
        self._running = {}
        self._draw(ended=True)

    def _ended(self, spec: TrialSpec, result: str) -> None:
        self._running.pop(spec.number, None)
        self._last = [*self._last, (spec.number, describe(spec), result)][-SHOWN_ENDED:]
        self._draw()

    def _draw(self, *, at_once: bool = True, ended: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now - self._drawn_at < BETWEEN_UPDATES_S:
            return
        self._drawn_at = now
        bar = f'<progress style="width:100%" max="{self.total}" value="{self.finished}"></progress>'
        running = [
            (what, number, epochs, score)
            for number, (what, epochs, score) in sorted(self._running.items())
        ]
        verdict = "" if self._verdict is None else f"verdict so far: {self._verdict.name}"
        self._cell.show(
            block(
                f"study {self.study}",
                bar,
                line(self.line().rpartition(" | ETA")[0] if ended else self.line()),
                table(("running", "trial", "epoch", "score"), running) if running else "",
                *(line(f"trial {n} ({what}): {said}", faint=True) for n, what, said in self._last),
                line(verdict) if verdict and not ended else "",
            ),
            f"study {self.study}: {self.line()}",
        )


@contextmanager
def shown_progress(config: SweepConfig, *, quiet: bool) -> Iterator[ShownProgress]:
    """Have the place where a sweep is shown: a notebook's cell, the terminal, or none."""
    place = (
        ShownProgress(quiet=True)
        if quiet
        else _InNotebook()
        if in_notebook()
        else _InTerminal(quiet=False)
    )
    subject = DataFiles.of(config.data.path) if config.has_data else "the script"
    place.say(f"study {config.study}: reading {subject}")
    yield place


def in_notebook() -> bool:
    """Return whether the program is a cell of a notebook."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")
