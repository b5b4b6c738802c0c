"""Frames at times given as text."""

import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import ConfigError
from fieldsharp.fields.series import time_text
from fieldsharp.sweep.results.forecast_times import frame_at
from tests.fields.times.series_of_times import series_at

HOURLY = np.arange("2020-01-01T00", "2020-01-04T00", dtype="datetime64[h]").astype("datetime64[ns]")
MIDDLES = np.array(["2009-01-16T12", "2009-02-15", "2009-03-16T12"], dtype="datetime64[ns]")
OF_360_DAYS = xr.date_range("2000-01-01", periods=90, calendar="360_day", use_cftime=True)


@pytest.mark.parametrize(
    ("after", "frame"),
    [
        ("2020-01-02", 24),  # midnight
        ("2020-01-02T05", 29),
        ("2020-01-02 05:00:00.000000000", 29),
        ("2020-01-02T05Z", 29),
        ("2020-01-02T07:30+02:30", 29),
        ("2020-01-01T23:00-0600", 29),
        (None, 71),
    ],
)
def test_a_time_is_the_frame_at_it(after: str | None, frame: int) -> None:
    assert frame_at(series_at(HOURLY), after) == frame


@pytest.mark.parametrize("after", ["2009-02", "2009-02-15", "2009-2-15", "2009-02-15T00:00Z"])
def test_a_month_is_its_only_frame(after: str) -> None:
    assert frame_at(series_at(MIDDLES), after) == 1


def test_a_day_is_its_only_frame() -> None:
    assert frame_at(series_at(MIDDLES), "2009-03-16") == 2


def test_a_year_is_its_only_frame() -> None:
    years = xr.date_range("2000-07-01", periods=5, freq="YS-JUL", calendar="noleap")
    assert frame_at(series_at(years), "2003") == 3


@pytest.mark.parametrize("after", ["2020-01", "2020"])
def test_a_month_of_many_frames_is_refused_and_the_advice_works(after: str) -> None:
    with pytest.raises(ConfigError, match="may be 72 times of the data, 2020-01-01T00:00 to") as e:
        frame_at(series_at(HOURLY), after)
    advised = str(e.value).rsplit("--after ", 1)[1].strip("'")
    assert frame_at(series_at(HOURLY), advised) == 71


def test_dates_are_those_of_the_calendar() -> None:
    series = series_at(OF_360_DAYS)
    assert frame_at(series, "2000-02-30") == 59
    assert frame_at(series, "2000-02-30T00:00:00Z") == 59
    assert frame_at(series, "2000-03-01T02+02:00") == 60
    assert frame_at(series, time_text(series.time[59])) == 59
    assert frame_at(series_at(OF_360_DAYS[::30]), "2000-02") == 1


@pytest.mark.parametrize("after", ["2000-02-31", "2000-13-01", "2000-01-01T25", "30 February", ""])
def test_a_date_that_the_calendar_lacks_is_refused(after: str) -> None:
    with pytest.raises(
        ConfigError, match=r"is no time such as 2000-03-30 00:00:00 in its calendar"
    ):
        frame_at(series_at(OF_360_DAYS), after)


@pytest.mark.parametrize("after", ["2020-02-30", "2020-01-02T05:00 in UTC", "20200102", "9" * 30])
def test_text_that_is_no_date_is_refused(after: str) -> None:
    with pytest.raises(ConfigError, match="is no time such as 2020-01-03T23:00"):
        frame_at(series_at(HOURLY), after)


@pytest.mark.parametrize("after", ["2020-01-02T05:30", "2021-01", "2020-01-04"])
def test_a_time_between_frames_or_beyond_them_is_refused(after: str) -> None:
    with pytest.raises(ConfigError, match="is no time of the data, which runs from 2020-01-01T00"):
        frame_at(series_at(HOURLY), after)


def test_a_rounded_time_is_the_one_it_was_rounded_from() -> None:
    rounded = HOURLY - np.timedelta64(1_300, "ms")
    assert frame_at(series_at(rounded), "2020-01-02T05") == 29


def test_numbers_are_found_as_numbers() -> None:
    assert frame_at(series_at(np.array([0.0, 0.5, 1.0])), "0.5") == 1
    with pytest.raises(ConfigError, match="'noon' is no time such as"):
        frame_at(series_at(np.array([0.0, 0.5, 1.0])), "noon")
