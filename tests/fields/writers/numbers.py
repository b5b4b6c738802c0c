"""Numbers that writers put into their files: fields, packed fields and times."""

from datetime import timedelta
from typing import Any, Literal

import cftime
import numpy as np
import numpy.typing as npt

from tests.fields.writers.case import Array, Times

FRAMES, ROWS, COLUMNS = 36, 6, 8
LAT = np.linspace(50.0, 55.0, ROWS)
LON = np.linspace(0.0, 7.0, COLUMNS)


def smooth_field(
    seed: int,
    shape: tuple[int, ...] = (FRAMES, ROWS, COLUMNS),
    mean: float = 280.0,
    spread: float = 4.0,
) -> npt.NDArray[np.float32]:
    """Return a field that differs in every frame, row and column."""
    rng = np.random.default_rng(seed)
    waves = sum(
        np.sin(rng.uniform(0.2, 0.8) * np.arange(size) + rng.uniform(0.0, 6.0)).reshape(
            [-1 if axis == other else 1 for other in range(len(shape))]
        )
        for axis, size in enumerate(shape)
    )
    values = mean + spread * (waves + 0.3 * rng.standard_normal(shape))
    return np.asarray(values, np.float32)


def with_sea(values: npt.NDArray[np.float32]) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return the field in double precision with NaN in a corner, and where."""
    sea = np.zeros(values.shape, bool)
    sea[..., :2, :3] = True
    return np.where(sea, np.nan, values.astype(np.float64)), sea


def packed(
    seed: int,
    dtype: npt.DTypeLike,
    low: int,
    high: int,
    shape: tuple[int, ...] = (FRAMES, ROWS, COLUMNS),
) -> npt.NDArray[Any]:
    """Return whole numbers from low to below high that vary smoothly, as a packed field."""
    waves = smooth_field(seed, shape, 0.0, 1.0).astype(np.float64)
    share = (waves - waves.min()) / (waves.max() - waves.min())
    return np.asarray(low + share * (high - 1 - low), dtype)


def unpack(raw: npt.NDArray[Any], scale: float, offset: float, fill: float) -> Array:
    """Return the values of packed numbers, NaN where they are the fill value."""
    values = raw.astype(np.float64) * scale + offset
    return np.where(raw == fill, np.nan, values)


def dates(start: str, frames: int = FRAMES, step_h: float = 1.0) -> npt.NDArray[np.datetime64]:
    """Return equally spaced times."""
    step = np.timedelta64(round(step_h * 3600), "s")
    return np.datetime64(start, "ns") + np.arange(frames) * step


def since(
    times: npt.NDArray[np.datetime64], start: str, unit: Literal["D", "h", "m", "s"]
) -> Array:
    """Return times as counts of h, D, m or s since a start."""
    return np.asarray((times - np.datetime64(start, "ns")) / np.timedelta64(1, unit), np.float64)


def counted(days: npt.NDArray[np.floating], start: Any) -> Times:
    """Return dates of a calendar of cftime at a number of days after a start."""
    return np.array([start + timedelta(days=float(day)) for day in days], dtype=object)


def noleap(year: int, month: int = 1, day: int = 1) -> Any:
    """Return a date of the calendar without leap days."""
    return cftime.DatetimeNoLeap(year, month, day)
