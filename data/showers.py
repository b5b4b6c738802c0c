"""Seeded simulator of showers: most of the field is zero, rain cells are born, grow, move and die.

Storms are born at random in space and time (a Poisson process), and each bears rain cells about it
for as long as it lives: the cluster process of Cox and Isham 1988 (doi:10.1098/rspa.1988.0016).
Their rain cells are discs of a constant rate; here they are bells (a Gaussian in space) whose rate
grows and shrinks as a parabola over their life. All are carried by one wind, a mean plus an
Ornstein-Uhlenbeck process, and each cell moves a little of its own. Rates below a threshold are
zero. When a cell is born and how long it lives cannot be known before, so a forecast of least
square error has to blur.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .shower_settings import ShowerSettings
from .simulated_file import gridded, run_command
from .wind import gusty_wind

__all__ = ["ShowerSettings", "main", "simulate"]

Floats = NDArray[np.float64]

FRAME_MIN = 5
LIVES = 0.5, 1.5
"""Least and longest life, over the mean."""
# Streams of random numbers: each of its own, so that more frames change none of them.
_WIND, _BIRTHS = 0, 1
_SIZE_OF_RATE = 64
_LEAST_RADIUS = 0.6
"""Over the mean: the most is as far above it."""
REFERENCE = "Cox and Isham 1988, doi:10.1098/rspa.1988.0016"


@dataclass(frozen=True)
class _Storm:
    """A place that bears rain cells.

    Attributes:
        place: x and y at its birth, in cells of the grid, in the moving air.
        dies: Frame in which it bears none any more.
    """

    place: Floats
    dies: float


def simulate(settings: ShowerSettings) -> xr.Dataset:
    """Simulate the showers; the same settings give the same values, byte for byte.

    A longer run begins with the frames of a shorter one of the same seed.

    Args:
        settings: Validated parameters.

    Returns:
        A dataset with the variable ``rain`` (time, y, x) in mm h-1, float32, every five minutes
        from 2020-01-01, and every parameter among its attributes.
    """
    n = settings.size
    rain_TYX: NDArray[np.float32] = np.empty((settings.frames, n, n), dtype=np.float32)
    for t, rain_YX in enumerate(_frames(settings)):
        rain_TYX[t] = np.where(rain_YX < settings.threshold, 0.0, rain_YX)
    return gridded(
        "rain",
        rain_TYX,
        FRAME_MIN,
        {"long_name": "rate of simulated rain", "units": "mm h-1"},
        {
            "title": "Simulated showers",
            "source": "stochastic simulation, data/showers.py",
            "references": REFERENCE,
            **asdict(settings),
        },
    )


def _frames(settings: ShowerSettings) -> Iterator[Floats]:
    """Yield the rates frame by frame, in mm h-1, before small ones are cut off."""
    longest = (settings.storm_life_min + settings.cell_life_min) * LIVES[1] / FRAME_MIN
    spin_up = math.ceil(longest)  # no storm and no cell is older: then the state is stationary
    wind = gusty_wind(
        np.random.default_rng([settings.seed, _WIND]),
        spin_up + settings.frames,
        (settings.mean_wind_x, settings.mean_wind_y),
        settings.wind_spread,
        settings.wind_memory_min / FRAME_MIN,
    )
    carried = np.zeros(2)
    living = np.empty((0, 8))
    for t, born in enumerate(_births(settings, spin_up + settings.frames)):
        living = np.concatenate([living[living[:, 1] > t], born])
        if t >= spin_up:
            yield _rain(living, t, carried, settings.size)
        carried = carried + wind[t]


def _births(settings: ShowerSettings, frames: int) -> Iterator[Floats]:
    """Yield the rain cells that are born in each frame, shape (cells, 8).

    Columns: birth and death in frames, x and y at the birth in the moving air, own motion along x
    and y in cells per frame, radius in cells, highest rate in mm h-1.
    """
    rng = np.random.default_rng([settings.seed, _BIRTHS])
    area = (settings.size / _SIZE_OF_RATE) ** 2
    storms: list[_Storm] = []
    for t in range(frames):
        storms = [storm for storm in storms if storm.dies > t]
        for _ in range(rng.poisson(settings.storms_per_h * area * FRAME_MIN / 60)):
            life = settings.storm_life_min / FRAME_MIN * rng.uniform(*LIVES)
            birth = t - rng.uniform()  # at any moment of the five minutes before
            storms.append(_Storm(rng.uniform(0, settings.size, 2), birth + life))
        cells = []
        for storm in storms:
            for _ in range(rng.poisson(settings.cells_per_storm_h * FRAME_MIN / 60)):
                birth = t - rng.uniform()
                life = settings.cell_life_min / FRAME_MIN * rng.uniform(*LIVES)
                place = storm.place + settings.storm_radius_cells * rng.standard_normal(2)
                motion = settings.own_motion * rng.standard_normal(2)
                radius = settings.cell_radius_cells * rng.uniform(_LEAST_RADIUS, 2 - _LEAST_RADIUS)
                peak = rng.gamma(2.0, settings.mean_peak / 2.0)
                cells.append([birth, birth + life, *place, *motion, radius, peak])
        yield np.array(cells).reshape(-1, 8)


def _rain(living: Floats, t: int, carried: Floats, size: int) -> Floats:
    """Return the sum of all rain cells on the grid (size, size), whose edges are joined."""
    birth, death, x, y, motion_x, motion_y, radius, peak = living.T
    part = (t - birth) / (death - birth)
    rate = peak * 4 * part * (1 - part)
    across_NX = _profile(x + carried[0] + motion_x * (t - birth), radius, size)
    along_NY = _profile(y + carried[1] + motion_y * (t - birth), radius, size)
    rain_YX: Floats = np.einsum("n,ny,nx->yx", rate, along_NY, across_NX)
    return rain_YX


def _profile(place: Floats, radius: Floats, size: int) -> Floats:
    """Return exp(-distance^2 / (2 radius^2)) along one axis, shape (cells, size)."""
    offset = np.arange(size)[None, :] - place[:, None]
    distance = (offset + size / 2) % size - size / 2
    profile: Floats = np.exp(-0.5 * (distance / radius[:, None]) ** 2)
    return profile


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 failed; wrong use exits with 2."""
    return run_command(
        f"{__package__}.showers", "Simulate showers.", ShowerSettings, simulate, argv
    )


if __name__ == "__main__":
    sys.exit(main())
