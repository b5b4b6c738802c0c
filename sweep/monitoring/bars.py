"""Bars of one line: the progress of a trial, and a value relative to its target band."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from rich.text import Text

from fieldsharp.objectives.targets import Band

BEYOND = 0.12
"""Part of a bar past the ceiling, relative to the part up to it."""
PLAIN_DIGITS = 4
MOST_DECIMALS = 5
MOST_PLAIN = 1e6
DONE, SHORT, REACHED, OVER, FAINT = "cyan", "yellow", "green", "red", "dim"


@dataclass(frozen=True)
class Signs:
    """Characters of the cells of a bar.

    Attributes:
        target, ceiling: The cells of target and ceiling, empty and filled.
        over: The last cell, for a value past the right end.
        cut: Replaces text that does not fit.
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
    """Return a bar filled to a share from 0 to 1."""
    halves = round(2 * width * min(1.0, max(0.0, share)))
    text = Text().append(signs.full * (halves // 2) + signs.half * (halves % 2), style=DONE)
    return text.append(signs.empty * (width - len(text)), style=FAINT)


@dataclass(frozen=True)
class BandBar:
    """Draws values relative to a band, on one scale from the baseline to past the ceiling.

    Attributes:
        band: From target to ceiling.
        baseline: Left end of the scale; None for the offset of the band.
    """

    band: Band
    baseline: float | None = None

    @property
    def _left(self) -> float:
        low, high = self.band.low, self.band.high
        if self.baseline is not None and math.isfinite(self.baseline) and self.baseline < low:
            return self.baseline
        # A baseline at or above the target: start two band widths below the target.
        near = low - 2.0 * (high - low)
        return self.band.offset if self.baseline is None or not near < low else near

    def draw(self, value: float | None, width: int, signs: Signs) -> Text:
        """Return the bar of a value, an empty one for None.

        At any width, the mark of the target is filled exactly if the target is reached, and the
        mark of the ceiling exactly if the value is above it.
        """
        low, high, left = self.band.low, self.band.high, self._left
        right = high + BEYOND * (high - left)
        position = [(x - left) / (right - left) * width for x in (low, high)]
        target = min(width - 2, int(position[0]))
        ceiling = min(width - 1, max(target + 1, int(position[1])))
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


def number_format(high: float) -> Callable[[float | None], str]:
    """Return a function that formats numbers of about this size to the same width."""
    size = abs(high)
    decimals = PLAIN_DIGITS - 1 - (math.floor(math.log10(size)) if size > 0 else 0)
    if decimals > MOST_DECIMALS or size >= MOST_PLAIN:
        width = len(_scientific(high))

        def write(value: float) -> str:
            return _scientific(value)

    else:
        digits = max(0, decimals)
        width = len(f"{high:.{digits}f}")

        def write(value: float) -> str:
            return f"{value:.{digits}f}"

    def number(value: float | None) -> str:
        if value is None:
            return "-".rjust(width)
        text = write(value)
        return (text if len(text) <= width + 1 else f"{value:.2g}").rjust(width)

    return number


def _scientific(value: float) -> str:
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
