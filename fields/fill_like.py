"""Numbers that look like fill values although the file does not declare them."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

SMALLEST = 90.0
"""No fill value is nearer to zero."""
LIMITS = (32767, 32768, 65535, 2147483647, 4294967295, 9.969209968386869e36, 3.4028235e38)
"""Of integer types and of single precision, and the netCDF library's fill value of floats."""
WITHIN_DATA = (-9999.0, -999.9, -999.0, -99.99, -99.9, 9999.0, -32768.0, -32767.0, 32767.0)
"""Looked for among the data, where each costs time."""
FAR = 10.0
"""Times the range of the others, at which one value is enough."""
MANY, MANY_SHARE = 10, 1e-3
SAMPLE = 2**15
"""Values of a block on which their spread is estimated."""
MOST_REMOVED = 32
"""Numbers that look like fill values, in one block."""
ROUNDING = 2.5e-7
"""Relative, of single precision."""


@dataclass(frozen=True)
class FillLike:
    """A number that marks missing values, by its looks.

    Attributes:
        value: Physical.
        count: How often it occurs.
        least: Smallest of the other values; NaN where there are none.
        most: Largest of them.
    """

    value: float
    count: int
    least: float
    most: float


def resembles_a_fill_value(value: float) -> bool:
    """Return whether people or programs use a number to mark missing values.

    Nines alone (-999, -99.9, 9.999e20), three or more sevens or eights, powers of ten from 1e10,
    the limits of integer types and of single precision, and the netCDF library's fill value.
    """
    size = abs(value)
    if size < SMALLEST or not np.isfinite(value):
        return False
    digits = f"{size:.6e}".partition("e")[0].replace(".", "").rstrip("0")
    if set(digits) == {"9"}:
        return len(digits) > 1 or size >= 1e15
    if len(digits) > 2 and digits == digits[0] * len(digits) and digits[0] in "78":
        return True
    if digits == "1":
        return size >= 1e10
    return bool(np.isclose(size, LIMITS, rtol=1e-6, atol=0).any())


@dataclass
class FillLikeSearch:
    """Finds undeclared fill values in one pass over a field, block by block.

    A number that ``resembles_a_fill_value`` is one if it is outside the range of all other values
    (least to most, of width w, at least a tenth of the largest of them in size) and
    1. more than 10 w away from them; or
    2. more than w away, and there are two or more of it; or
    3. there are many of it (10 and one in a thousand) and it is more than a tenth of w away, or
       negative where all others are not and more than three standard deviations below them; numbers
       nearer to zero than 999 count here only if they are negative, with three nines or below
       others that are not negative;
    or if it is within that range, one of ``WITHIN_DATA``, there are many of it, and fewer than a
    third as many others, but some, within a thousandth of w.

    So a smooth, skewed or whole-numbered field is left alone: -999 among -1050 to 3000 hundredths
    of a degree has as many neighbours as any other number.
    """

    known: list[float] = field(default_factory=list)
    """Numbers to look for besides."""
    _least: float = np.inf
    _most: float = -np.inf
    _others: int = 0
    _shift: float = np.nan
    _sum: float = 0.0
    _squares: float = 0.0
    _outside: dict[float, int] = field(default_factory=dict)
    _within: dict[float, tuple[int, int]] = field(default_factory=dict)

    def add(self, values: npt.NDArray[np.float64], ends: tuple[float, float] | None = None) -> None:
        """Take a block of values into account, NaN where missing; the block may be overwritten.

        Args:
            values: Finite or NaN.
            ends: Their least and their most, where they are known.
        """
        for _ in range(MOST_REMOVED):
            ends = ends or (
                float(np.fmin.reduce(values, None)),
                float(np.fmax.reduce(values, None)),
            )
            found = [end for end in ends if self._resembles(end)]
            if not found:
                break
            equal = values == found[0]
            self._outside[found[0]] = self._outside.get(found[0], 0) + int(np.count_nonzero(equal))
            values[equal] = np.nan
            ends = None
        least, most = ends or (np.nan, np.nan)
        if np.isnan(least):
            return
        self._least, self._most = min(self._least, least), max(self._most, most)
        for number in WITHIN_DATA:
            if least < number < most:
                self._count_within(values, number, most - least)
        self._sample(values)

    def found(self) -> list[FillLike]:
        """Return the numbers that look like fill values, by the rule of this class."""
        least, most = self._least, self._most
        marks: list[FillLike] = []
        # From the nearest outwards: one that is data belongs to the others of the next.
        for value in sorted(self._outside, key=lambda v: max(least - v, v - most)):
            count = self._outside[value]
            if self._stands_apart(value, count, least, most):
                marks.append(FillLike(value, count, self._least, self._most))
            else:
                least, most = min(least, value), max(most, value)
        enough = max(MANY, MANY_SHARE * self._others)
        for value, (count, near) in self._within.items():
            if count >= enough and 0 < near * 3 < count:
                marks.append(FillLike(value, count, least, most))
        if not np.isfinite(least):
            return [FillLike(m.value, m.count, np.nan, np.nan) for m in marks]
        return marks

    def _sample(self, values: npt.NDArray[np.float64]) -> None:
        """Estimate number, mean and spread of the others from evenly spread values."""
        every = max(1, values.size // SAMPLE)
        sample = values.ravel()[::every]
        sample = sample[~np.isnan(sample)]
        if np.isnan(self._shift):
            self._shift = self._least
        sample = sample - self._shift  # the squares of large numbers with a small spread cancel
        self._others += every * sample.size
        self._sum += every * float(sample.sum())
        self._squares += every * float(np.vdot(sample, sample))

    def _resembles(self, value: float) -> bool:
        return resembles_a_fill_value(value) or value in self.known

    def _count_within(self, values: npt.NDArray[np.float64], number: float, width: float) -> None:
        distances = np.abs(values - number)
        equal = int(np.count_nonzero(distances <= ROUNDING * abs(number)))
        near = int(np.count_nonzero(distances <= width / 1000)) - equal
        before = self._within.get(number, (0, 0))
        self._within[number] = (before[0] + equal, before[1] + near)

    def _stands_apart(self, value: float, count: int, least: float, most: float) -> bool:
        is_marked = abs(value) >= 999 or (value < 0 and abs(value) != 99) or value in self.known
        if not np.isfinite(least):  # there are no others
            return is_marked
        away = max(least - value, value - most)
        if away <= 0:
            return False
        width = max(most - least, 0.1 * max(abs(least), abs(most)))
        if away > FAR * width and (is_marked or count > 1):
            return True
        if away > width and count > 1:
            return True
        below_zero = value < 0 <= least
        if not (is_marked or below_zero) or count < max(MANY, MANY_SHARE * self._others):
            return False
        return away > 0.1 * width or (below_zero and away > 3 * self._deviation())

    def _deviation(self) -> float:
        if not self._others:
            return 0.0
        mean = self._sum / self._others
        return float(np.sqrt(max(0.0, self._squares / self._others - mean**2)))
