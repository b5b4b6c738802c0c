"""What happened, a forecast with an error of its own, and the file of the truth."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.fields.writers.files import stored, write_netcdf
from tests.fields.writers.numbers import LAT, dates, since, smooth_field

HOURS = 72
ROWS, COLUMNS = 6, 12
SHAPE = (HOURS, ROWS, COLUMNS)
START = "2020-01-01"
EAST = np.arange(0.0, 360.0, 30.0)
"""From 0 to 330."""
WEST = np.arange(-180.0, 180.0, 30.0)
"""From -180 to 150: the same meridians, the second half first."""


def truth_of_hours(seed: int = 200) -> npt.NDArray[np.float32]:
    """Return what happened, hour by hour: latitude ascending, longitude as in EAST."""
    return smooth_field(seed, SHAPE)


def with_error(truth: Any, seed: int) -> npt.NDArray[np.float32]:
    """Return a forecast of a truth with an error of its own."""
    error = np.random.default_rng(seed).standard_normal(truth.shape)
    return np.asarray(truth + 0.5 * error, np.float32)


def rmse(pred: Any, target: Any) -> float:
    return float(np.sqrt(np.mean((pred.astype(float) - target.astype(float)) ** 2)))


def era5_file(path: Path, values: Any, lat: Any = LAT[::-1], lon: Any = EAST, **attrs: Any) -> Path:
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
