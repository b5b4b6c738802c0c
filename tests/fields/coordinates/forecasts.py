"""Forecasts as different programs lay them out, of one field whose value is its valid hour."""

import numpy as np
import numpy.typing as npt
import xarray as xr

START = np.datetime64("2020-01-01", "ns")
HOUR = np.timedelta64(1, "h").astype("timedelta64[ns]")
LEADS = np.array([6, 12, 18])
PLACES = {
    "lat": ("lat", 50.0 + np.arange(4), {"units": "degrees_north"}),
    "lon": ("lon", np.arange(5.0), {"units": "degrees_east"}),
}


def hours(count: int, first: int = 0, every: int = 1) -> npt.NDArray[np.datetime64]:
    return np.asarray(START + (first + every * np.arange(count)) * HOUR)


def pattern(valid_hours: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Values [..., 4, 5] of which each frame is known by its valid hour."""
    hour = np.asarray(valid_hours, dtype=float)[..., None, None]
    y, x = np.mgrid[0:4, 0:5]
    return np.asarray(hour + 0.01 * x + 0.1 * y)


def by_reference_and_lead(starts: int = 4, **names: str) -> xr.Dataset:
    """Reference times 0, 6, 12, ... h and leads of 6, 12, 18 h: [time, lead, lat, lon]."""
    time, lead = names.get("time", "time"), names.get("lead", "prediction_timedelta")
    valid = 6 * np.arange(starts)[:, None] + LEADS
    return xr.Dataset(
        {"t2m": ((time, lead, "lat", "lon"), pattern(valid), {"units": "K"})},
        coords={**PLACES, time: hours(starts, every=6), lead: (lead, LEADS * HOUR)},
    )


def as_cfgrib(starts: int = 4) -> xr.Dataset:
    """The layout of cfgrib: time, step, and valid_time of both."""
    data = by_reference_and_lead(starts, lead="step")
    data["time"].attrs["standard_name"] = "forecast_reference_time"
    data["step"].attrs["standard_name"] = "forecast_period"
    valid = data["time"].values[:, None] + data["step"].values
    return data.assign_coords(valid_time=(("time", "step"), valid, {"standard_name": "time"}))


def observed(count: int = 60) -> xr.Dataset:
    """The truth: an hourly series."""
    return xr.Dataset(
        {"t2m": (("time", "lat", "lon"), pattern(np.arange(count)), {"units": "K"})},
        coords={**PLACES, "time": hours(count)},
    )
