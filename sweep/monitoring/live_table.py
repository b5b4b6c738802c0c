"""The table of a sweep in the terminal: its state, and a row for each running trial.

Column widths do not depend on the values, so that nothing moves sideways between two redraws. A row
is one line if its bars fit, else two lines, else one line of numbers without bars.
"""

from dataclasses import replace

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, JustifyMethod, RenderResult
from rich.table import Column, Table
from rich.text import Text

from fieldsharp.core.printable import printable
from fieldsharp.sweep.monitoring.bars import (
    ASCII,
    FAINT,
    LINES,
    BandBar,
    Signs,
    clock_time,
    number_format,
    share_bar,
)
from fieldsharp.sweep.study.data_summary import AFTER_THE_BASELINE
from fieldsharp.sweep.study.status.snapshot import SweepSnapshot, TrialAtWork
from fieldsharp.sweep.study.trial_records import PAUSED_STATE

GAP = "  "
LABEL = 10
MIN_WIDTH = 40
UNLIMITED = 1000
"""Width at which columns are never shrunk; lines are cut to the terminal's width afterwards."""
HEADING = "bold"
GB = 1024
TRIAL, EPOCH_BAR, SCORE, VALUE_BAR, TIME = 5, 8, 7, 10, 7
"""Widths of columns, and of the bars in them."""
MIN_NUMBER = 5
"""Such as 1e+06."""
MIN_DESCRIPTION, MAX_DESCRIPTION = 24, 64


class LiveTable:
    """Draws a snapshot of a sweep within the size of the terminal."""

    def __init__(self, snapshot: SweepSnapshot) -> None:
        self._snapshot = snapshot

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        signs = ASCII if options.ascii_only else LINES
        # A line that fills the last column would wrap on some terminals.
        width = max(MIN_WIDTH, options.max_width - 1)
        table = _Drawing(self._snapshot, width, options.size.height, signs).table()
        unlimited = options.update(width=UNLIMITED, height=None)
        for segments in console.render_lines(table, unlimited, pad=False):
            line = Text.assemble(*((part.text, part.style or "") for part in segments))
            line.rstrip()
            if options.ascii_only:
                line = Text(signs.cut).join(line.split("…", allow_blank=True))
            line.truncate(options.max_width, overflow="crop")
            line.no_wrap = True
            yield line


def ended_trial_line(number: int, outcome: str, description: str, width: int) -> Text:
    """Return the line printed above the table when a trial ends, broken in two if it is long."""
    line = Text(f"trial {number:3d}  {printable(outcome)}")
    trained = printable(description)
    fits = line.cell_len + len(GAP) + cell_len(trained) <= width
    return line.append(f"{GAP}{trained}" if fits else f"\n{'':11}{trained}")


class _Drawing:
    """One snapshot at one size."""

    def __init__(self, snapshot: SweepSnapshot, width: int, height: int, signs: Signs) -> None:
        self._shown = snapshot
        self._width = width
        self._height = height
        self._signs = signs
        best, baseline = snapshot.best, snapshot.baseline
        targets = snapshot.targets
        bands = () if targets is None else (targets.gradient, targets.peak)
        starts = (baseline.gradient, baseline.peak) if baseline else (None, None)
        reached = (best.gradient, best.peak) if best else (None, None)
        self._sees_forecasts = snapshot.sees_forecasts and targets is not None
        self._metrics = tuple(
            (name, BandBar(band, start), number_format(band.high), value)
            for name, band, start, value in zip(
                ("gradient", "peak"), bands, starts, reached, strict=False
            )
        )

    def table(self) -> Group:
        """Return the whole table."""
        head = self._head()
        count = len(self._shown.at_work)
        if self._shown.is_run:
            count = max(count, self._shown.workers)
        if not count:
            return Group("", head, Text("no trial is at work", style=FAINT))
        return Group("", head, "", self._rows(count, self._height - head.row_count - 3))

    def _head(self) -> Table:
        head = Table.grid(
            Column(width=LABEL, style=FAINT),
            Column(width=self._width - LABEL, no_wrap=True, overflow="ellipsis"),
        )
        shown, best, verdict = self._shown, self._shown.best, self._shown.verdict
        unit = f" [{shown.units}]" if shown.units else ""
        field = f"{GAP}{printable(shown.variable + unit)}, on the validation split"
        none_yet = Text("none yet", style=FAINT)
        # Bars leave 65 cells to the text around them.
        bar_width = min(40, max(10, self._width - 65))
        head.add_row("study", Text.assemble((printable(shown.study), HEADING), field))
        head.add_row("trials", self._trials(bar_width))
        head.add_row(
            "verdict",
            Text.assemble((verdict.name, HEADING), f": {printable(verdict.reason)}")
            if verdict
            else none_yet,
        )
        head.add_row(
            "best",
            Text.assemble(
                (f"trial {best.number}, score {best.score:.4f}", HEADING),
                f"{GAP}{printable(best.what)}",
            )
            if best
            else none_yet,
        )
        if not self._metrics:
            head.add_row("targets", Text(AFTER_THE_BASELINE, style=FAINT))
        width = max((len(number(None)) for _, _, number, _ in self._metrics), default=0)
        for name, bar, number, value in self._metrics:
            start, band = bar.baseline, bar.band
            began = f"baseline {number(start).strip()}, " if start is not None else ""
            target = f"target {number(band.low).strip()} to {number(band.high).strip()}"
            head.add_row(
                name,
                Text.assemble(
                    bar.draw(value, bar_width, self._signs),
                    (f"{GAP}{number(value):>{width}}", HEADING),
                    (f"{GAP}{began}{target}", FAINT),
                ),
            )
        head.add_row("disk", self._disk())
        return head

    def _trials(self, bar_width: int) -> Text:
        shown = self._shown
        done = f"{shown.done}/{shown.budget}".rjust(2 * len(str(shown.budget)) + 1)
        names = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
        if shown.states.get(PAUSED_STATE):
            names[PAUSED_STATE] = "paused"
        counts = ", ".join(f"{shown.states.get(s, 0)} {name}" for s, name in names.items())
        return Text.assemble(
            share_bar(shown.done / shown.budget, bar_width, self._signs),
            f"{GAP}{done}{GAP}ETA {clock_time(shown.eta_s):>7}",
            (f"{GAP}{counts}", FAINT),
        )

    def _disk(self) -> Text:
        space, floor_mb = self._shown.room, self._shown.floor_mb
        if space is None:
            return Text("free space is not known", style=FAINT)
        full = space.free_mb < floor_mb
        waits = f": below {_size(floor_mb)} no trial is started" if full else ""
        database = "" if space.database_mb is None else f"{GAP}database {_size(space.database_mb)}"
        return Text.assemble(
            (f"{_size(space.free_mb)} free{waits}", "bold red" if full else ""), (database, FAINT)
        )

    def _rows(self, count: int, height: int) -> Group:
        """Return headings and ``count`` rows of running trials and idle workers, for a height."""
        columns = self._columns(bars=True)
        bars = self._description_width(columns) >= MIN_DESCRIPTION
        lower = columns[2:-1]  # of two lines
        lower_width = TRIAL + sum(len(GAP) + column_width for _, column_width, _ in lower)
        two = not bars and 2 * count + 2 <= height and lower_width <= self._width
        if two:
            description = self._width - TRIAL - TIME - 2 * len(GAP)
            upper = f"{'trains':{description}}{GAP}{'time':>{TIME}}"
            headings = (f"{name:{'>' if side == 'right' else '<'}{w}}" for name, w, side in lower)
            both = f"{upper}\n{GAP.join(headings)}"
            table = _grid([("trial\n", TRIAL, "right"), (both, self._width, "left")])
        else:
            columns = columns if bars else self._columns(bars=False)
            description = max(1, min(self._description_width(columns), MAX_DESCRIPTION))
            table = _grid([columns[0], ("trains", description, "left"), *columns[2:]])
        lines = 2 if two else 1
        fit = max(1, (height - lines) // lines)
        drawn = count if count <= fit else fit - 1
        for trial in self._shown.at_work[:drawn]:
            trained, time = Text(printable(trial.what)), _duration(trial.seconds)
            cells = self._cells(trial, bars=bars or two)
            if two:
                trained.truncate(description, overflow="ellipsis", pad=True)
                trained.append(f"{GAP}{time:>{TIME}}\n").append_text(Text(GAP).join(cells))
                table.add_row(str(trial.number), trained)
            else:
                table.add_row(str(trial.number), trained, *cells, time)
        idle = Text("\n" * (lines - 1)).join(
            [Text(f"{'-':>{TRIAL}}{GAP}idle", style=FAINT), Text()]
        )
        rest = Text(f"{'':{TRIAL}}{GAP}and {count - drawn} more", style=FAINT)
        idle_count = max(0, drawn - len(self._shown.at_work))
        return Group(table, *[idle] * idle_count, *([rest] if drawn < count else []))

    def _columns(self, *, bars: bool) -> list[tuple[str, int, JustifyMethod]]:
        """Return heading, width and side of each column; that of the description has width 0."""
        longest = [replace(trial, epochs_done=trial.epochs) for trial in self._shown.at_work]
        count = max((len(trial.progress) for trial in longest), default=len("10/10"))
        side: JustifyMethod = "left" if bars else "right"  # headings above the bar or number
        columns: list[tuple[str, int, JustifyMethod]] = [
            ("trial", TRIAL, "right"),
            ("trains", 0, "left"),
            ("epoch", EPOCH_BAR + 1 + count if bars else max(len("epoch"), count), side),
            ("score", SCORE, "right"),
        ]
        if self._sees_forecasts:
            for name, _, number, _ in self._metrics:
                digits = len(number(None))
                width = VALUE_BAR + 1 + digits if bars else max(digits, len(name), MIN_NUMBER)
                columns.append((name, width, side))
        return [*columns, ("time", TIME, "right")]

    def _description_width(self, columns: list[tuple[str, int, JustifyMethod]]) -> int:
        return self._width - sum(width for _, width, _ in columns) - len(GAP) * (len(columns) - 1)

    def _cells(self, trial: TrialAtWork, *, bars: bool) -> list[Text]:
        """Return the cells between description and time, at their full width if they have bars."""
        epochs = Text(trial.progress)
        if bars:
            _, width, _ = self._columns(bars=True)[2]
            bar = share_bar(trial.epochs_done / trial.epochs, EPOCH_BAR, self._signs)
            epochs = bar.append(epochs.plain.rjust(width - EPOCH_BAR), style="")
        score = "-" if trial.score is None else _within(SCORE, f"{trial.score:.4f}", trial.score)
        cells = [epochs, Text(score.rjust(SCORE))]
        if self._sees_forecasts:
            values = (trial.gradient, trial.peak)
            for (name, band_bar, number, _), value in zip(self._metrics, values, strict=True):
                text, digits = number(value), len(number(None))
                if bars:  # a number out of all proportion takes cells from its bar
                    length = VALUE_BAR + digits - len(text)
                    drawn = band_bar.draw(value, length, self._signs)
                    cells.append(drawn.append(f" {text}", style=""))
                else:
                    width = max(digits, len(name), MIN_NUMBER)
                    cells.append(Text(_within(width, text, value)))
        return cells


def _grid(columns: list[tuple[str, int, JustifyMethod]]) -> Table:
    """Return a table without lines, with columns of fixed widths."""
    table = Table(box=None, padding=(0, len(GAP), 0, 0), pad_edge=False, header_style=FAINT)
    for heading, width, side in columns:
        table.add_column(heading, width=width, justify=side, no_wrap=True, overflow="ellipsis")
    return table


def _within(width: int, text: str, value: float | None) -> str:
    """Return a number with fewer digits if its text is wider than a column."""
    if value is None or len(text) <= width:
        return text
    shorter = f"{value:.{width - 3}g}"
    return shorter if len(shorter) <= width else f"{value:.{max(0, width - 6)}e}"


def _duration(seconds: float) -> str:
    """Return a duration as 1:03:20, from ten hours on as 10.1 h."""
    text = clock_time(seconds)
    return text if len(text) <= TIME else f"{seconds / 3600:.1f} h"


def _size(megabytes: float) -> str:
    return f"{megabytes / GB:.1f} GB" if megabytes >= GB else f"{megabytes:.1f} MB"
