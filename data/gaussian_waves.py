"""A Gaussian random field that is carried along and slowly renewed, wavenumber by wavenumber.

Each wavenumber k on a periodic grid follows
``a(k, t+1) = r exp(-i k.u(t)) a(k, t) + sqrt(1 - r^2) noise(k)``, with r = exp(-1 / renewal)
and the spectrum (1 + (k L)^2)^-3. This is the spectral advection equation of Sigrist, Kuensch and
Stahel (arXiv:1204.6118), without diffusion, with one renewal time for every wavenumber.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REFERENCE = "Sigrist, Kuensch and Stahel, arXiv:1204.6118"
# Exponent of the spectrum: smooth enough for a gradient to exist in every cell, rough enough to
# leave power in the smallest scales for a spectral guard to look at.
_SPECTRUM_POWER = 3.0


def gaussian_frames(
    rng: np.random.Generator, size: int, length_cells: float, renewal_frames: float, winds: Floats
) -> Iterator[Floats]:
    """Yield the field frame by frame (size, size), each with mean 0 and variance 1 over the grid.

    Args:
        rng: Draws the noise, and nothing else.
        size: Cells along each side of the grid.
        length_cells: Length L in the spectrum, in cells.
        renewal_frames: Frames after which 1/e of a wave is left.
        winds: Wind (x, y) of every frame in cells per frame, shape (frames, 2).
    """
    k_y = 2 * np.pi * np.fft.fftfreq(size)[:, None]
    k_x = 2 * np.pi * np.fft.rfftfreq(size)[None, :]
    amplitude = (1 + (k_y**2 + k_x**2) * length_cells**2) ** (-_SPECTRUM_POWER / 2)
    amplitude[0, 0] = 0.0
    if size % 2 == 0:  # a shift by part of a cell has no meaning at the Nyquist wavenumber
        amplitude[size // 2, :] = 0.0
        amplitude[:, -1] = 0.0
    keep = math.exp(-1 / renewal_frames)
    renew = math.sqrt(1 - keep**2)

    waves = amplitude * np.fft.rfft2(rng.standard_normal((size, size)))
    for wind_x, wind_y in winds:
        gauss_YX = np.fft.irfft2(waves, s=(size, size))
        # Without this the luck of a few large waves moves the mean peak of a 600-frame run by 10 %.
        yield gauss_YX / gauss_YX.std()
        drift = np.exp(-1j * (k_x * wind_x + k_y * wind_y))
        noise = amplitude * np.fft.rfft2(rng.standard_normal((size, size)))
        waves = keep * drift * waves + renew * noise
