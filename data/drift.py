"""Seeded simulator of a nearly persistent field that drifts slowly: nothing in it is blurred.

The temperature is ``mean + spread * G``, where G is the Gaussian random field of
``data.gaussian_waves``: smooth, with detail at all scales, carried by a steady current of a few
hundredths of a cell an hour, and renewed over months. Hours ahead nearly all of it is known, so a
forecast of least square error has the gradients and peaks of the truth.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .drift_settings import DriftSettings
from .gaussian_waves import REFERENCE, gaussian_frames
from .simulated_file import gridded, run_command

__all__ = ["DriftSettings", "main", "simulate"]


def simulate(settings: DriftSettings) -> xr.Dataset:
    """Simulate the field; the same settings give the same values, byte for byte.

    A longer run begins with the frames of a shorter one of the same seed.

    Args:
        settings: Validated parameters.

    Returns:
        A dataset with the variable ``temperature`` (time, y, x) in degC, float32, hourly from
        2020-01-01, and every parameter among its attributes.
    """
    n = settings.size
    currents = np.tile([settings.current_x, settings.current_y], (settings.frames, 1))
    rng = np.random.default_rng(settings.seed)
    temperature_TYX: NDArray[np.float32] = np.empty((settings.frames, n, n), dtype=np.float32)
    gauss = gaussian_frames(rng, n, settings.length_cells, settings.renewal_h, currents)
    for t, gauss_YX in enumerate(gauss):
        temperature_TYX[t] = settings.mean + settings.spread * gauss_YX
    return gridded(
        "temperature",
        temperature_TYX,
        60,
        {"long_name": "simulated temperature of a slow current", "units": "degC"},
        {
            "title": "Simulated field that drifts slowly",
            "source": "stochastic simulation, data/drift.py",
            "references": REFERENCE,
            **asdict(settings),
        },
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 failed; wrong use exits with 2."""
    return run_command(
        f"{__package__}.drift",
        "Simulate a field that drifts slowly.",
        DriftSettings,
        simulate,
        argv,
    )


if __name__ == "__main__":
    sys.exit(main())
