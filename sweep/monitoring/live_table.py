"""A sweep as a table that is redrawn in place: where it stands, and what its workers do.

Every column has its width before anything is drawn, so that nothing moves sideways from one
moment to the next; a narrow or low terminal gets less beside each trial, never a broken line.
"""

from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from fieldsharp.core.printable import printable
from fieldsharp.sweep.monitoring.bars import (
    ASCII,
    FAINT,
    LINES,
    BandBar,
    Signs,
    clock_time,
    number_of,
    share_bar,
)
from fieldsharp.sweep.monitoring.live_rows import GAP, LiveRows
from fieldsharp.sweep.study.status.snapshot import SweepSnapshot
from fieldsharp.sweep.study.trial_records import PAUSED_STATE

LABEL = 10
LEAST_WIDTH = 40
HEADING = "bold"
GB = 1024


class LiveTable:
    """Draws a snapshot as wide and as high as the terminal is.

    Args:
        snapshot: What to draw.
    """

    def __init__(self, snapshot: SweepSnapshot) -> None:
        self._snapshot = snapshot

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        signs = ASCII if options.ascii_only else LINES
        # A line that fills the last column would wrap on some terminals.
        width = max(LEAST_WIDTH, options.max_width - 1)
        for line in _Drawing(self._snapshot, width, options.size.height, signs).lines():
            line.truncate(options.max_width, overflow="crop")
            line.no_wrap = True
            yield line


def left_behind(number: int, outcome: str, what: str, width: int) -> Text:
    """Return the line that a trial leaves above the table when it ends, two where it is long."""
    line = Text(f"trial {number:3d}  {printable(outcome)}")
    trained = printable(what)
    fits = line.cell_len + len(GAP) + cell_len(trained) <= width
    return line.append(f"{GAP}{trained}" if fits else f"\n{'':11}{trained}")


class _Drawing:
    """The lines of one snapshot at one size."""

    def __init__(self, snapshot: SweepSnapshot, width: int, height: int, signs: Signs) -> None:
        self._shown = snapshot
        self._width = width
        self._height = height
        self._signs = signs
        targets, baseline = snapshot.targets, snapshot.baseline
        self._bars = (
            BandBar(targets.gradient, baseline.gradient if baseline else None),
            BandBar(targets.peak, baseline.peak if baseline else None),
        )
        self._numbers = number_of(targets.gradient.high), number_of(targets.peak.high)
        # Those on top share their width with the words beside them.
        self._bar = min(40, max(10, width - 65))

    def lines(self) -> list[Text]:
        """Return the whole table."""
        head = [
            Text(),
            self._title(),
            self._trials(),
            self._verdict(),
            self._best(),
            *self._values(),
            self._room(),
        ]
        shown = self._shown
        rows = max(len(shown.at_work), shown.workers if shown.is_run else 0)
        if not rows:
            return [*head, Text("no trial is at work", style=FAINT)]
        below = LiveRows(shown, self._width, self._signs, self._bars, self._numbers)
        return [*head, Text(), *below.lines(rows, self._height - len(head) - 2)]

    def _title(self) -> Text:
        shown = self._shown
        unit = f" [{shown.units}]" if shown.units else ""
        return self._line(
            "study",
            (printable(shown.study), HEADING),
            (f"{GAP}{printable(shown.variable + unit)}, on the validation split", ""),
        )

    def _trials(self) -> Text:
        shown = self._shown
        of_all = f"{shown.done}/{shown.budget}".rjust(2 * len(str(shown.budget)) + 1)
        names = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
        if shown.states.get(PAUSED_STATE):
            names[PAUSED_STATE] = "paused"
        counts = ", ".join(f"{shown.states.get(s, 0)} {name}" for s, name in names.items())
        bar = share_bar(shown.done / shown.budget, self._bar, self._signs)
        return self._line(
            "trials",
            bar,
            (f"{GAP}{of_all}{GAP}", ""),
            (f"ETA {clock_time(shown.eta_s):>7}", ""),
            (f"{GAP}{counts}", FAINT),
        )

    def _verdict(self) -> Text:
        verdict = self._shown.verdict
        if verdict is None:
            return self._line("verdict", ("none yet", FAINT))
        return self._line(
            "verdict", (verdict.name, HEADING), (f": {printable(verdict.reason)}", "")
        )

    def _best(self) -> Text:
        best = self._shown.best
        if best is None:
            return self._line("best", ("none yet", FAINT))
        return self._line(
            "best",
            (f"trial {best.number}, score {best.score:.4f}", HEADING),
            (f"{GAP}{printable(best.what)}", ""),
        )

    def _values(self) -> Iterator[Text]:
        best, baseline, targets = self._shown.best, self._shown.baseline, self._shown.targets
        values = (
            (
                "gradient",
                targets.gradient,
                best.gradient if best else None,
                baseline.gradient if baseline else None,
            ),
            (
                "peak",
                targets.peak,
                best.peak if best else None,
                baseline.peak if baseline else None,
            ),
        )
        width = max(len(number(None)) for number in self._numbers)
        for (name, band, value, start), bar, number in zip(
            values, self._bars, self._numbers, strict=True
        ):
            began = f"baseline {number(start).strip()}, " if start is not None else ""
            yield self._line(
                name,
                bar.draw(value, self._bar, self._signs),
                (f"{GAP}{number(value):>{width}}", HEADING),
                (
                    f"{GAP}{began}target {number(band.low).strip()} to {number(band.high).strip()}",
                    FAINT,
                ),
            )

    def _room(self) -> Text:
        room, floor_mb = self._shown.room, self._shown.floor_mb
        if room is None:
            return self._line("disk", ("it does not say how much room there is", FAINT))
        full = room.free_mb < floor_mb
        waits = f": below {_size(floor_mb)} no trial is started" if full else ""
        kept = "" if room.database_mb is None else f"{GAP}database {_size(room.database_mb)}"
        return self._line(
            "disk",
            (f"{_size(room.free_mb)} free{waits}", "bold red" if full else ""),
            (kept, FAINT),
        )

    def _line(self, label: str, *parts: Text | tuple[str, str]) -> Text:
        line = Text(label.ljust(LABEL), style="")
        line.stylize(FAINT)
        for part in parts:
            line.append_text(part if isinstance(part, Text) else Text(*part))
        return self._cut(line)

    def _cut(self, line: Text) -> Text:
        if line.cell_len > self._width:
            line.truncate(self._width - 1)
            line.append(self._signs.cut)
        return line


def _size(megabytes: float) -> str:
    return f"{megabytes / GB:.1f} GB" if megabytes >= GB else f"{megabytes:.1f} MB"
