"""Fields of three variables with masks, scales and units of their own, drifting with a wind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter

NAMES = ("t2m", "u10", "tcwv")
FRAMES, HEIGHT, WIDTH = 160, 18, 22
UNITS = {"t2m": "K", "u10": "m s-1", "tcwv": "kg m-2"}
OFFSET_AND_SCALE = {"t2m": (280.0, 8.0), "u10": (0.0, 5.0), "tcwv": (0.02, 0.004)}
MASKED = {
    "t2m": (slice(0, 3), slice(0, 4)),
    "u10": (slice(-4, None), slice(-5, None)),
    "tcwv": (slice(7, 9), slice(10, 13)),
}


def write_three_variables(path: Path) -> None:
    """Write the file; every variable lacks other cells."""
    fields = {name: _field(name, seed) for seed, name in enumerate(NAMES, start=1)}
    dims = ("time", "y", "x")
    hours = np.arange(FRAMES) * np.timedelta64(1, "h")
    xr.Dataset(
        {name: (dims, values, {"units": UNITS[name]}) for name, values in fields.items()},
        coords={
            "time": np.datetime64("2020-01-01", "ns") + hours,
            "y": np.arange(HEIGHT, dtype=float),
            "x": np.arange(WIDTH, dtype=float),
        },
    ).to_netcdf(path, engine="h5netcdf")


def _field(name: str, seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    stripe = gaussian_filter(draw.standard_normal((HEIGHT, 8 * WIDTH)), 1.0 + 0.2 * seed)
    drifting = [np.roll(stripe / stripe.std(), t, axis=1)[:, :WIDTH] for t in range(FRAMES)]
    noise = gaussian_filter(draw.standard_normal((FRAMES, HEIGHT, WIDTH)), (0, 1, 1))
    offset, scale = OFFSET_AND_SCALE[name]
    values = offset + scale * (np.array(drifting) + 0.3 * noise / noise.std())
    values[:, *MASKED[name]] = np.nan
    return np.asarray(values, dtype=np.float32)


def settings_text(path: Path, study: str = "several", predict: str = "[t2m, u10, tcwv]") -> str:
    """Return a configuration that trains for a few seconds."""
    return f"""study: {study}
data: {{path: {path}, predict: {predict}, history: 2, horizon: 2, train_every: 2}}
predictor: {{name: unet, width: 8}}
training: {{epochs: 2, batch_size: 8, learning_rate: 3e-3, device: cpu}}
budget: {{trials: 3}}
workers: {{count: 1}}
"""
