"""Coordinates of grids as models write them."""

from typing import Any

import numpy as np

from tests.fields.writers.files import Variable, stored
from tests.fields.writers.numbers import COLUMNS, LAT, LON, ROWS


def curved_grid(names: tuple[str, str], dims: str, **attrs: Any) -> dict[str, Variable]:
    """Return 2-D latitude and longitude by their names."""
    rows, across = np.mgrid[0:ROWS, 0:COLUMNS]
    lat, lon = 40.0 + 0.2 * rows + 0.02 * across, -10.0 + 0.25 * across - 0.03 * rows
    return {
        names[0]: stored(dims, lat, "f4", units="degrees_north", **attrs),
        names[1]: stored(dims, lon, "f4", units="degrees_east", **attrs),
    }


def latitude_longitude(lat: Any = LAT) -> dict[str, Variable]:
    """Return 1-D coordinates as cfgrib and wgrib2 write them."""
    return {
        "latitude": stored("latitude", lat, units="degrees_north", long_name="latitude",
                           standard_name="latitude"),
        "longitude": stored("longitude", LON, units="degrees_east", long_name="longitude",
                            standard_name="longitude"),
    }  # fmt: skip
