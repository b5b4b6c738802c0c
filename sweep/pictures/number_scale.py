"""Powers of a thousand for axis values, and text for pictures: units, escaped and shortened."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fieldsharp.core.printable import printable

MAX_NAME_LENGTH = 40
MAX_UNITS_LENGTH = 20
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class NumberScale:
    """The power of ten that values are divided by before they are shown.

    Attributes:
        exponent: A multiple of three; 0 for unscaled values.
    """

    exponent: int

    @property
    def factor(self) -> float:
        """Factor to multiply values by before they are shown."""
        return float(10.0**-self.exponent)

    def units(self, units: str, rest: str = "") -> str:
        """Return the units of the scaled values in brackets, "" without units.

        Args:
            units: Of the unscaled values, as their file states them.
            rest: Appended to the units, such as " per cell".
        """
        power = power_of_ten(self.exponent) if self.exponent else ""
        text = " ".join(part for part in (power, shown(units, MAX_UNITS_LENGTH)) if part) + rest
        return f" [{text.strip()}]" if text.strip() else ""

    def with_units(self, value: float, units: str) -> str:
        """Return a value with its power of ten and units, for a sentence."""
        power = f" \N{MULTIPLICATION SIGN} {power_of_ten(self.exponent)}" if self.exponent else ""
        return f"{value * self.factor:.3g}{power} {shown(units)}".rstrip()


def number_scale(*values: npt.ArrayLike | Iterable[float]) -> NumberScale:
    """Return the scale that shows the largest of some values between 0.1 and 100 000."""
    finite = [np.abs(np.asarray(v, dtype=float)) for v in values]
    finite = [v[np.isfinite(v)] for v in finite]
    largest = max((float(v.max()) for v in finite if v.size), default=0.0)
    if largest == 0.0 or 0.1 <= largest < 100_000:
        return NumberScale(0)
    return NumberScale(3 * math.floor(math.log10(largest) / 3))


def power_of_ten(exponent: int) -> str:
    """Return a power of ten as plain text, which is drawn much faster than a formula."""
    return f"10{str(exponent).translate(_SUPERSCRIPT)}"


def shown(text: str, max_length: int = MAX_NAME_LENGTH) -> str:
    """Return untrusted text for a picture: control characters escaped, and shortened."""
    escaped = printable(text)
    return escaped if len(escaped) <= max_length else f"{escaped[: max_length - 1]}…"
