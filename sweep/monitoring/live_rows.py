"""The rows of the live table: a trial at work each.

One line where there is room for everything, else two; else figures without bars, and at last as
many rows as there are lines.
"""

from collections.abc import Callable, Iterator, Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from fieldsharp.core.printable import printable
from fieldsharp.sweep.monitoring.bars import FAINT, BandBar, Signs, clock_time, share_bar
from fieldsharp.sweep.study.status.snapshot import SweepSnapshot, TrialAtWork

GAP = "  "
TRIAL = 5
EPOCH_BAR = 8
SCORE = 7
VALUE_BAR = 10
TIME = 7
LEAST_WHAT, MOST_WHAT = 24, 64
NAMES = ("gradient", "peak")


class LiveRows:
    """Draws the trials at work.

    Args:
        snapshot: With the trials.
        width: Cells there are.
        signs: What bars are drawn with.
        bars: Of gradient and peak.
        numbers: What writes them.
    """

    def __init__(
        self,
        snapshot: SweepSnapshot,
        width: int,
        signs: Signs,
        bars: Sequence[BandBar],
        numbers: Sequence[Callable[[float | None], str]],
    ) -> None:
        self._shown = snapshot
        self._width = width
        self._signs = signs
        self._bars = bars
        self._numbers = numbers

    def lines(self, rows: int, room: int) -> Iterator[Text]:
        """Yield a heading and so many rows, in at most so many lines.

        Args:
            rows: Trials and idle workers.
            room: Lines there are.
        """
        wide = self._what_width(bars=True)
        has_bars = wide >= LEAST_WHAT
        two = not has_bars and 2 * rows + 2 <= room and self._two_width <= self._width
        headings = self._two_headings() if two else [self._heading(bars=has_bars)]
        yield from headings
        fit = max(1, (room - len(headings)) // (2 if two else 1))
        shown = rows if rows <= fit else fit - 1
        at_work: list[TrialAtWork | None] = [*self._shown.at_work]
        at_work += [None] * (rows - len(at_work))
        for trial in at_work[:shown]:
            if two:
                yield from self._two_lines(trial)
            else:
                yield self._one_line(trial, bars=has_bars)
        if shown < rows:
            yield Text(f"{'':{TRIAL}}{GAP}and {rows - shown} more", style=FAINT)

    def _value_width(self, index: int, *, bars: bool) -> int:
        number = len(self._numbers[index](None))
        return VALUE_BAR + 1 + number if bars else max(number, len(NAMES[index]))

    def _what_width(self, *, bars: bool) -> int:
        values = [self._value_width(index, bars=bars) for index in (0, 1)]
        fixed = TRIAL + self._epoch_width(bars=bars) + SCORE + TIME
        columns = 5
        if self._shown.sees_forecasts:
            fixed += sum(values)
            columns += 2
        left = self._width - fixed - len(GAP) * (columns - 1)
        return max(1, min(left, MOST_WHAT))

    def _epoch_width(self, *, bars: bool) -> int:
        most = max((trial.epochs for trial in self._shown.at_work), default=10)
        count = 2 * len(str(most)) + 1
        return max(len("epoch"), EPOCH_BAR + 1 + count if bars else count)

    def _heading(self, *, bars: bool) -> Text:
        what = self._what_width(bars=bars)
        cells = ["trial".rjust(TRIAL), _fit("trains", what, self._signs)]
        cells.append(f"{'epoch':{'<' if bars else '>'}{self._epoch_width(bars=bars)}}")
        cells.append("score".rjust(SCORE))
        if self._shown.sees_forecasts:
            cells += self._value_headings(bars=bars)
        cells.append("time".rjust(TIME))
        return Text(GAP.join(cells), style=FAINT)

    def _value_headings(self, *, bars: bool) -> list[str]:
        side = "<" if bars else ">"  # above the bar, or above the number
        return [f"{n:{side}{self._value_width(i, bars=bars)}}" for i, n in enumerate(NAMES)]

    def _one_line(self, trial: TrialAtWork | None, *, bars: bool) -> Text:
        what = self._what_width(bars=bars)
        if trial is None:
            return Text(f"{'-':>{TRIAL}}{GAP}idle", style=FAINT)
        line = Text(f"{trial.number:>{TRIAL}}{GAP}")
        line.append(_fit(printable(trial.what), what, self._signs))
        line.append(GAP).append_text(self._epochs(trial, bars=bars))
        line.append(GAP).append(_score(trial))
        if self._shown.sees_forecasts:
            for index in (0, 1):
                line.append(GAP).append_text(self._value(trial, index, bars=bars))
        return line.append(f"{GAP}{clock_time(trial.seconds):>{TIME}}")

    @property
    def _two_width(self) -> int:
        """Cells of the lower of two lines: the time above ends where it ends."""
        values = sum(self._value_width(index, bars=True) for index in (0, 1))
        return TRIAL + self._epoch_width(bars=True) + SCORE + values + 4 * len(GAP)

    def _two_headings(self) -> list[Text]:
        what = self._width - TRIAL - TIME - 2 * len(GAP)
        first = GAP.join(
            ("trial".rjust(TRIAL), _fit("trains", what, self._signs), "time".rjust(TIME))
        )
        cells = [" " * TRIAL, "epoch".ljust(self._epoch_width(bars=True)), "score".rjust(SCORE)]
        cells += self._value_headings(bars=True)
        return [Text(first, style=FAINT), Text(GAP.join(cells).rstrip(), style=FAINT)]

    def _two_lines(self, trial: TrialAtWork | None) -> list[Text]:
        if trial is None:
            return [self._one_line(None, bars=False), Text()]
        what = self._width - TRIAL - TIME - 2 * len(GAP)
        first = Text(f"{trial.number:>{TRIAL}}{GAP}")
        first.append(_fit(printable(trial.what), what, self._signs))
        first.append(f"{GAP}{clock_time(trial.seconds):>{TIME}}")
        second = Text(" " * TRIAL + GAP).append_text(self._epochs(trial, bars=True))
        second.append(GAP).append(_score(trial))
        for index in (0, 1):
            second.append(GAP).append_text(self._value(trial, index, bars=True))
        return [first, second]

    def _epochs(self, trial: TrialAtWork, *, bars: bool) -> Text:
        width = self._epoch_width(bars=bars)
        count = f"{trial.epochs_done}/{trial.epochs}"
        if not bars:
            return Text(count.rjust(width))
        bar = share_bar(trial.epochs_done / trial.epochs, EPOCH_BAR, self._signs)
        return bar.append(count.rjust(width - EPOCH_BAR), style="")

    def _value(self, trial: TrialAtWork, index: int, *, bars: bool) -> Text:
        value = (trial.gradient, trial.peak)[index]
        number = self._numbers[index](value)
        if not bars:
            return Text(number.rjust(self._value_width(index, bars=False)))
        bar = self._bars[index].draw(value, VALUE_BAR, self._signs)
        return bar.append(f" {number}", style="")


def _fit(text: str, width: int, signs: Signs) -> str:
    """Return a text in exactly so many cells."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + signs.cut


def _score(trial: TrialAtWork) -> str:
    return ("-" if trial.score is None else f"{trial.score:.4f}").rjust(SCORE)
