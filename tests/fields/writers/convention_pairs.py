"""Forecast and truth that differ in units, clock or grid, with the error by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from tests.fields.writers.case import Pair, PairCase
from tests.fields.writers.files import stored, write_netcdf
from tests.fields.writers.numbers import LAT, dates, since
from tests.fields.writers.pair_fields import (
    COLUMNS,
    EAST,
    HOURS,
    ROWS,
    START,
    WEST,
    era5_file,
    rmse,
    truth_of_hours,
    with_error,
)


def celsius_beside_kelvin(folder: Path) -> Pair:
    truth = truth_of_hours()
    pred = with_error(truth, 6)
    forecast = era5_file(folder / "forecast.nc", pred - np.float32(273.15), LAT, units="degC")
    return Pair(forecast, era5_file(folder / "era5.nc", truth, LAT), rmse(pred, truth), HOURS)


def two_spellings_of_units(folder: Path) -> Pair:
    truth = truth_of_hours()
    pred = with_error(truth, 7)
    forecast = era5_file(folder / "forecast.nc", pred, LAT, units="m s-1")
    era5 = era5_file(folder / "era5.nc", truth, LAT, units="m s**-1")
    return Pair(forecast, era5, rmse(pred, truth), HOURS)


def single_precision_times(folder: Path) -> Pair:
    """Days since 1900 in single precision are up to six minutes from the hour."""
    truth = truth_of_hours()
    pred = with_error(truth, 8)
    days = since(dates(START, HOURS), "2019-01-01", "D")
    forecast = write_netcdf(
        folder / "rounded.nc",
        {
            "time": stored("time", days, "f4", units="days since 2019-01-01"),
            "lat": stored("lat", LAT, "f4", units="degrees_north"),
            "lon": stored("lon", EAST, "f4", units="degrees_east"),
            "t2m": stored("time lat lon", pred, units="K"),
        },
    )
    return Pair(forecast, era5_file(folder / "era5.nc", truth, LAT), rmse(pred, truth), HOURS)


def julian_rain(folder: Path) -> Pair:
    """IMERG dates its half hours by a Julian calendar, with the dates of the Gregorian one."""
    truth = np.abs(truth_of_hours()).astype("f4")
    pred = with_error(truth, 9)
    imerg = write_netcdf(
        folder / "imerg.nc4",
        {
            "time": stored("time", since(dates(START, HOURS), "1970-01-01", "s"), "i4",
                           units="seconds since 1970-01-01 00:00:00 UTC", calendar="julian"),
            "lon": stored("lon", WEST, "f4", units="degrees_east"),
            "lat": stored("lat", LAT, "f4", units="degrees_north"),
            "precipitation": stored("time lon lat",
                                    np.roll(truth, COLUMNS // 2, axis=2).transpose(0, 2, 1),
                                    units="mm/hr", _FillValue=np.float32(-9999.9)),
        },
    )  # fmt: skip
    forecast = era5_file(folder / "forecast.nc", pred[:, ::-1], units="mm/hr")
    return Pair(forecast, imerg, rmse(pred, truth), HOURS, or_refused="(?i)julian")


def turned_curved_grid(folder: Path) -> Pair:
    """The rows of the truth stand the other way round, which only 2-D latitude says."""
    truth = truth_of_hours()
    pred = with_error(truth, 10)
    rows, across = np.mgrid[0:ROWS, 0:COLUMNS]
    lat, lon = 45 + 0.1 * rows + 0.01 * across, 6 + 0.14 * across - 0.02 * rows

    def curved(name: str, values: Any, order: slice) -> Path:
        return write_netcdf(
            folder / name,
            {
                "time": stored("time", since(dates(START, HOURS), START, "h"),
                               units=f"hours since {START}"),
                "lat": stored("y x", lat[order], units="degrees_north"),
                "lon": stored("y x", lon[order], units="degrees_east"),
                "t2m": stored("time y x", values[:, order], units="K", coordinates="lat lon"),
            },
        )  # fmt: skip

    forecast = curved("forecast.nc", pred, slice(None))
    upside_down = curved("truth.nc", truth, slice(None, None, -1))
    return Pair(forecast, upside_down, rmse(pred, truth), HOURS, or_refused="lat|grid|order")


def shifted_curved_grid(folder: Path) -> Pair:
    """Two curvilinear grids of equal shape that lie a degree apart."""
    pair = turned_curved_grid(folder)
    moved = folder / "moved.nc"
    with xr.open_dataset(pair.truth, decode_times=False) as truth:
        truth.assign_coords(lat=truth.lat + 1.0).to_netcdf(moved, engine="netcdf4")
    return Pair(pair.forecast, moved, None, 0, or_refused="lat|grid")


def noleap_beside_dates(folder: Path) -> Pair:
    """A climate run without leap days beside dates: January has the same days in both."""
    truth = truth_of_hours()
    pred = with_error(truth, 11)
    forecast = write_netcdf(
        folder / "cesm.nc",
        {
            "time": stored("time", since(dates(START, HOURS), START, "D"), calendar="noleap",
                           units=f"days since {START}"),
            "lat": stored("lat", LAT, units="degrees_north"),
            "lon": stored("lon", EAST, units="degrees_east"),
            "t2m": stored("time lat lon", pred, units="K"),
        },
    )  # fmt: skip
    return Pair(
        forecast, era5_file(folder / "era5.nc", truth, LAT), rmse(pred, truth), HOURS,
        or_refused="noleap",
    )  # fmt: skip


PAIRS = (
    PairCase("degrees Celsius beside kelvin", celsius_beside_kelvin, "t2m", "t2m"),
    PairCase("m s-1 beside m s**-1", two_spellings_of_units, "t2m", "t2m"),
    PairCase("times in single precision beside ERA5", single_precision_times, "t2m", "t2m"),
    PairCase("forecast in ERA5's layout beside IMERG", julian_rain, "t2m", "precipitation"),
    PairCase("curvilinear grid beside the same upside down", turned_curved_grid, "t2m", "t2m"),
    PairCase("curvilinear grid beside one a degree north", shifted_curved_grid, "t2m", "t2m"),
    PairCase("calendar without leap days beside dates", noleap_beside_dates, "t2m", "t2m"),
)
