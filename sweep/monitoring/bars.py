"""Bars of one line: how far a trial is, and how far a value is from its band."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from rich.text import Text

from fieldsharp.objectives.targets import Band

BEYOND = 0.12
"""Of the way from the left end to the ceiling that is shown past it."""
PLAIN_DIGITS = 4
MOST_DECIMALS = 5
MOST_PLAIN = 1e6
DONE, SHORT, REACHED, OVER, FAINT = "cyan", "yellow", "green", "red", "dim"


@dataclass(frozen=True)
class Signs:
    """What bars are drawn with.

    Attributes:
        full: A cell that is filled.
        half: One that is half filled.
        empty: One that is not filled.
        target: Where the target is, not filled and filled.
        ceiling: Where the ceiling is, not filled and filled.
        over: The last cell of a value past the right end.
        cut: In place of what does not fit.
    """

    full: str
    half: str
    empty: str
    target: tuple[str, str]
    ceiling: tuple[str, str]
    over: str
    cut: str


LINES = Signs("━", "╸", "─", ("├", "┣"), ("┤", "┫"), "»", "…")
ASCII = Signs("=", "=", "-", ("[", "["), ("]", "]"), ">", "~")


def share_bar(share: float, width: int, signs: Signs) -> Text:
    """Return a bar that is filled for a share from 0 to 1."""
    halves = round(2 * width * min(1.0, max(0.0, share)))
    text = Text().append(signs.full * (halves // 2) + signs.half * (halves % 2), style=DONE)
    return text.append(signs.empty * (width - len(text)), style=FAINT)


@dataclass(frozen=True)
class BandBar:
    """Shows values beside one band, all on the same scale: from the baseline past the ceiling.

    Attributes:
        band: From target to ceiling.
        baseline: Where the scale begins; None where it is not known, then at nothing.
    """

    band: Band
    baseline: float | None = None

    @property
    def _left(self) -> float:
        low, high = self.band.low, self.band.high
        if self.baseline is not None and math.isfinite(self.baseline) and self.baseline < low:
            return self.baseline
        # A baseline that is sharp enough leaves no way to show: twice the band's width below it.
        near = low - 2.0 * (high - low)
        return self.band.offset if self.baseline is None or not near < low else near

    def draw(self, value: float | None, width: int, signs: Signs) -> Text:
        """Return the bar of a value; of none where there is no value.

        Whatever the width, the mark of the target is filled where the target is reached and the
        mark of the ceiling where the value is above it, and never else.
        """
        low, high, left = self.band.low, self.band.high, self._left
        right = high + BEYOND * (high - left)
        place = [(x - left) / (right - left) * width for x in (low, high)]
        target = min(width - 2, int(place[0]))
        ceiling = min(width - 1, max(target + 1, int(place[1])))
        halves = 0
        if value is not None and math.isfinite(value):
            halves = round(2 * (min(max(value, left), right) - left) / (right - left) * width)
            least = 2 * (ceiling + 1) if value > high else 2 * (target + 1) if value >= low else 0
            most = 2 * width if value > high else 2 * (ceiling if value >= low else target)
            halves = min(max(halves, least), most)
        style = SHORT if value is None or value < low else REACHED if value <= high else OVER
        text = Text()
        for cell in range(width):
            filled = cell < halves // 2
            sign = signs.full if filled else signs.empty
            if cell in (target, ceiling):
                sign = (signs.target if cell == target else signs.ceiling)[filled]
            elif not filled and cell == halves // 2 and halves % 2:
                sign, filled = signs.half, True
            if cell == width - 1 and value is not None and value > right:
                sign = signs.over
            marked = cell in (target, ceiling)
            text.append(sign, style=style if filled else "" if marked else FAINT)
        return text


def number_of(high: float) -> Callable[[float | None], str]:
    """Return what writes numbers of about this size, all of the same width."""
    size = abs(high)
    decimals = PLAIN_DIGITS - 1 - (math.floor(math.log10(size)) if size > 0 else 0)
    if decimals > MOST_DECIMALS or size >= MOST_PLAIN:
        width = len(_powers(high))

        def write(value: float) -> str:
            return _powers(value)

    else:
        kept = max(0, decimals)
        width = len(f"{high:.{kept}f}")

        def write(value: float) -> str:
            return f"{value:.{kept}f}"

    def number(value: float | None) -> str:
        if value is None:
            return "-".rjust(width)
        text = write(value)
        return (text if len(text) <= width + 1 else f"{value:.2g}").rjust(width)

    return number


def _powers(value: float) -> str:
    """Return a number as 2.35e-4."""
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def clock_time(seconds: float | None) -> str:
    """Return seconds as 3:20 or 1:03:20."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
