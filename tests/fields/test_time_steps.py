"""Time steps: what follows a series on each calendar, where it is broken, and the same steps."""

import warnings
from typing import Any

import cftime
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldsharp.core.errors import DataError
from fieldsharp.fields.series import FieldSeries, time_text
from fieldsharp.fields.time_steps import (
    breaks_in_time,
    same_step,
    step_seconds,
    step_text,
    times_after,
)
from tests.fields.times.series_of_times import series_at

DAY_S = 86_400.0
CALENDARS = ["standard", "proleptic_gregorian", "julian", "noleap", "all_leap", "360_day"]
FREQUENCIES = ["h", "3h", "D", "7D", "MS", "ME", "QS", "QE", "YS", "YE"]


def at(calendar: str, *texts: str) -> list[Any]:
    """Return dates such as 2009-01-16T12 on a calendar; datetime64 where it is numpy."""
    if calendar == "numpy":
        return [np.datetime64(text, "ns") for text in texts]
    dates = []
    for text in texts:
        day, _, hour = text.partition("T")
        year, month, of_month = (int(part) for part in day.split("-"))
        dates.append(cftime.datetime(year, month, of_month, int(hour or 0), calendar=calendar))
    return dates


def following(times: Any, steps: int, stride: int = 1) -> list[str]:
    """Return the next times as text, with the hour where it is not midnight."""
    found = times_after(series_at(times), len(times) - 1, stride, steps)
    texts = [time_text(time).replace(" ", "T")[: len("2000-01-01T00")] for time in found]
    return [text.removesuffix("T00") for text in texts]


def months(calendar: str, first: str, count: int) -> xr.DataArray:
    """Return the starts of some months, datetime64 where the calendar is numpy."""
    use = calendar != "numpy"
    name = "standard" if calendar == "numpy" else calendar
    return xr.DataArray(
        xr.date_range(first, periods=count, freq="MS", calendar=name, use_cftime=use)
    )


MID_MONTH = {
    "numpy": ["2009-02-15", "2009-03-16T12", "2009-04-16"],
    "standard": ["2009-02-15", "2009-03-16T12", "2009-04-16"],
    "proleptic_gregorian": ["2009-02-15", "2009-03-16T12", "2009-04-16"],
    "julian": ["2009-02-15", "2009-03-16T12", "2009-04-16"],
    "noleap": ["2009-02-15", "2009-03-16T12", "2009-04-16"],
    "all_leap": ["2009-02-15T12", "2009-03-16T12", "2009-04-16"],
    "360_day": ["2009-02-16", "2009-03-16", "2009-04-16"],
}


@pytest.mark.parametrize("calendar", MID_MONTH)
def test_the_middle_of_a_month_follows_its_length(calendar: str) -> None:
    starts = months(calendar, "2006-01-01", 38).values
    middles = starts[:-1] + (starts[1:] - starts[:-1]) / 2
    assert following(middles[:37], 3) == MID_MONTH[calendar]


MONTH_STARTS = ["2009-02-01", "2009-03-01", "2009-04-01"]


@pytest.mark.parametrize("calendar", ["numpy", *CALENDARS])
def test_the_start_of_a_month_is_followed_by_those_of_the_next(calendar: str) -> None:
    starts = months(calendar, "2006-01-01", 37).values
    assert following(starts, 3) == MONTH_STARTS
    assert following(starts, 2, stride=3) == ["2009-04-01", "2009-07-01"]


MONTH_ENDS = {
    "numpy": ["2009-02-28", "2009-03-31", "2009-04-30"],
    "julian": ["2009-02-28", "2009-03-31", "2009-04-30"],
    "noleap": ["2009-02-28", "2009-03-31", "2009-04-30"],
    "all_leap": ["2009-02-29", "2009-03-31", "2009-04-30"],
    "360_day": ["2009-02-30", "2009-03-30", "2009-04-30"],
}


@pytest.mark.parametrize("calendar", MONTH_ENDS)
def test_the_end_of_a_month_is_followed_by_its_last_days(calendar: str) -> None:
    starts = months(calendar, "2006-02-01", 37).values
    day = np.timedelta64(1, "D") if calendar == "numpy" else np.timedelta64(1, "D").astype(object)
    assert following(starts - day, 3) == MONTH_ENDS[calendar]


@pytest.mark.parametrize(
    ("calendar", "times", "expected"),
    [
        # Years: their start, their middle as of their bounds, a day of July, their end.
        ("numpy", ["1900-01-01", "1901-01-01", "1902-01-01"], ["1903-01-01", "1904-01-01"]),
        ("noleap", ["1903-01-01", "1904-01-01", "1905-01-01"], ["1906-01-01", "1907-01-01"]),
        ("numpy", ["2001-07-02T12", "2002-07-02T12", "2003-07-02T12"], ["2004-07-02"]),
        ("noleap", ["2002-07-02T12", "2003-07-02T12"], ["2004-07-02T12", "2005-07-02T12"]),
        ("360_day", ["2002-07-01", "2003-07-01"], ["2004-07-01", "2005-07-01"]),
        ("numpy", ["2002-07-02", "2003-07-02"], ["2004-07-02", "2005-07-02"]),
        ("julian", ["1898-12-31", "1899-12-31"], ["1900-12-31", "1901-12-31"]),
        # A year that Julius and Gregory have of different lengths.
        ("julian", ["1900-02-28", "1900-03-01"], ["1900-03-03", "1900-03-05"]),
        # Seasons: December to February and so on, at their start, their middle and their end.
        ("numpy", ["2000-12-01", "2001-03-01", "2001-06-01"], ["2001-09-01", "2001-12-01"]),
        (
            "numpy",
            ["2001-01-15", "2001-04-16", "2001-07-17", "2001-10-16T12", "2002-01-15"],
            ["2002-04-16", "2002-07-17", "2002-10-16T12", "2003-01-15"],
        ),
        ("noleap", ["2001-02-28", "2001-05-31", "2001-08-31"], ["2001-11-30", "2002-02-28"]),
        # Months on a fixed day, and two stamps as of the middle rounded to a day.
        ("numpy", ["2009-11-15", "2009-12-15", "2010-01-15"], ["2010-02-15", "2010-03-15"]),
        ("360_day", ["2009-11-16", "2009-12-16"], ["2010-01-16", "2010-02-16"]),
        (
            "numpy",
            ["2009-01-16", "2009-02-15", "2009-03-16", "2009-04-16"],
            ["2009-05-16", "2009-06-16"],
        ),
        (
            "noleap",
            ["2009-01-16", "2009-02-14", "2009-03-16", "2009-04-15"],
            ["2009-05-16", "2009-06-15"],
        ),
        # The last second belongs to its month.
        ("numpy", ["2009-01-31T23:59:59", "2009-02-28T23:59:59"], ["2009-03-31T23"]),
        # A week, and months of equal length where they fit nothing else.
        ("noleap", ["2004-02-20", "2004-02-27"], ["2004-03-06", "2004-03-13"]),
        ("numpy", ["2004-01-15", "2004-02-14", "2004-03-15"], ["2004-04-14", "2004-05-14"]),
        # Every other month.
        ("numpy", ["2009-01-16T12", "2009-03-16T12", "2009-05-16T12"], ["2009-07-16T12"]),
        ("numpy", ["2009-10-31", "2009-12-31"], ["2010-02-28", "2010-04-30"]),
    ],
)
def test_the_next_dates_follow_the_convention(
    calendar: str, times: list[str], expected: list[str]
) -> None:
    assert following(at(calendar, *times), len(expected)) == expected


def test_months_go_on_from_the_year_before_christ_to_the_year_one() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about years without a year zero
        times = [cftime.DatetimeGregorian(-1, month, 1) for month in (9, 10, 11)]
        found = times_after(series_at(np.array(times)), 2, 1, 3)
    assert [(time.year, time.month, time.day) for time in found] == [
        (-1, 12, 1),
        (1, 1, 1),
        (1, 2, 1),
    ]


def test_dekads_go_on_at_the_same_days_of_the_month() -> None:
    days = [f"2003-{month:02d}-{day:02d}" for month in (1, 2, 3) for day in (1, 11, 21)]
    assert following(at("numpy", *days), 5) == [
        "2003-04-01",
        "2003-04-11",
        "2003-04-21",
        "2003-05-01",
        "2003-05-11",
    ]
    without_one = [day for day in days if day != "2003-02-11"]
    assert following(at("noleap", *without_one), 2, stride=2) == ["2003-04-11", "2003-05-01"]
    broken = breaks_in_time(series_at(at("numpy", *without_one)))
    assert broken.tolist() == [False, False, False, True, False, False, False]


def test_dekads_named_by_their_last_day_end_with_the_month() -> None:
    ends = ["2003-01-31", "2003-02-28", "2003-03-31"]
    days = [f"{end[:7]}-{day}" for end in ends for day in (10, 20, end[-2:])]
    assert following(at("numpy", *days), 3) == ["2003-04-10", "2003-04-20", "2003-04-30"]


def composites(years: list[int]) -> list[Any]:
    """Return every eighth day of each year, counted from its 1 January."""
    days = np.arange(46) * np.timedelta64(8, "D")
    return [day for year in years for day in np.datetime64(f"{year}-01-01", "ns") + days]


def test_composites_of_eight_days_begin_again_with_each_year() -> None:
    """Both lengths of years are known: 27 February 2008 would be the 58th day."""
    found = following(composites([2003, 2004, 2005, 2006, 2007]), 9)
    assert found[:2] == ["2008-01-01", "2008-01-09"]
    assert found[-2:] == ["2008-02-26", "2008-03-05"]


def test_a_leap_year_is_refused_where_none_was_seen() -> None:
    without = composites([2005, 2006, 2007])
    assert following(without, 2) == ["2008-01-01", "2008-01-09"]
    with pytest.raises(DataError, match=r"fit several rules .* give data of a longer period"):
        following(without, 20)


def test_pentads_of_the_year_keep_their_dates_in_leap_years() -> None:
    days = np.delete(np.arange("2003-01-01", "2007-01-01", dtype="datetime64[D]"), 365 + 31 + 28)
    pentads = days[::5].astype("datetime64[ns]")
    assert str(pentads[73 + 12])[:10] == "2004-03-02"
    leap = following(pentads, 73 + 73)[73:]
    assert leap[11:13] == ["2008-02-25", "2008-03-02"]


def test_months_that_fit_two_conventions_are_refused_only_where_these_differ() -> None:
    """The 16th at noon may be each month's, or the noon of its middle day: 15 February."""
    times = at("numpy", "2001-04-16T12", "2001-05-16T12", "2001-06-16T12")
    assert following(times, 2) == ["2001-07-16T12", "2001-08-16T12"]
    with pytest.raises(DataError, match="several rules"):
        following(times, 10)


@pytest.mark.parametrize(
    "times",
    [
        at("numpy", "2001-01-03", "2001-02-17", "2001-05-04"),
        at("numpy", "2001-01-01", "2001-01-11", "2001-01-21", "2001-02-01"),
        at("noleap", "2001-01-01T00", "2001-01-01T05", "2001-01-01T07", "2001-01-01T18"),
        [0.0, 3.0, 4.0, 11.0, 13.0],
    ],
)
def test_irregular_times_are_not_continued(times: list[Any]) -> None:
    with pytest.raises(DataError, match=r"time is irregular, with .* between frames; give data of"):
        times_after(series_at(np.array(times)), len(times) - 1, 1, 1)


def test_dates_that_no_file_can_hold_are_refused() -> None:
    with pytest.raises(DataError, match="predict fewer steps"):
        following(at("numpy", "2200-01-01", "2220-01-01", "2240-01-01"), 4)
    with pytest.raises(DataError, match="predict fewer steps"):
        following(at("numpy", "2262-04-09", "2262-04-10"), 4)


def test_numbers_go_on_in_their_unit() -> None:
    found = times_after(series_at(np.array([0, 10, 20, 500, 510])), 4, 2, 2)
    assert found.tolist() == [530, 550]
    assert found.dtype == np.int64
    assert times_after(series_at(np.array([0.5, 1.0, 1.5])), 2, 1, 2).tolist() == [2.0, 2.5]


def test_rounded_times_go_on_at_the_whole_step() -> None:
    hours = np.arange(3000) / 24
    rounded = hours.astype(np.float32).astype(np.float64)  # days in single precision
    time = np.datetime64("2019-01-01", "ns") + (rounded * DAY_S * 1e9).astype("timedelta64[ns]")
    series = series_at(time)
    assert not breaks_in_time(series).any()
    assert step_seconds(series) == 3600.0
    apart = times_after(series, 2999, 1, 3) - time[-1]
    assert apart.tolist() == [k * 3600 * 10**9 for k in (1, 2, 3)]


@given(
    calendar=st.sampled_from(["numpy", *CALENDARS]),
    frequency=st.sampled_from(FREQUENCIES),
    year=st.integers(1900, 2050),
    month=st.integers(1, 12),
    hour=st.integers(0, 23),
    count=st.integers(3, 40),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_a_range_of_dates_goes_on_as_xarray_makes_it(
    calendar: str, frequency: str, year: int, month: int, hour: int, count: int, data: st.DataObject
) -> None:
    name = "standard" if calendar == "numpy" else calendar
    dates = xr.date_range(
        f"{year}-{month:02d}-01T{hour:02d}",
        periods=count,
        freq=frequency,
        calendar=name,
        use_cftime=calendar != "numpy",
    )
    time = np.asarray(dates)
    last = data.draw(st.integers(1, count - 2))
    series = series_at(time[: last + 1])
    assert times_after(series, last, 1, count - 1 - last).tolist() == time[last + 1 :].tolist()
    assert not breaks_in_time(series_at(time)).any()


@pytest.mark.parametrize("frequency", ["3h", "D", "7D", "MS", "ME", "QS-DEC", "YS"])
@pytest.mark.parametrize("calendar", ["numpy", "noleap", "360_day"])
def test_a_missing_frame_is_a_break_and_no_other_step(calendar: str, frequency: str) -> None:
    name = "standard" if calendar == "numpy" else calendar
    use = calendar != "numpy"
    dates = xr.date_range("2001-12-01", periods=12, freq=frequency, calendar=name, use_cftime=use)
    time = np.delete(np.asarray(dates), 5)
    series = series_at(time[:9])
    assert np.flatnonzero(breaks_in_time(series)).tolist() == [4]
    assert times_after(series, 8, 1, 2).tolist() == time[9:].tolist()


def test_a_missing_leap_day_is_a_break() -> None:
    """A file of a calendar without leap days whose dates were written on the standard one."""
    time = np.arange("2004-02-01", "2004-04-01", dtype="datetime64[D]").astype("datetime64[ns]")
    broken = breaks_in_time(series_at(np.delete(time, 28)))
    assert np.flatnonzero(broken).tolist() == [27]


def test_time_that_is_taken_up_again_at_another_minute_goes_on_with_its_step() -> None:
    hours = np.array([0, 1, 2, 3, 7.5, 8.5, 9.5])
    time = np.datetime64("2004-02-01", "ns") + (hours * 60).astype("timedelta64[m]")
    assert np.flatnonzero(breaks_in_time(series_at(time))).tolist() == [3]
    assert times_after(series_at(time), 6, 1, 1)[0] == np.datetime64("2004-02-01T10:30")


def test_a_series_with_many_missing_frames_goes_on_with_its_shortest_step() -> None:
    hours = np.array([0, 1, 3, 5, 6, 9, 10, 12, 13, 16, 18])  # four of ten steps are one hour
    time = np.datetime64("2004-02-01", "ns") + hours.astype("timedelta64[h]")
    assert following(time, 2) == ["2004-02-01T19", "2004-02-01T20"]


def test_a_day_that_the_next_month_lacks_is_refused() -> None:
    times = at("numpy", "2009-10-30", "2009-11-30", "2009-12-30")
    assert following(times, 1) == ["2010-01-30"]
    with pytest.raises(DataError, match="or none, in months or years that follow"):
        following(times, 2)


def test_dates_in_single_precision_keep_the_convention() -> None:
    """Days since 1850 in single precision are up to three minutes off."""
    starts = months("numpy", "1850-01-01", 1980).values.astype("datetime64[ns]")
    middles = starts[:-1] + (starts[1:] - starts[:-1]) // 2
    days = ((middles - starts[0]) / np.timedelta64(1, "D")).astype(np.float32)
    time = starts[0] + (days.astype(np.float64) * DAY_S * 1e9).astype("timedelta64[ns]")
    assert following(time, 2) == ["2014-12-16T12", "2015-01-16T12"]


def test_steps_that_are_doubled_for_good_are_breaks() -> None:
    """Forecasts every three hours and later every six: no window holds both."""
    hours = np.concatenate([np.arange(0, 30, 3), np.arange(30, 90, 6)])
    time = np.datetime64("2004-02-01", "ns") + hours.astype("timedelta64[h]")
    assert np.flatnonzero(breaks_in_time(series_at(time)))[0] == 10


def monthly() -> FieldSeries:
    return series_at(months("numpy", "2001-01-01", 12).values)


def test_a_step_is_the_same_to_one_per_cent() -> None:
    hourly = series_at(np.array(at("numpy", "2001-01-01T00", "2001-01-01T01", "2001-01-01T02")))
    assert same_step(hourly, 3601.0)
    assert not same_step(hourly, 7200.0)


def test_months_quarters_and_years_are_the_same_step_at_any_length() -> None:
    for length in (28, 29, 30, 30.5, 31):
        assert same_step(monthly(), length * DAY_S)
    quarterly = series_at(monthly().time[::3])
    yearly = series_at(np.array(at("noleap", "2001-01-01", "2002-01-01", "2003-01-01")))
    for length in (89, 90, 92):
        assert same_step(quarterly, length * DAY_S)
    for length in (360, 365, 366):
        assert same_step(yearly, length * DAY_S)
    assert not same_step(monthly(), 90 * DAY_S)
    assert not same_step(quarterly, 31 * DAY_S)
    weeks = series_at(np.arange(0, 400, 28).astype("timedelta64[D]") + np.datetime64("2001", "ns"))
    assert not same_step(weeks, 31 * DAY_S)


def test_steps_of_months_and_years_are_named() -> None:
    assert step_text(monthly()) == "1 month"
    assert step_text(monthly(), 3) == "3 months"
    assert step_text(series_at(monthly().time[::6]), 4) == "2 years"
    assert step_text(series_at(np.arange(5) + np.datetime64("2001-01-01", "D"))) is None
