"""Files of a small field with missing values, to be paired as forecast and truth."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

Array = npt.NDArray[np.float64]
HOURS = np.datetime64("2020-01-01", "ns") + np.arange(5) * np.timedelta64(1, "h")


def random_field(seed: int, frames: int = 5) -> Array:
    rng = np.random.default_rng(seed)
    values = 280.0 + 5.0 * rng.standard_normal((frames, 7, 9))
    values[:, 0, :3] = np.nan  # a corner of sea
    values[:, 4, 4] = np.nan  # and a lake
    return values


def write(
    path: Path,
    values: Array,
    time: npt.NDArray[np.datetime64] | None = HOURS,
    name: str = "t2m",
    units: str = "K",
    first_lat: float = 50.0,
) -> Path:
    frames, height, width = values.shape
    coords: dict[str, object] = {
        "lat": first_lat + 0.5 * np.arange(height),
        "lon": 0.5 * np.arange(width),
    }
    if time is not None:
        coords["time"] = time[:frames]
    array = xr.DataArray(values, dims=("time", "lat", "lon"), coords=coords, attrs={"units": units})
    array.to_dataset(name=name).to_netcdf(path, engine="h5netcdf")
    return path
