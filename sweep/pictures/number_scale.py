"""Numbers of any size on an axis: in thousandths or thousands of the unit where they need it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fieldsharp.core.printable import printable

LONGEST_NAME = 40
LONGEST_UNITS = 20
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class NumberScale:
    """The power of ten that values are shown in.

    Attributes:
        exponent: A multiple of three; 0 where values are shown as they are.
    """

    exponent: int

    @property
    def factor(self) -> float:
        """What values are multiplied by before they are shown."""
        return float(10.0**-self.exponent)

    def units(self, units: str, rest: str = "") -> str:
        """Return the units of what is shown, in brackets, "" where there are none.

        Args:
            units: Of the values, as their file states them.
            rest: What comes behind, such as " per cell".
        """
        power = power_of_ten(self.exponent) if self.exponent else ""
        words = " ".join(part for part in (power, shown(units, LONGEST_UNITS)) if part) + rest
        return f" [{words.strip()}]" if words.strip() else ""

    def said(self, value: float, units: str) -> str:
        """Return a value in a sentence, with its units."""
        power = f" \N{MULTIPLICATION SIGN} {power_of_ten(self.exponent)}" if self.exponent else ""
        return f"{value * self.factor:.3g}{power} {shown(units)}".rstrip()


def number_scale(*values: npt.ArrayLike | Iterable[float]) -> NumberScale:
    """Return the magnitude that makes the largest of some values neither tiny nor huge."""
    finite = [np.abs(np.asarray(v, dtype=float)) for v in values]
    finite = [v[np.isfinite(v)] for v in finite]
    largest = max((float(v.max()) for v in finite if v.size), default=0.0)
    if largest == 0.0 or 0.1 <= largest < 100_000:
        return NumberScale(0)
    return NumberScale(3 * math.floor(math.log10(largest) / 3))


def power_of_ten(exponent: int) -> str:
    """Return it as text, which is drawn much faster than a formula."""
    return f"10{str(exponent).translate(_RAISED)}"


def shown(text: str, longest: int = LONGEST_NAME) -> str:
    """Return text of others' making as it may stand in a picture: visible, and not too long."""
    seen = printable(text)
    return seen if len(seen) <= longest else f"{seen[: longest - 1]}…"
