"""The time step of a series: breaks in it, and the times that follow."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldsharp.core.errors import DataError
from fieldsharp.fields.series import FieldSeries, time_text
from fieldsharp.fields.times.month_calendar import DAY_US, HOUR_US, SECOND_US, MonthCalendar
from fieldsharp.fields.times.place_rules import agreed
from fieldsharp.fields.times.recurring_dates import (
    RecurringDates,
    one_date_a_period,
    several_dates_a_period,
)
from fieldsharp.fields.times.uniform_times import SAME, UniformTimes, uniform_times

SHORTEST_MONTH_US = 28 * DAY_US
MOST_BROKEN = 1 / 3
"""Share of steps that may be gaps before dates that recur several times a period are looked for."""
LONGEST_JITTER_US = HOUR_US
"""Largest rounding of a date: a day or half of one is another convention."""


def breaks_in_time(series: FieldSeries) -> npt.NDArray[np.bool_]:
    """Return whether time is broken between each frame and the next, length T-1.

    Months and years differ in length and are no breaks; a missing one is. Where frames follow no
    rule, time is broken where a step is half as long again as the usual one, or as much shorter.
    """
    found = _rule(series)
    if found is not None:
        return found.broken
    steps = np.abs(series.steps_s)
    usual = abs(series.step_s)
    return np.asarray((steps > 1.5 * usual) | (1.5 * steps < usual))


def times_after(series: FieldSeries, last: int, stride: int, steps: int) -> npt.NDArray[Any]:
    """Return the times of the frames that follow frame ``last``, ``stride`` time steps apart.

    Raises:
        DataError: If frames follow no rule, or several rules whose next times differ, or a month
            that follows lacks the day.
    """
    found = _rule(series)
    if found is None:
        raise DataError(
            f"the time of frames after {time_text(series.time[last])} is not known: time is "
            f"irregular, with {_different_steps(series)} between frames; give data of frames that "
            "are equally far apart, or at the same place of each month or year"
        )
    ahead_N = stride * np.arange(1, steps + 1)
    if isinstance(found, UniformTimes):
        return _as_stored(series, found.after(last, ahead_N))
    since_N = agreed([way for dates in found.ways for way in dates.after(last, ahead_N)])
    if since_N is None:
        raise DataError(
            f"the time of frames after {time_text(series.time[last])} is not known: the dates of "
            "the data fit several rules (such as the same day, or the middle, of each month), or "
            "none, in months or years that follow; give data of a longer period or predict fewer "
            "steps"
        )
    return found.ways[0].calendar.dates(since_N)


def same_step(series: FieldSeries, step_s: float) -> bool:
    """Return whether the step of a series is another in seconds, to one per cent.

    A step of a month, a quarter or a year is the same as any length that these have: 28 to 31, 89
    to 92, or 360 to 366 days.
    """
    found = _rule(series)
    months = found.months_a_step if isinstance(found, DatedTimes) else None
    if months is not None:
        return 30 * months - 2 <= step_s / 86_400.0 <= 30.5 * months + 1
    return abs(series.step_s - step_s) <= SAME * abs(step_s)


def step_seconds(series: FieldSeries) -> float:
    """Return the step in seconds (or units of time): that of equal steps, else the median."""
    found = _rule(series)
    if isinstance(found, UniformTimes):
        units = SECOND_US if series.time.dtype == object else 1000 * SECOND_US
        return float(found.step / units if series.is_dated else found.step)
    return series.step_s


def step_text(series: FieldSeries, count: int = 1) -> str | None:
    """Return a number of steps in months or years; None if the step is not whole months."""
    found = _rule(series)
    months = found.months_a_step if isinstance(found, DatedTimes) else None
    if months is None:
        return None
    number, unit = (count * months, "month")
    if number % 12 == 0:
        number, unit = number // 12, "year"
    return f"{number} {unit}{'s' if number > 1 else ''}"


@dataclass(frozen=True)
class DatedTimes:
    """Dates that recur in periods of months, in all ways that fit them; at least one."""

    ways: tuple[RecurringDates, ...]

    @property
    def broken(self) -> npt.NDArray[np.bool_]:
        """Whether each step is not the usual one, length T-1."""
        return self.ways[0].broken

    @property
    def has_whole_gaps(self) -> bool:
        """Whether each gap is a whole number of steps."""
        first = self.ways[0]
        return not (np.diff(first.position_T) % first.step).any()

    @property
    def months_a_step(self) -> int | None:
        """Months from a date to the next; None if there are several dates in a period."""
        return self.ways[0].months_a_step


def _rule(series: FieldSeries) -> UniformTimes | DatedTimes | None:
    """Return the rule by which frames follow each other; None if they follow none."""
    if len(series.time) < 2:
        return None
    if not series.is_dated:
        whole = series.time.dtype.kind == "i"
        return uniform_times(series.time.astype(np.int64 if whole else np.float64), None)
    shortest_us = float(series.steps_s.min()) * SECOND_US
    tolerance_us = int(min(SAME * shortest_us, LONGEST_JITTER_US))
    months: DatedTimes | None = None
    if shortest_us >= SHORTEST_MONTH_US:  # before equal steps: 1 July and 1 August are months
        ways = one_date_a_period(MonthCalendar(series.time), tolerance_us)
        months = DatedTimes(tuple(ways)) if ways else None
    found: UniformTimes | DatedTimes | None = months
    if months is None or not any(dates.is_plain for dates in months.ways):
        found = _uniform(series) or months  # 15 January, 14 February, 15 March: thirty days
    if found is None or found.broken.mean() > MOST_BROKEN or not found.has_whole_gaps:
        several = several_dates_a_period(MonthCalendar(series.time), tolerance_us)
        return DatedTimes((several,)) if several else found
    return found


def _uniform(series: FieldSeries) -> UniformTimes | None:
    if series.time.dtype == object:
        calendar = MonthCalendar(series.time)
        return uniform_times(calendar.since_T, SECOND_US, LONGEST_JITTER_US)
    nanoseconds = series.time.astype("datetime64[ns]").astype(np.int64)
    return uniform_times(nanoseconds, 1000.0 * SECOND_US, 1000.0 * LONGEST_JITTER_US)


def _as_stored(series: FieldSeries, times_N: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return times of equal steps as the series' own kind of time."""
    if series.time.dtype == object:
        return MonthCalendar(series.time).dates(times_N)
    if series.is_dated:
        return np.asarray(times_N.astype("datetime64[ns]").astype(series.time.dtype))
    whole = (times_N % 1 == 0).all()
    return np.asarray(times_N.astype(series.time.dtype) if whole else times_N)


def _different_steps(series: FieldSeries) -> str:
    """Return the shortest, the usual and the longest step in words."""
    steps_s = series.steps_s
    unit_s, unit = (86_400.0, "days") if series.step_s >= 86_400.0 else (3600.0, "h")
    if not series.is_dated:
        unit_s, unit = 1.0, ""
    low, high = steps_s.min() / unit_s, steps_s.max() / unit_s
    return f"{low:.4g} to {high:.4g} {unit}".rstrip()
