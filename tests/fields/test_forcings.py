"""Forcings that follow from the time, checked against pvlib and by hand."""

from typing import Any

import cftime
import numpy as np
import numpy.typing as npt
import pandas as pd
import pvlib
import pytest
import torch
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.forcings import forcing_from_time
from fieldsharp.fields.series import FieldSeries

LATITUDE = np.array([70.0, 51.0, 0.0, -33.0])
LONGITUDE = np.array([-120.0, 0.0, 15.0, 179.0, 359.0])


def series_at(
    time_N: npt.NDArray[Any], grid: xr.Dataset | None = None, mask_HW: Any = None
) -> FieldSeries:
    shape = (len(time_N), 1, len(LATITUDE), len(LONGITUDE))
    coordinates = {
        "lat": ("lat", LATITUDE, {"units": "degrees_north", "standard_name": "latitude"}),
        "lon": ("lon", LONGITUDE, {"units": "degrees_east", "standard_name": "longitude"}),
    }
    return FieldSeries(
        values_TCHW=np.zeros(shape, np.float32),
        mask_HW=np.ones(shape[2:], np.bool_) if mask_HW is None else mask_HW,
        time=time_N,
        units="K",
        name="t2m",
        filled_T=np.zeros(len(time_N), np.float32),
        dims=("time", "lat", "lon"),
        grid=xr.Dataset(coords=coordinates) if grid is None else grid,
    )


def channels(name: str, series: FieldSeries) -> npt.NDArray[np.float32]:
    """Return all frames of a forcing [N, C, H, W]."""
    frames = forcing_from_time(name, series.time, series, "cpu")
    found = frames.take(torch.arange(len(series.time))[None])[0]
    assert found.shape == frames.shape
    assert found.dtype == torch.float32
    return found.numpy()


def test_the_height_of_the_sun_is_that_of_pvlib() -> None:
    hours = np.arange("1979-01-01", "2031-01-01", 1777, dtype="datetime64[h]")
    series = series_at(hours.astype("datetime64[ns]"))

    found_NHW = channels("solar_zenith", series)[:, 0]

    for row, latitude in enumerate(LATITUDE):
        for column, longitude in enumerate(LONGITUDE):
            sun = pvlib.solarposition.get_solarposition(
                pd.DatetimeIndex(hours).tz_localize("UTC"), latitude, longitude
            )
            expected_N = np.cos(np.radians(sun["zenith"].to_numpy())).clip(min=0.0)
            np.testing.assert_allclose(found_NHW[:, row, column], expected_N, atol=0.01)


def test_the_hour_of_the_day_turns_once_a_day() -> None:
    time = np.array(["2020-03-01T00:00", "2020-03-01T06:00", "2020-07-09T18:00"], "datetime64[ns]")

    found = channels("hour_of_day", series_at(time))

    # Sine and cosine of 0, 90 and 270 degrees, from 0 to 1.
    np.testing.assert_allclose(found[:, 0, 2, 3], [0.5, 1.0, 0.0], atol=1e-7)
    np.testing.assert_allclose(found[:, 1, 1, 0], [1.0, 0.5, 0.5], atol=1e-7)
    assert (found == found[:, :, :1, :1]).all()


@pytest.mark.parametrize(
    ("calendar", "day", "share"),
    [
        ("360_day", (2000, 4, 1), 90 / 360),
        ("noleap", (2000, 3, 1), 59 / 365),
        ("standard", (2000, 3, 1), 60 / 366),
        ("standard", (2001, 3, 1), 59 / 365),
    ],
)
def test_the_day_of_the_year_follows_the_calendar(
    calendar: str, day: tuple[int, int, int], share: float
) -> None:
    time = np.array([cftime.datetime(*day, calendar=calendar)], dtype=object)

    found = channels("day_of_year", series_at(time))

    np.testing.assert_allclose(found[0, 0, 0, 0], 0.5 + 0.5 * np.sin(2 * np.pi * share), atol=1e-7)
    np.testing.assert_allclose(found[0, 1, 0, 0], 0.5 + 0.5 * np.cos(2 * np.pi * share), atol=1e-7)


def test_a_curved_grid_has_its_own_angles_and_none_are_needed_on_land() -> None:
    time = np.array(["2020-06-21T12:00"], "datetime64[ns]")
    lat_HW, lon_HW = np.meshgrid(LATITUDE, LONGITUDE, indexing="ij")
    lat_HW[0, 0] = 9.96921e36  # what netCDF fills cells with that no one has written
    grid = xr.Dataset(
        coords={
            "TLAT": (("lat", "lon"), lat_HW, {"units": "degrees_north"}),
            "TLONG": (("lat", "lon"), lon_HW, {"units": "degrees_east"}),
        }
    )
    mask_HW = np.ones(lat_HW.shape, np.bool_)
    mask_HW[0, 0] = False

    found = channels("solar_zenith", series_at(time, grid, mask_HW))

    expected = channels("solar_zenith", series_at(time))
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[..., mask_HW], expected[..., mask_HW])
    with pytest.raises(DataError, match="1 cells with values of 't2m' have no valid latitude"):
        channels("solar_zenith", series_at(time, grid))


def test_numbers_without_dates_have_no_hour() -> None:
    with pytest.raises(DataError, match="hour_of_day, which follows from dates, and the time of"):
        channels("hour_of_day", series_at(np.arange(4.0)))


def test_a_grid_without_angles_has_no_sun() -> None:
    time = np.array(["2020-06-21T12:00"], "datetime64[ns]")
    grid = xr.Dataset(coords={"lat": np.arange(4), "lon": np.arange(5)}).rename(lat="y", lon="x")
    with pytest.raises(DataError, match="needs the latitude and longitude of each cell"):
        channels("solar_zenith", series_at(time, grid))
