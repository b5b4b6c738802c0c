"""A jump of a series to another order of magnitude: what a change of unit looks like."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FACTOR = 10.0
"""A jump is of at least so much, and all frames after it are apart from all before by as much."""
NEARLY_ALL = (5.0, 95.0)
"""Percentiles that stand for all frames of a side, so that single frames may stray."""
TINY_SHARE = 1e-6


@dataclass(frozen=True)
class UnitJump:
    """Where the values change, and by what.

    Attributes:
        frame: First frame of the other level.
        factor: Values from there on over values before.
    """

    frame: int
    factor: float


def largest_unit_jump(values_TCN: npt.NDArray[np.float32]) -> UnitJump | None:
    """Return where the root mean square of the frames leaves its order of magnitude for good.

    Rain that comes and goes is no jump: both sides of one must be of a kind in themselves.

    Args:
        values_TCN: Valid cells of every frame, physical units.
    """
    if len(values_TCN) < 2:
        return None
    sizes_T = np.sqrt(np.square(values_TCN, dtype=np.float64).mean(axis=(1, 2)))
    logs_T = np.log(np.maximum(sizes_T, TINY_SHARE * sizes_T.max() + 1e-300))
    frame = int(np.argmax(np.abs(np.diff(logs_T)))) + 1
    before, after = logs_T[:frame], logs_T[frame:]
    upward = bool(np.median(after) > np.median(before))
    lower, upper = (before, after) if upward else (after, before)
    apart = np.percentile(upper, NEARLY_ALL[0]) - np.percentile(lower, NEARLY_ALL[1])
    if apart < np.log(FACTOR):
        return None
    return UnitJump(frame, float(np.exp(np.median(after) - np.median(before))))
