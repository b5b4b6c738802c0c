"""Valid times of predicted frames, continuing the time steps of a series."""

import re
import warnings
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldsharp.core.errors import ConfigError
from fieldsharp.fields.series import FieldSeries, period_text, time_text
from fieldsharp.fields.windows import breaks_in_time

_UTC = re.compile(r"\s*(Z|[+-]00:?00)$", re.IGNORECASE)
SHORTEST_MONTH_S, LONGEST_MONTH_S = 28 * 86_400.0, 31 * 86_400.0


def frame_at(series: FieldSeries, after: str | None) -> int:
    """Return the index of the frame at a time given as text, or of the last frame.

    Raises:
        ConfigError: If the text is no time, or the series has no frame at it.
    """
    if after is None:
        return len(series.time) - 1
    # Times of a file are in UTC, and so is a time without a zone.
    written = _UTC.sub("", after)
    try:
        if np.issubdtype(series.time.dtype, np.datetime64):
            with warnings.catch_warnings():  # about time zones, which are converted to UTC
                warnings.filterwarnings("ignore", "no explicit representation of timezones")
                matches = np.flatnonzero(series.time == np.datetime64(written))
        elif series.time.dtype == object:
            matches = np.flatnonzero([_same_time(time, written) for time in series.time])
        else:
            matches = np.flatnonzero(series.time == float(after))
    except ValueError as error:
        raise ConfigError(
            f"--after {after!r} is no time such as {time_text(series.time[-1])}"
        ) from error
    if len(matches) == 0:
        raise ConfigError(
            f"--after {after} is no time of the data, which runs from {period_text(series.time)}"
        )
    return int(matches[0])


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


def _same_time(time: object, written: str) -> bool:
    whole = str(time).replace(" ", "T")
    shorter = {whole, whole.removesuffix(":00"), whole.removesuffix("T00:00:00")}
    return written.replace(" ", "T") in shorter | {whole[: len("2000-01-01T00")]} - {""}
