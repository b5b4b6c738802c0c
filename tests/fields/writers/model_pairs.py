"""Forecasts of models beside truths of others, with the error between them by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from tests.fields.writers.case import Pair, PairCase
from tests.fields.writers.files import characters, stored, write_netcdf
from tests.fields.writers.numbers import LAT, dates, since
from tests.fields.writers.pair_fields import (
    COLUMNS,
    EAST,
    HOURS,
    ROWS,
    SHAPE,
    START,
    WEST,
    era5_file,
    rmse,
    truth_of_hours,
    with_error,
)


def graphcast_era5(folder: Path) -> Pair:
    """Forecast from the south, 0..360; truth from the north, -180..180."""
    truth = truth_of_hours()
    six = np.arange(6, HOURS, 6)
    pred = with_error(truth[six], 1)
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
    era5 = era5_file(folder / "era5.nc", of_era5, lon=WEST)
    return Pair(forecast, era5, rmse(pred, truth[six]), len(six))


def ifs_era5(folder: Path) -> Pair:
    """One start at 06 h with steps of an hour: dated by valid_time, not by the step."""
    truth = truth_of_hours()
    pred = with_error(truth[6:54], 2)
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
    era5 = era5_file(folder / "era5.nc", truth[:, ::-1])
    return Pair(forecast, era5, rmse(pred, truth[6:54]), 48)


def weatherbench(folder: Path) -> Pair:
    """Starts and leads, longitude first: each lead is compared at its own valid time."""
    truth = truth_of_hours()
    starts, leads = np.arange(0, 48, 6), np.arange(6, 25, 6)
    at = starts[:, None] + leads
    pred = with_error(truth[at], 3)
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
    return Pair(folder / "forecast.zarr", folder / "era5.zarr", rmse(pred, truth[at]), at.size)


def wrf_analysis(folder: Path) -> Pair:
    """Forecast of hours 24 to 71 by XTIME, on the curvilinear grid of the analysis."""
    truth = truth_of_hours()
    pred = with_error(truth[24:], 4)
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
        forecast, wrfout("wrfout_analysis.nc", truth, 0), rmse(pred, truth[24:]), HOURS - 24
    )


def members_beside_truth(folder: Path) -> Pair:
    """Five members; each is compared with the truth, so the error is over all of them."""
    truth = truth_of_hours()
    pred = with_error(np.broadcast_to(truth, (5, *SHAPE)), 5)
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
        era5_file(folder / "era5.nc", truth, LAT),
        rmse(pred, np.broadcast_to(truth, pred.shape)),
        5 * HOURS,
        or_refused="number",
    )


PAIRS = (
    PairCase(
        "GraphCast beside ERA5 from -180, north first", graphcast_era5, "2m_temperature", "t2m"
    ),
    PairCase("IFS steps beside hourly ERA5", ifs_era5, "t2m", "t2m"),
    PairCase("WeatherBench starts and leads beside its truth", weatherbench),
    PairCase("WRF forecast of later hours beside its analysis", wrf_analysis, "T2", "T2"),
    PairCase("five members beside ERA5", members_beside_truth, "t2m", "t2m"),
)
