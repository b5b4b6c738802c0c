"""A sea beyond a wavy line along a side of a grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sea_mask(rng: np.random.Generator, shape: tuple[int, int], share: float) -> NDArray[np.bool_]:
    """Return True over sea: beyond a wavy line along a side of the grid.

    Args:
        rng: Draws the line and the side.
        shape: Rows and columns of the grid.
        share: Share of cells that are sea.
    """
    phases = [rng.uniform(0, 2 * np.pi) for _ in range(3)]
    turns = int(rng.integers(4))
    height, width = shape if turns % 2 == 0 else shape[::-1]
    line_Y = sum(
        0.1 / wave * np.cos(2 * np.pi * wave * np.arange(height) / height + phase)
        for wave, phase in zip((1, 2, 3), phases, strict=True)
    )
    distance_YX = np.arange(width)[None, :] / width + np.asarray(line_Y)[:, None]
    nearest = np.argsort(distance_YX, axis=None, kind="stable")[: round(share * height * width)]
    sea = np.zeros(height * width, dtype=np.bool_)
    sea[nearest] = True
    return np.rot90(sea.reshape(height, width), k=turns)
