"""Dates that stand beside an index dimension, or are written as text or digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.coordinates.frames import NUMBERED
from fieldsharp.fields.coordinates.written_dates import as_dates
from fieldsharp.fields.reading import read_series
from fieldsharp.fields.series import FieldSeries
from fieldsharp.fields.settings import DataSettings
from tests.fields.coordinates.forecasts import hours, pattern

WRF = ("Time", "south_north", "west_east")


def read(dataset: xr.Dataset, folder: Path, **encoding: dict[str, str]) -> FieldSeries:
    dataset.to_netcdf(folder / "field.nc", engine="h5netcdf", encoding=encoding)
    return read_series(DataSettings(path=str(folder / "field.nc"), variable="T2"))


def of_wrf(**more: object) -> xr.Dataset:
    return xr.Dataset({"T2": (WRF, pattern(np.arange(6)), {"units": "K"}), **more})


def test_dates_beside_an_index_dimension_are_its_times(tmp_path: Path) -> None:
    xtime = ("Time", hours(6, first=30))
    for data in (of_wrf().assign_coords(XTIME=xtime), of_wrf(XTIME=xtime)):
        found = read(data, tmp_path)
        np.testing.assert_array_equal(found.time, hours(6, first=30))
        assert found.dims == WRF


def test_minutes_since_a_date_beside_an_index_dimension_are_its_times(tmp_path: Path) -> None:
    since = {"units": "minutes since 2020-01-01 00:00:00"}
    found = read(of_wrf(XTIME=("Time", 60.0 * np.arange(6), since)), tmp_path)
    np.testing.assert_array_equal(found.time, hours(6))


def test_characters_of_wrf_are_its_times(tmp_path: Path) -> None:
    texts = np.array([f"2020-01-01_{hour:02d}:00:00".encode() for hour in range(6)])
    found = read(of_wrf(Times=("Time", texts)), tmp_path, Times={"dtype": "S1"})
    np.testing.assert_array_equal(found.time, hours(6))


def test_maps_of_places_stored_for_each_time_become_one(tmp_path: Path) -> None:
    north, east = np.mgrid[0:4, 0:5] + 0.5 * np.arange(5)
    data = of_wrf(
        XLAT=(WRF, np.tile(north, (6, 1, 1)), {"units": "degree_north"}),
        XLONG=(WRF, np.tile(east, (6, 1, 1)), {"units": "degree_east"}),
    )
    grid = read(data, tmp_path).grid
    np.testing.assert_array_equal(grid["XLAT"], north)
    assert grid["XLONG"].dims == WRF[1:]
    data["XLAT"][3] += 1
    with pytest.raises(DataError, match="the grid moves: coordinate 'XLAT' of frame 3"):
        read(data, tmp_path)


def test_maps_of_places_that_no_attribute_names_stay_with_the_field(tmp_path: Path) -> None:
    north, east = np.mgrid[0.0:4.0, 0.0:5.0]
    data = xr.Dataset(
        {
            "T2": (("t", "y", "x"), pattern(np.arange(6))),
            "nav_lat": (("y", "x"), north, {"units": "degrees_north"}),
            "nav_lon": (("y", "x"), east, {"units": "degrees_east"}),
            "mask": (("y", "x"), east, {"units": "1"}),
        }
    )
    assert set(read(data, tmp_path).grid.coords) == {"nav_lat", "nav_lon"}


@pytest.mark.parametrize(
    ("numbers", "attrs", "expected"),
    [
        ([20200101, 20200102], {}, ["2020-01-01", "2020-01-02"]),
        ([2020010106, 2020010112], {}, ["2020-01-01T06", "2020-01-01T12"]),
        (
            [20200131.25, 20200201.75],
            {"units": "day as %Y%m%d.%f"},
            ["2020-01-31T06", "2020-02-01T18"],
        ),
    ],
)
def test_digits_of_dates_are_dates(
    numbers: list[float], attrs: dict[str, str], expected: list[str]
) -> None:
    found = as_dates(xr.DataArray(numbers, dims="time", attrs=attrs))
    assert found is not None
    np.testing.assert_array_equal(found, np.array(expected, dtype="datetime64[ns]"))


@pytest.mark.parametrize(
    ("numbers", "attrs"),
    [
        ([20200130, 20200230], {}),  # no such day
        ([20200101, 20200102], {"units": "hours"}),
        ([17000101, 17000102], {}),
        ([0, 1, 2], {}),
    ],
)
def test_other_numbers_are_not(numbers: list[int], attrs: dict[str, str]) -> None:
    assert as_dates(xr.DataArray(numbers, dims="time", attrs=attrs)) is None


def test_dates_that_single_precision_rounded_are_refused() -> None:
    numbers = np.array([20200101, 20200102], dtype=np.float32)
    with pytest.raises(DataError, match="single precision"):
        as_dates(xr.DataArray(numbers, dims="time", name="time"))


def test_units_of_dates_on_other_numbers_are_refused() -> None:
    numbers = xr.DataArray([20200132.0], dims="time", attrs={"units": "day as %Y%m%d.%f"})
    with pytest.raises(DataError, match="which is no date"):
        as_dates(numbers)


def test_numbers_of_dates_are_read_as_times(tmp_path: Path) -> None:
    numbers = 2020010100 + np.arange(6)
    found = read(of_wrf().rename(Time="time").assign_coords(time=numbers), tmp_path)
    np.testing.assert_array_equal(found.time, hours(6))


def test_frames_without_times_are_numbered_and_say_so(tmp_path: Path) -> None:
    found = read(of_wrf(), tmp_path)
    assert found.time.tolist() == [0, 1, 2, 3, 4, 5]
    assert found.time_attrs == NUMBERED
