"""Times that are equally far apart, with missing frames.

Shape legend: T time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldsharp.core.errors import DataError

SAME = 0.01
"""Largest difference of one step from the usual one, as a share of it."""
JITTER = 0.1
"""Largest distance of a time from an even spacing of all of them, as a share of the step."""
LEAST_SINGLE = 1 / 3
"""Least share of steps without a missing frame where all others are whole numbers of steps."""
LEAST_GAP = 1.5
"""Least steps in a gap that is no whole number of steps."""


@dataclass(frozen=True)
class UniformTimes:
    """Times one step apart.

    Attributes:
        time_T: The times, in nanoseconds (datetime64), microseconds (cftime) or numbers.
        step: Between two of them, in the same unit.
        broken: Whether each step is not the usual one, length T-1.
        has_whole_gaps: Whether each gap is a whole number of steps.
    """

    time_T: npt.NDArray[Any]
    step: float
    broken: npt.NDArray[np.bool_]
    has_whole_gaps: bool

    def after(self, last: int, ahead_N: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return the times a number of steps after one of them."""
        if self.time_T.dtype == np.int64:
            steps_N = [round(int(k) * self.step) for k in ahead_N]
            start = int(self.time_T[last])
            if start + max(steps_N) > np.iinfo(np.int64).max:
                raise DataError(
                    "the forecast would end after the year 2262, the last that can be written; "
                    "predict fewer steps"
                )
            return np.array([start + step for step in steps_N], dtype=np.int64)
        return np.asarray(self.time_T[last] + ahead_N * self.step)


def uniform_times(
    time_T: npt.NDArray[Any], second: float | None, most_jitter: float = np.inf
) -> UniformTimes | None:
    """Return how times are equally far apart; None if they are not.

    Args:
        time_T: Increasing times, whole numbers (dates) or floating point.
        second: Length of a second in their unit; None for times without dates.
        most_jitter: Largest distance from an even spacing, in their unit.
    """
    apart = np.diff(time_T)
    if len(apart) == 0:
        return None
    step = _commonest(apart)
    count = np.round(apart / step)
    if isinstance(step, int):
        count = count.astype(np.int64)  # products of whole numbers are exact
    off = np.abs(apart - count * step) > min(SAME * step, most_jitter)
    if (count == 0).any() or (off & (apart < LEAST_GAP * step)).any():
        return _with_jitter(time_T, apart, second, most_jitter)
    single = int((count[~off] == 1).sum())
    if off.any() and 2 * single <= len(apart):
        return None  # half of the steps could be another spacing
    if 2 * single < len(apart) and (single < 2 or single < LEAST_SINGLE * len(apart)):
        return None
    within = apart[~off]
    if not (within == count[~off] * step).all():
        error = float(np.abs(within - count[~off] * step).max())
        step = _rounded(float(within.sum()) / float(count[~off].sum()), error, second)
    return UniformTimes(time_T, step, np.asarray(off | (count != 1)), not bool(off.any()))


def _commonest(apart: npt.NDArray[Any]) -> float:
    """Return the commonest step, of whole numbers exactly; the shortest of equally common ones."""
    if apart.dtype == np.int64:
        values, counts = np.unique(apart, return_counts=True)
        if 2 * counts.max() >= len(apart):
            return int(values[np.argmax(counts)])
    in_order = np.sort(apart)
    # Rounded times: the commonest step is that with most others within a hundredth of it.
    upto = np.searchsorted(in_order, in_order * (1 + SAME), side="right")
    first = int(np.argmax(upto - np.arange(len(in_order))))
    return float(np.median(in_order[first : upto[first]]))


def _with_jitter(
    time_T: npt.NDArray[Any], apart: npt.NDArray[Any], second: float | None, most_jitter: float
) -> UniformTimes | None:
    """Return an even spacing that all times keep close to, such as times in single precision."""
    step = float(np.median(apart))
    position_T = np.concatenate([[0], np.cumsum(np.round(apart / step))])
    if position_T[-1] == 0 or (np.diff(position_T) < 1).any():
        return None
    since_T = np.asarray(time_T - time_T[0], dtype=np.float64)
    slope, origin = np.polyfit(position_T, since_T, 1)
    error = float(np.abs(since_T - (origin + slope * position_T)).max())
    if error > min(JITTER * slope, most_jitter):
        return None
    broken = np.diff(position_T) != 1
    return UniformTimes(time_T, _rounded(slope, 2 * error / position_T[-1], second), broken, True)


def _rounded(step: float, error: float, second: float | None) -> float:
    """Return a step of rounded times as whole seconds, if it is as near to that as it is known."""
    if second is None:
        return step
    whole = round(step / second) * second
    return float(whole) if whole and abs(step - whole) <= max(error, 1e-9 * step) else step
