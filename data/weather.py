"""Seeded simulator of weather in several variables, written as downloads of ERA5 come.

An anomaly of temperature, the Gaussian random field of ``data.gaussian_waves``, is carried by a
wind that changes at random. To it are added a mean that falls towards the north and with height,
and, over land, a daily course that follows the sun. The 10 m wind is the one that carries the
anomaly, with eddies; so wind, orography, land and the time of the day tell a forecast of the
temperature something that its own history does not.

A file for each variable and month, ``t2m_2020-01.nc``, with the names, dimensions and attributes
that the Climate Data Store writes since 2024, and ``static.nc`` with the geopotential of the
surface ``z`` and the land-sea mask ``lsm``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .coast import sea_mask
from .gaussian_waves import REFERENCE, gaussian_frames
from .simulated_file import run_command
from .weather_settings import WeatherSettings
from .wind import gusty_wind

__all__ = ["WeatherSettings", "main", "simulate", "write"]

Floats = NDArray[np.float64]

START = np.datetime64("2020-01-01T00:00:00", "s")
NORTH, WEST, SPACING = 60.0, -10.0, 0.25
GRAVITY = 9.80665
LAPSE_K_PER_M = 0.0065
METRES_PER_CELL = 28_000.0 / 3600.0
"""Metres a second of a wind of one cell an hour, at a quarter of a degree."""
# Streams of random numbers: each of its own, so that more frames change none of them.
_WIND, _TEMPERATURE, _EDDIES, _LAND = range(4)
ATTRIBUTES = {
    "t2m": {"units": "K", "long_name": "2 metre temperature", "standard_name": "unknown"},
    "u10": {"units": "m s**-1", "long_name": "10 metre U wind component"},
    "v10": {"units": "m s**-1", "long_name": "10 metre V wind component"},
    "z": {"units": "m**2 s**-2", "long_name": "Geopotential", "standard_name": "geopotential"},
    "lsm": {"units": "(0 - 1)", "long_name": "Land-sea mask"},
}
STATIC = ("z", "lsm")


def simulate(settings: WeatherSettings) -> xr.Dataset:
    """Simulate the weather; the same settings give the same values, byte for byte.

    A longer run begins with the frames of a shorter one of the same seed.

    Returns:
        A dataset of float32 with ``t2m``, ``u10`` and ``v10`` (valid_time, latitude, longitude),
        hourly from 2020-01-01, and ``z`` and ``lsm`` (latitude, longitude).
    """
    n, frames = settings.size, settings.frames
    streams = np.random.default_rng(settings.seed).spawn(4)
    winds_TC = gusty_wind(
        streams[_WIND], frames, (settings.wind_x, settings.wind_y), settings.gusts, 12.0
    )
    land_YX = ~sea_mask(streams[_LAND], (n, n), 0.4)
    hills_YX = next(gaussian_frames(streams[_LAND], n, 4.0, 1.0, np.zeros((1, 2))))
    height_YX = np.where(land_YX, 300.0 * np.exp(0.8 * hills_YX), 0.0)
    latitude_Y = NORTH - SPACING * np.arange(n)
    longitude_X = WEST + SPACING * np.arange(n)
    mean_YX = 293.0 - 0.6 * (latitude_Y[:, None] - 50.0) - LAPSE_K_PER_M * height_YX
    hour_T = np.arange(frames) % 24
    day_TX = np.cos(2 * np.pi * (hour_T[:, None] - 14.0 + longitude_X / 15.0) / 24.0)
    fields = {name: np.empty((frames, n, n), np.float32) for name in ("t2m", "u10", "v10")}
    anomalies = gaussian_frames(
        streams[_TEMPERATURE], n, settings.length_cells, settings.renewal_h, winds_TC
    )
    eddies = gaussian_frames(streams[_EDDIES], n, 6.0, 24.0, winds_TC)
    for t, (anomaly_YX, stream_YX) in enumerate(zip(anomalies, eddies, strict=True)):
        daily_YX = settings.daily_k * land_YX * day_TX[t]
        fields["t2m"][t] = mean_YX + settings.spread_k * anomaly_YX + daily_YX
        slope_Y, slope_X = np.gradient(stream_YX)
        # Rows run to the south, so that the wind along them is to the south too.
        fields["u10"][t] = METRES_PER_CELL * (winds_TC[t, 0] + 0.3 * slope_Y)
        fields["v10"][t] = -METRES_PER_CELL * (winds_TC[t, 1] - 0.3 * slope_X)
    dims = ("valid_time", "latitude", "longitude")
    variables: dict[str, Any] = {
        name: (dims, values, ATTRIBUTES[name]) for name, values in fields.items()
    }
    still = {"z": GRAVITY * height_YX, "lsm": land_YX}
    variables |= {
        name: (dims[1:], np.asarray(still[name], np.float32), ATTRIBUTES[name]) for name in STATIC
    }
    times = {"standard_name": "time", "long_name": "time"}
    return xr.Dataset(
        variables,
        coords={
            "valid_time": ("valid_time", START + np.arange(frames) * np.timedelta64(1, "h"), times),
            "latitude": ("latitude", latitude_Y, {"units": "degrees_north"}),
            "longitude": ("longitude", longitude_X, {"units": "degrees_east"}),
        },
        attrs={
            "Conventions": "CF-1.7",
            "title": "Simulated weather",
            "source": "stochastic simulation, data/weather.py",
            "references": REFERENCE,
            **asdict(settings),
        },
    )


def write(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Write a file for each variable and month, and one of what does not depend on time."""
    folder.mkdir(parents=True, exist_ok=True)
    seconds = {"units": "seconds since 1970-01-01", "calendar": "proleptic_gregorian"}
    whole = dataset.assign_coords(number=0)
    files = []
    for name in (str(name) for name in dataset.data_vars if name not in STATIC):
        months = whole["valid_time"].dt.strftime("%Y-%m")
        for month, part in whole[[name]].groupby(months):
            expver = ("valid_time", np.full(part.sizes["valid_time"], "0001"))
            path = folder / f"{name}_{month}.nc"
            part.assign_coords(expver=expver).to_netcdf(
                path,
                engine="h5netcdf",
                encoding={"valid_time": {**seconds, "dtype": "i8"}, name: {"zlib": True}},
            )
            files.append(path)
    still = dataset[list(STATIC)].expand_dims(valid_time=dataset["valid_time"][:1])
    path = folder / "static.nc"
    still.to_netcdf(path, engine="h5netcdf", encoding={"valid_time": {**seconds, "dtype": "i8"}})
    return [*files, path]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 failed; wrong use exits with 2."""
    return run_command(
        f"{__package__}.weather",
        "Simulate weather in several variables.",
        WeatherSettings,
        simulate,
        argv,
        write_folder=write,
    )


if __name__ == "__main__":
    sys.exit(main())
