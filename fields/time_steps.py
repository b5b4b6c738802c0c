"""The time step of a series: breaks in it, and the times that follow."""

from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldsharp.fields.series import FieldSeries

SHORTEST_MONTH_S, LONGEST_MONTH_S = 28 * 86_400.0, 31 * 86_400.0


def breaks_in_time(series: FieldSeries) -> npt.NDArray[np.bool_]:
    """Return whether time is broken between each frame and the next, length T-1.

    With half a step of tolerance: months differ in length, a missing frame doubles a step.
    """
    return np.asarray(np.abs(series.steps_s - series.step_s) > 0.5 * abs(series.step_s))


def times_after(series: FieldSeries, last: int, stride: int, steps: int) -> npt.NDArray[Any]:
    """Return the times of the frames that follow frame ``last``, ``stride`` time steps apart."""
    start, ahead = series.time[last], stride * np.arange(1, steps + 1)
    if np.issubdtype(series.time.dtype, np.datetime64):
        if _is_monthly(series):
            month = start.astype("datetime64[M]")
            return np.asarray((month + ahead).astype("datetime64[ns]") + (start - month))
        return np.asarray(start + ahead * np.timedelta64(round(series.step_s * 1e9), "ns"))
    if series.time.dtype == object:
        later = [start + timedelta(seconds=float(k * series.step_s)) for k in ahead]
        return np.array(later, dtype=object)
    times = start + ahead * series.step_s
    return np.asarray(times.astype(series.time.dtype) if (times % 1 == 0).all() else times)


def same_step(ours_s: float, theirs_s: float) -> bool:
    """Return whether two time steps are the same to one per cent, or both a month."""
    if all(SHORTEST_MONTH_S <= step <= LONGEST_MONTH_S for step in (ours_s, theirs_s)):
        return True
    return abs(ours_s - theirs_s) <= 0.01 * abs(theirs_s)


def _is_monthly(series: FieldSeries) -> bool:
    """Return whether frames are a calendar month apart, at the same day and hour."""
    steps_s = series.steps_s[~breaks_in_time(series)]  # a missing month is not another step
    if len(steps_s) == 0 or steps_s.min() < SHORTEST_MONTH_S or steps_s.max() > LONGEST_MONTH_S:
        return False
    into_month = series.time - series.time.astype("datetime64[M]")
    return bool((into_month == into_month[0]).all())
