from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

FRAMES, ROWS, COLUMNS = 8, 5, 6


@pytest.fixture
def humidity() -> xr.Dataset:
    """A complete field of eight days on a latitude-longitude grid."""
    rng = np.random.default_rng(3)
    values_TYX = rng.uniform(5.0, 15.0, (FRAMES, ROWS, COLUMNS)).astype(np.float32)
    return xr.Dataset(
        {
            "hus": (
                ("time", "lat", "lon"),
                values_TYX,
                {"units": "g kg-1", "long_name": "specific humidity"},
            )
        },
        coords={
            "time": ("time", days(FRAMES), {"standard_name": "time", "long_name": "day"}),
            "lat": ("lat", np.linspace(50.0, 54.0, ROWS), {"units": "degrees_north"}),
            "lon": ("lon", np.linspace(-5.0, 0.0, COLUMNS), {"units": "degrees_east"}),
        },
        attrs={"title": "a test", "licence": "CC0"},
    )


def days(frames: int) -> NDArray[np.datetime64]:
    return np.datetime64("2001-02-26", "ns") + np.arange(frames) * np.timedelta64(1, "D")


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[xr.Dataset], Path]:
    """Write a dataset as NetCDF 4 and return its path."""

    def save(dataset: xr.Dataset) -> Path:
        path = tmp_path / "field.nc"
        dataset.to_netcdf(path, engine="h5netcdf")
        return path

    return save
