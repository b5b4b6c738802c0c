"""Frames at the same time in two files: rounding, calendars and units of time."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.common_frames import common_frames
from fieldsharp.fields.reading import RawField, read_raw
from fieldsharp.fields.settings import DataSettings

HOURS = np.datetime64("2019-06-01", "ns") + np.arange(120) * np.timedelta64(1, "h")
SECOND = np.timedelta64(1, "s")


def _field(tmp_path: Path, times: Any, **attrs: str) -> RawField:
    values = np.zeros((len(times), 4, 5))
    coords = {"time": ("time", times, attrs)}
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.nc"
    dataset = xr.Dataset({"t": (("time", "y", "x"), values)}, coords=coords)
    dataset.to_netcdf(path, engine="h5netcdf")
    return read_raw(DataSettings(path=str(path)))


def _dates(calendar: str, year: int = 2001, days: int = 5) -> npt.NDArray[np.object_]:
    """Return days from the first of March as dates of cftime."""
    start = f"{year:04}-03-01"
    dates = xr.date_range(start, periods=days, freq="D", calendar=calendar, use_cftime=True)
    return np.array(dates, dtype=object)


def test_times_in_single_precision_are_those_of_the_truth(tmp_path: Path) -> None:
    days = ((HOURS - np.datetime64("2019-01-01")) / np.timedelta64(1, "D")).astype("f4")
    forecast = _field(tmp_path, days[10:], units="days since 2019-01-01")
    truth = _field(tmp_path, HOURS)
    assert (forecast.time != truth.time[10:]).any()
    assert common_frames(forecast, truth) == (list(range(110)), list(range(10, 120)))


def test_times_beyond_a_hundredth_of_the_step_are_others(tmp_path: Path) -> None:
    truth = _field(tmp_path, HOURS)
    near = _field(tmp_path, HOURS + 36 * SECOND)
    assert common_frames(near, truth) == (list(range(120)), list(range(120)))
    with pytest.raises(DataError, match="no time in common"):
        common_frames(_field(tmp_path, HOURS + 37 * SECOND), truth)
    every_sixth = _field(tmp_path, HOURS[::6] - 36 * SECOND)
    assert common_frames(every_sixth, truth) == (list(range(20)), list(range(0, 120, 6)))


def test_two_frames_at_one_time_are_refused(tmp_path: Path) -> None:
    double = np.sort(np.append(HOURS, HOURS[7] + 20 * SECOND))
    twice = _field(tmp_path, double)
    truth = _field(tmp_path, HOURS)
    with pytest.raises(DataError, match=r"forecast has two frames, .*07:00:00.* and .*07:00:20"):
        common_frames(twice, truth)
    between = HOURS.copy()
    between[7] += 10 * SECOND
    with pytest.raises(DataError, match=r"the truth has two frames, .* of 2019-06-01T07:00:10"):
        common_frames(_field(tmp_path, between), twice)
    # A file of uneven times has the times of itself, however near to each other.
    assert common_frames(twice, twice)[0] == list(range(121))


@pytest.mark.parametrize("calendar", ["standard", "proleptic_gregorian"])
def test_dates_of_two_kinds_are_compared_as_dates(tmp_path: Path, calendar: str) -> None:
    dates = np.array(["2001-03-01", "2001-03-03", "2001-03-05"], dtype="M8[ns]")
    truth = _field(tmp_path, dates)
    forecast = _field(tmp_path, _dates(calendar))
    forecast = RawField(**{**vars(forecast), "time": _dates(calendar)})
    assert common_frames(forecast, truth) == ([0, 2, 4], [0, 1, 2])


@pytest.mark.parametrize("calendar", ["noleap", "360_day", "all_leap", "julian"])
def test_calendars_that_differ_are_refused_by_name(tmp_path: Path, calendar: str) -> None:
    truth = _field(tmp_path, np.array(["2001-03-01", "2001-03-02"], dtype="M8[ns]"))
    forecast = _field(tmp_path, _dates(calendar))
    assert common_frames(forecast, forecast)[0] == list(range(5))
    with pytest.raises(DataError, match=rf"calendar '{calendar}' and the truth on 'proleptic_greg"):
        common_frames(forecast, truth)


def test_civil_calendars_are_two_before_the_reform(tmp_path: Path) -> None:
    names = ("standard", "proleptic_gregorian")
    forecast, truth = (_field(tmp_path, _dates(name, 1200)) for name in names)
    with pytest.raises(DataError, match="which differ before October 1582"):
        common_frames(forecast, truth)
    forecast, truth = (_field(tmp_path, _dates(name, 9200)) for name in names)
    assert common_frames(forecast, truth)[0] == list(range(5))


def test_numeric_times_are_converted_or_refused(tmp_path: Path) -> None:
    hours = _field(tmp_path, np.arange(0.0, 72.0, 6.0), units="hours")
    days = _field(tmp_path, np.arange(3.0), units="days")
    assert common_frames(days, hours) == ([0, 1, 2], [0, 4, 8])
    bare = _field(tmp_path, np.arange(3.0))
    assert common_frames(bare, bare) == ([0, 1, 2], [0, 1, 2])
    with pytest.raises(
        DataError, match="forecast are numbers without units and those of the truth"
    ):
        common_frames(bare, days)
    steps = _field(tmp_path, np.arange(3.0), units="frames")
    with pytest.raises(
        DataError, match="forecast are numbers in frames and those of the truth lengths of time"
    ):
        common_frames(steps, days)
    with pytest.raises(DataError, match=r"are numbers .* and those of the truth dates"):
        common_frames(days, _field(tmp_path, HOURS))
