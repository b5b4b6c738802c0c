"""Forecasts beside truths of other writers, with the error between them by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from tests.fields.writers.case import Pair, PairCase
from tests.fields.writers.files import characters, stored, write_netcdf
from tests.fields.writers.numbers import LAT, dates, since, smooth_field

HOURS = 72
ROWS, COLUMNS = 6, 12
SHAPE = (HOURS, ROWS, COLUMNS)
START = "2020-01-01"
EAST = np.arange(0.0, 360.0, 30.0)
"""From 0 to 330."""
WEST = np.arange(-180.0, 180.0, 30.0)
"""From -180 to 150: the same meridians, the second half first."""


def _truth(seed: int = 200) -> npt.NDArray[np.float32]:
    """Return what happened, hour by hour: latitude ascending, longitude as in EAST."""
    return smooth_field(seed, SHAPE)


def _wrong(truth: Any, seed: int) -> npt.NDArray[np.float32]:
    """Return a forecast of a truth with an error of its own."""
    error = np.random.default_rng(seed).standard_normal(truth.shape)
    return np.asarray(truth + 0.5 * error, np.float32)


def _rmse(pred: Any, target: Any) -> float:
    return float(np.sqrt(np.mean((pred.astype(float) - target.astype(float)) ** 2)))


def _era5(path: Path, values: Any, lat: Any = LAT[::-1], lon: Any = EAST, **attrs: Any) -> Path:
    """Write hourly ERA5 in the new layout, with rows as given."""
    return write_netcdf(
        path,
        {
            "valid_time": stored("valid_time", since(dates(START, HOURS), "1970-01-01", "s"), "i8",
                                 units="seconds since 1970-01-01", standard_name="time",
                                 calendar="proleptic_gregorian"),
            "latitude": stored("latitude", lat, "f4", units="degrees_north",
                               standard_name="latitude"),
            "longitude": stored("longitude", lon, "f4", units="degrees_east",
                                standard_name="longitude"),
            "t2m": stored("valid_time latitude longitude", values, **({"units": "K"} | attrs)),
        },
    )  # fmt: skip


def graphcast_era5(folder: Path) -> Pair:
    """Forecast from the south, 0..360; truth from the north, -180..180."""
    truth = _truth()
    six = np.arange(6, HOURS, 6)
    pred = _wrong(truth[six], 1)
    made = xr.Dataset(
        {"2m_temperature": (("batch", "time", "lat", "lon"), pred[None])},
        coords={
            "time": (six * np.timedelta64(1, "h")).astype("timedelta64[ns]"),
            "datetime": (("batch", "time"), dates(START, HOURS)[six][None]),
            "lat": LAT.astype("f4"),
            "lon": EAST.astype("f4"),
        },
    )
    forecast = folder / "predictions.nc"
    made.to_netcdf(forecast, engine="netcdf4")
    of_era5 = np.roll(truth[:, ::-1], COLUMNS // 2, axis=2)
    era5 = _era5(folder / "era5.nc", of_era5, lon=WEST)
    return Pair(forecast, era5, _rmse(pred, truth[six]), len(six))


def ifs_era5(folder: Path) -> Pair:
    """One start at 06 h with steps of an hour: dated by valid_time, not by the step."""
    truth = _truth()
    pred = _wrong(truth[6:54], 2)
    epoch: dict[str, Any] = {"units": "seconds since 1970-01-01", "calendar": "standard"}
    hours = since(dates(START, HOURS), "1970-01-01", "s")
    forecast = write_netcdf(
        folder / "ifs.nc",
        {
            "time": stored("", hours[6], "i8", standard_name="forecast_reference_time", **epoch),
            "step": stored("step", np.arange(48), "f8", units="hours",
                           standard_name="forecast_period"),
            "valid_time": stored("step", hours[6:54], "i8", standard_name="time", **epoch),
            "surface": stored("", 0.0),
            "latitude": stored("latitude", LAT[::-1], units="degrees_north"),
            "longitude": stored("longitude", EAST, units="degrees_east"),
            "t2m": stored("step latitude longitude", pred[:, ::-1], units="K",
                          coordinates="time step surface valid_time"),
        },
    )  # fmt: skip
    era5 = _era5(folder / "era5.nc", truth[:, ::-1])
    return Pair(forecast, era5, _rmse(pred, truth[6:54]), 48)


def weatherbench(folder: Path) -> Pair:
    """Starts and leads, longitude first: each lead is compared at its own valid time."""
    truth = _truth()
    starts, leads = np.arange(0, 48, 6), np.arange(6, 25, 6)
    at = starts[:, None] + leads
    pred = _wrong(truth[at], 3)
    coords = {"longitude": EAST, "latitude": LAT}
    made = xr.Dataset(
        {
            "2m_temperature": (
                ("time", "prediction_timedelta", "longitude", "latitude"),
                pred.transpose(0, 1, 3, 2),
                {"units": "K"},
            )
        },
        coords={
            "time": dates(START, HOURS)[starts],
            "prediction_timedelta": (leads * np.timedelta64(1, "h")).astype("timedelta64[ns]"),
            **coords,
        },
    )
    made.to_zarr(folder / "forecast.zarr", zarr_format=2, consolidated=True)
    of_truth = xr.Dataset(
        {"2m_temperature": (("time", "longitude", "latitude"), truth.transpose(0, 2, 1),
                            {"units": "K"})},
        coords={"time": dates(START, HOURS), **coords},
    )  # fmt: skip
    of_truth.to_zarr(folder / "era5.zarr", zarr_format=2, consolidated=True)
    return Pair(folder / "forecast.zarr", folder / "era5.zarr", _rmse(pred, truth[at]), at.size)


def wrf_analysis(folder: Path) -> Pair:
    """Forecast of hours 24 to 71 by XTIME, on the curvilinear grid of the analysis."""
    truth = _truth()
    pred = _wrong(truth[24:], 4)
    rows, across = np.mgrid[0:ROWS, 0:COLUMNS]
    lat, lon = 45 + 0.1 * rows + 0.01 * across, 6 + 0.14 * across - 0.02 * rows

    def wrfout(name: str, values: Any, first: int) -> Path:
        when = dates(START, HOURS)[first:]
        frames = (len(when), ROWS, COLUMNS)
        texts = [str(t).replace("T", "_") for t in when.astype("datetime64[s]")]
        return write_netcdf(
            folder / name,
            {
                "Times": stored("Time DateStrLen", characters(texts)),
                "XTIME": stored("Time", since(when, START, "m"), "f4",
                                units="minutes since 2020-01-01 00:00:00"),
                "XLAT": stored("Time south_north west_east", np.broadcast_to(lat, frames), "f4",
                               units="degree_north"),
                "XLONG": stored("Time south_north west_east", np.broadcast_to(lon, frames), "f4",
                                units="degree_east"),
                "T2": stored("Time south_north west_east", values, units="K",
                             coordinates="XLONG XLAT XTIME"),
            },
            ("Time",),
            "NETCDF3_64BIT_OFFSET",
        )  # fmt: skip

    forecast = wrfout("wrfout_forecast.nc", pred, 24)
    return Pair(
        forecast, wrfout("wrfout_analysis.nc", truth, 0), _rmse(pred, truth[24:]), HOURS - 24
    )


def members_beside_truth(folder: Path) -> Pair:
    """Five members; each is compared with the truth, so the error is over all of them."""
    truth = _truth()
    pred = _wrong(np.broadcast_to(truth, (5, *SHAPE)), 5)
    forecast = write_netcdf(
        folder / "ens.nc",
        {
            "number": stored("number", np.arange(5), "i8", standard_name="realization"),
            "time": stored("time", since(dates(START, HOURS), START, "h"),
                           units=f"hours since {START}"),
            "latitude": stored("latitude", LAT, units="degrees_north"),
            "longitude": stored("longitude", EAST, units="degrees_east"),
            "t2m": stored("number time latitude longitude", pred, units="K"),
        },
    )  # fmt: skip
    return Pair(
        forecast,
        _era5(folder / "era5.nc", truth, LAT),
        _rmse(pred, np.broadcast_to(truth, pred.shape)),
        5 * HOURS,
        or_refused="number",
    )


def celsius_beside_kelvin(folder: Path) -> Pair:
    truth = _truth()
    pred = _wrong(truth, 6)
    forecast = _era5(folder / "forecast.nc", pred - np.float32(273.15), LAT, units="degC")
    return Pair(forecast, _era5(folder / "era5.nc", truth, LAT), _rmse(pred, truth), HOURS)


def two_spellings_of_units(folder: Path) -> Pair:
    truth = _truth()
    pred = _wrong(truth, 7)
    forecast = _era5(folder / "forecast.nc", pred, LAT, units="m s-1")
    era5 = _era5(folder / "era5.nc", truth, LAT, units="m s**-1")
    return Pair(forecast, era5, _rmse(pred, truth), HOURS)


def single_precision_times(folder: Path) -> Pair:
    """Days since 1900 in single precision are up to six minutes from the hour."""
    truth = _truth()
    pred = _wrong(truth, 8)
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
    return Pair(forecast, _era5(folder / "era5.nc", truth, LAT), _rmse(pred, truth), HOURS)


def julian_rain(folder: Path) -> Pair:
    """IMERG dates its half hours by a Julian calendar, with the dates of the Gregorian one."""
    truth = np.abs(_truth()).astype("f4")
    pred = _wrong(truth, 9)
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
    forecast = _era5(folder / "forecast.nc", pred[:, ::-1], units="mm/hr")
    return Pair(forecast, imerg, _rmse(pred, truth), HOURS, or_refused="(?i)julian")


def turned_curved_grid(folder: Path) -> Pair:
    """The rows of the truth stand the other way round, which only 2-D latitude says."""
    truth = _truth()
    pred = _wrong(truth, 10)
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
    return Pair(forecast, upside_down, _rmse(pred, truth), HOURS, or_refused="lat|grid|order")


def shifted_curved_grid(folder: Path) -> Pair:
    """Two curvilinear grids of equal shape that lie a degree apart."""
    pair = turned_curved_grid(folder)
    moved = folder / "moved.nc"
    with xr.open_dataset(pair.truth, decode_times=False) as truth:
        truth.assign_coords(lat=truth.lat + 1.0).to_netcdf(moved, engine="netcdf4")
    return Pair(pair.forecast, moved, None, 0, or_refused="lat|grid")


def noleap_beside_dates(folder: Path) -> Pair:
    """A climate run without leap days beside dates: January has the same days in both."""
    truth = _truth()
    pred = _wrong(truth, 11)
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
        forecast, _era5(folder / "era5.nc", truth, LAT), _rmse(pred, truth), HOURS,
        or_refused="noleap",
    )  # fmt: skip


PAIRS = (
    PairCase("GraphCast beside ERA5 from -180, north first", graphcast_era5,
             "2m_temperature", "t2m"),
    PairCase("IFS steps beside hourly ERA5", ifs_era5, "t2m", "t2m"),
    PairCase("WeatherBench starts and leads beside its truth", weatherbench),
    PairCase("WRF forecast of later hours beside its analysis", wrf_analysis, "T2", "T2"),
    PairCase("five members beside ERA5", members_beside_truth, "t2m", "t2m"),
    PairCase("degrees Celsius beside kelvin", celsius_beside_kelvin, "t2m", "t2m"),
    PairCase("m s-1 beside m s**-1", two_spellings_of_units, "t2m", "t2m"),
    PairCase("times in single precision beside ERA5", single_precision_times, "t2m", "t2m"),
    PairCase("forecast in ERA5's layout beside IMERG", julian_rain, "t2m", "precipitation"),
    PairCase("curvilinear grid beside the same upside down", turned_curved_grid, "t2m", "t2m"),
    PairCase("curvilinear grid beside one a degree north", shifted_curved_grid, "t2m", "t2m"),
    PairCase("calendar without leap days beside dates", noleap_beside_dates, "t2m", "t2m"),
)  # fmt: skip
