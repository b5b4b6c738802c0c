"""Seeded simulator of plumes that drift over a coast, for tests that must know the truth.

The concentration is ``offset + scale * exp(log_spread * G)``, where G is a Gaussian random field
on a periodic grid. Each wavenumber k of G follows
``a(k, t+1) = r exp(-i k.u(t)) a(k, t) + sqrt(1 - r^2) noise(k)``: carried by one wind u, and slowly
replaced by new plumes. The wind is a mean plus an Ornstein-Uhlenbeck process, so where a plume will
be, and whether it will still be there, is uncertain: a forecast of least square error has to blur.
This is the spectral advection equation of Sigrist, Kuensch and Stahel (arXiv:1204.6118), without
diffusion, with one renewal time for every wavenumber, and with a wind that changes.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data.plume_settings import PlumeSettings
from fieldsharp.core.partial_file import USUAL_MODE, make_empty, partial_path

__all__ = ["PlumeSettings", "main", "simulate"]

Floats = NDArray[np.float64]

_START = np.datetime64("2020-01-01T00:00:00", "ns")
# Exponent of the spectrum (1 + (k L)^2)^-3: smooth enough for a gradient to exist in every cell,
# rough enough to leave power in the smallest scales for a spectral guard to look at.
_SPECTRUM_POWER = 3.0
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
    plume_TYX = np.empty((settings.frames, n, n), dtype=np.float32)
    for t, gauss_YX in enumerate(_gaussian_frames(settings)):
        plume_TYX[t] = settings.offset + settings.scale * np.exp(settings.log_spread * gauss_YX)
    plume_TYX[:, _sea_mask(settings)] = np.nan
    time = _START + np.arange(settings.frames) * np.timedelta64(1, "h")
    cells = np.arange(n, dtype=np.int32)
    return xr.Dataset(
        {
            "plume": (
                ("time", "y", "x"),
                plume_TYX,
                {"long_name": "concentration of a simulated tracer", "units": "ug m-3"},
            )
        },
        coords={
            "time": ("time", time, {"standard_name": "time", "axis": "T"}),
            "y": ("y", cells, {"long_name": "cell number along y", "units": "1", "axis": "Y"}),
            "x": ("x", cells, {"long_name": "cell number along x", "units": "1", "axis": "X"}),
        },
        attrs={
            "Conventions": "CF-1.8",
            "title": "Simulated plumes drifting over a coast",
            "source": "stochastic simulation, data/plumes.py",
            "references": "Sigrist, Kuensch and Stahel, arXiv:1204.6118",
            **asdict(settings),
        },
    )


def _gaussian_frames(settings: PlumeSettings) -> Iterator[Floats]:
    """Yield G frame by frame, each with mean 0 and variance 1 over the grid."""
    n = settings.size
    k_y = 2 * np.pi * np.fft.fftfreq(n)[:, None]
    k_x = 2 * np.pi * np.fft.rfftfreq(n)[None, :]
    amplitude = (1 + (k_y**2 + k_x**2) * settings.length_cells**2) ** (-_SPECTRUM_POWER / 2)
    amplitude[0, 0] = 0.0
    if n % 2 == 0:  # a shift by part of a cell has no meaning at the Nyquist wavenumber
        amplitude[n // 2, :] = 0.0
        amplitude[:, -1] = 0.0
    rng = np.random.default_rng([settings.seed, _WAVES])
    keep = math.exp(-1 / settings.renewal_h)
    renew = math.sqrt(1 - keep**2)

    waves = amplitude * np.fft.rfft2(rng.standard_normal((n, n)))
    for wind_x, wind_y in _winds(settings):
        gauss_YX = np.fft.irfft2(waves, s=(n, n))
        # Without this the luck of a few large waves moves the mean peak of a 600-frame run by 10 %.
        yield gauss_YX / gauss_YX.std()
        drift = np.exp(-1j * (k_x * wind_x + k_y * wind_y))
        noise = amplitude * np.fft.rfft2(rng.standard_normal((n, n)))
        waves = keep * drift * waves + renew * noise


def _winds(settings: PlumeSettings) -> Floats:
    """Return the wind (x, y) of every frame in cells per hour, shape (frames, 2)."""
    rng = np.random.default_rng([settings.seed, _WIND])
    shocks = rng.standard_normal((settings.frames, 2))
    keep = math.exp(-1 / settings.wind_memory_h)
    deviations = np.empty_like(shocks)
    deviations[0] = shocks[0]  # begins in the stationary state: no spin-up to throw away
    for t in range(1, settings.frames):
        deviations[t] = keep * deviations[t - 1] + math.sqrt(1 - keep**2) * shocks[t]
    mean = np.array([settings.mean_wind_x, settings.mean_wind_y])
    winds: Floats = mean + settings.wind_spread * deviations
    return winds


def _sea_mask(settings: PlumeSettings) -> NDArray[np.bool_]:
    """Return True over sea: beyond a wavy line along a side of the grid that the seed picks."""
    n = settings.size
    rng = np.random.default_rng([settings.seed, _COAST])
    along = np.arange(n) / n
    line = sum(
        0.1 / wave * np.cos(2 * np.pi * wave * along + rng.uniform(0, 2 * np.pi))
        for wave in (1, 2, 3)
    )
    distance_YX = along[None, :] + np.asarray(line)[:, None]
    nearest = np.argsort(distance_YX, axis=None, kind="stable")[: round(settings.sea_share * n * n)]
    sea = np.zeros(n * n, dtype=np.bool_)
    sea[nearest] = True
    return np.rot90(sea.reshape(n, n), k=int(rng.integers(4)))


def write(dataset: xr.Dataset, path: Path) -> None:
    """Write the dataset to netCDF under another name, then rename: no half-written file."""
    partial = partial_path(path)
    encoding: dict[str, dict[str, object]] = {
        "plume": {"zlib": True, "complevel": 4},
        "time": {"units": "hours since 2020-01-01", "dtype": "int64"},
    }
    try:
        make_empty(partial, USUAL_MODE)
        dataset.to_netcdf(partial, engine="h5netcdf", encoding=encoding)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 failed; wrong use exits with 2."""
    parser = argparse.ArgumentParser(prog="python -m data.plumes", description="Simulate plumes.")
    parser.add_argument("-o", "--output", type=Path, required=True, help="netCDF file to write")
    parser.add_argument("--frames", type=int, default=PlumeSettings.frames, help="hourly frames")
    parser.add_argument("--seed", type=int, default=PlumeSettings.seed, help="0 or more")
    parser.add_argument("--size", type=int, default=PlumeSettings.size, help="cells along a side")
    args = parser.parse_args(argv)
    try:
        settings = PlumeSettings(frames=args.frames, size=args.size, seed=args.seed)
    except ValueError as error:
        parser.error(str(error))
    if not args.output.parent.is_dir():
        parser.error(f"the folder {args.output.parent} of the output is missing: create it first.")
    try:
        write(simulate(settings), args.output)
    except OSError as error:
        print(f"cannot write {args.output} ({error}): choose another place.", file=sys.stderr)
        return 1
    except MemoryError as error:
        print(f"{error}: ask for fewer --frames or a smaller --size.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
