"""Fields in files, with gaps of every kind, and the same field without them, filled by hand."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from fieldsharp.fields.settings import DataSettings

Floats = npt.NDArray[np.float32]
FRAMES, HEIGHT, WIDTH = 90, 8, 9
CHUNK = 4
"""Frames that are stored, and read, together."""


def with_gaps() -> Floats:
    """A field with gaps at the start, across blocks and at the end, and cells that are masked."""
    rng = np.random.default_rng(0)
    values = (280 + rng.standard_normal((FRAMES, HEIGHT, WIDTH))).astype(np.float32)
    values[rng.random(values.shape) < 0.02] = np.nan
    values[:6, 1, 1] = np.nan  # at the start, longer than a block
    values[3:9, 2, 2] = np.nan  # over two borders of blocks
    values[-5:, 3, 3] = np.nan
    values[:, 4, 4] = np.nan  # never known
    values[::2, 5, 5] = np.nan  # too seldom known
    values[17] = np.nan  # a frame that is missing as a whole
    return values


def filled_by_hand(values: Floats, least_share: float) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Fill a field cell by cell, as the documentation says."""
    filled, mask = values.copy(), np.zeros(values.shape[1:], bool)
    for y, x in np.ndindex(*mask.shape):
        cell = filled[:, y, x]
        known = np.flatnonzero(~np.isnan(cell))
        mask[y, x] = len(known) / len(cell) >= least_share
        if not mask[y, x]:
            cell[:] = 0
            continue
        last = cell[known[0]]
        for t in range(len(cell)):
            last = cell[t] = last if np.isnan(cell[t]) else cell[t]
    return filled, mask


def saved(folder: Path, values: Floats, **attrs: object) -> DataSettings:
    """Save a field as Zarr in chunks of a few frames, and return settings for it."""
    time = np.datetime64("2001-01-01", "ns") + np.arange(len(values)) * np.timedelta64(1, "h")
    data = xr.Dataset({"v": (("time", "y", "x"), values, attrs)}, {"time": time})
    path = folder / "field.zarr"
    chunks = (CHUNK, *values.shape[1:])
    data.to_zarr(path, zarr_format=2, consolidated=True, encoding={"v": {"chunks": chunks}})
    return DataSettings(path=str(path), history=3, horizon=2, max_filled_share=1.0)
