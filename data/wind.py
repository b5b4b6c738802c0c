"""A wind that changes at random: a mean plus an Ornstein-Uhlenbeck process."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def gusty_wind(
    rng: np.random.Generator,
    frames: int,
    mean: tuple[float, float],
    spread: float,
    memory_frames: float,
) -> NDArray[np.float64]:
    """Return the wind (x, y) of every frame in cells per frame, shape (frames, 2).

    It begins in its stationary state, and a longer wind begins with a shorter one.

    Args:
        rng: Draws the gusts, and nothing else.
        frames: Number of frames.
        mean: Mean wind (x, y) in cells per frame.
        spread: Standard deviation of each component in cells per frame.
        memory_frames: Frames after which 1/e of a gust is left.
    """
    shocks = rng.standard_normal((frames, 2))
    keep = math.exp(-1 / memory_frames)
    deviations = np.empty_like(shocks)
    deviations[0] = shocks[0]
    for t in range(1, frames):
        deviations[t] = keep * deviations[t - 1] + math.sqrt(1 - keep**2) * shocks[t]
    winds: NDArray[np.float64] = np.array(mean) + spread * deviations
    return winds
