"""Seeded simulator of plumes that drift over a coast, for tests that must know the truth.

The concentration is ``offset + scale * exp(log_spread * G)``, where G is the Gaussian random field
of ``data.gaussian_waves``: carried by one wind, and slowly replaced by new plumes. The wind is a
mean plus an Ornstein-Uhlenbeck process, so where a plume will be, and whether it will still be
there, is uncertain: a forecast of least square error has to blur.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .coast import sea_mask
from .gaussian_waves import REFERENCE, gaussian_frames
from .plume_settings import PlumeSettings
from .simulated_file import gridded, run_command
from .wind import gusty_wind

__all__ = ["PlumeSettings", "main", "simulate"]

# Streams of random numbers: each of its own, so that more frames never move the coast.
_COAST, _WIND, _WAVES = 0, 1, 2


def simulate(settings: PlumeSettings) -> xr.Dataset:
    """Simulate the plumes; the same settings give the same values, byte for byte.

    A longer run begins with the frames of a shorter one of the same seed.

    Args:
        settings: Validated parameters.

    Returns:
        A dataset with the variable ``plume`` (time, y, x) in ug m-3, float32, NaN over sea, hourly
        from 2020-01-01, and every parameter among its attributes.
    """
    n = settings.size
    coast, wind, waves = (
        np.random.default_rng([settings.seed, s]) for s in (_COAST, _WIND, _WAVES)
    )
    winds = gusty_wind(
        wind,
        settings.frames,
        (settings.mean_wind_x, settings.mean_wind_y),
        settings.wind_spread,
        settings.wind_memory_h,
    )
    plume_TYX: NDArray[np.float32] = np.empty((settings.frames, n, n), dtype=np.float32)
    gauss = gaussian_frames(waves, n, settings.length_cells, settings.renewal_h, winds)
    for t, gauss_YX in enumerate(gauss):
        plume_TYX[t] = settings.offset + settings.scale * np.exp(settings.log_spread * gauss_YX)
    plume_TYX[:, sea_mask(coast, (n, n), settings.sea_share)] = np.nan
    return gridded(
        "plume",
        plume_TYX,
        60,
        {"long_name": "concentration of a simulated tracer", "units": "ug m-3"},
        {
            "title": "Simulated plumes drifting over a coast",
            "source": "stochastic simulation, data/plumes.py",
            "references": REFERENCE,
            **asdict(settings),
        },
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 failed; wrong use exits with 2."""
    return run_command(f"{__package__}.plumes", "Simulate plumes.", PlumeSettings, simulate, argv)


if __name__ == "__main__":
    sys.exit(main())
