"""Whether a forecast file follows the truth in time, or would fit better in another order.

Correlations with a short truth cannot tell: over two days that differ little, a reversed forecast
correlates with the truth. Shape legend: T frames, N cells known in all frames.
"""

import math

import numpy as np
import numpy.typing as npt

from fieldsharp.fields.pairing import FramePairs
from fieldsharp.objectives.guards import LARGEST_VIOLATION, GuardOutcome

ORDER = "order"
LEAST_FRAMES = 20
WHAT_ORDER_NEEDS = (
    f"which needs {LEAST_FRAMES} frames in both files and a cell that has a value in all of them"
)
MOST_FRAMES = 400
"""Of more frames so many are taken, at equal steps."""
LARGEST_RATIO = 2.5
"""Honest forecasts reach 2.3 on 40 frames of a field with a daily cycle, 1.3 on 60."""


def check_order(pairs: FramePairs) -> GuardOutcome | None:
    """Return the outcome of the guard ``order``; None with too few frames or no cell known in all.

    Its value is the RMSE of the frames at their own times over the RMSE of the same frames paired
    with the truth in another order: reversed, with its halves exchanged, or shifted by at least a
    quarter of the frames, each over the frames that have a partner; of these orders the largest.
    """
    known_HW = pairs.known_THW.all(axis=0)
    if len(pairs.frames) < LEAST_FRAMES or not known_HW.any():
        return None
    step = math.ceil(len(pairs.frames) / MOST_FRAMES)
    pred_TN = pairs.pred_THW[::step, known_HW].astype(np.float64)
    target_TN = pairs.target_THW[::step, known_HW].astype(np.float64)
    value = _largest_ratio(pred_TN, target_TN)
    excess = value - LARGEST_RATIO
    return GuardOutcome(
        name=ORDER,
        value=value,
        limit=LARGEST_RATIO,
        ok=excess <= 0.0,
        violation=min(excess / LARGEST_RATIO, LARGEST_VIOLATION),
        words="its frames match the truth far better in another order than at their own times",
    )


def _largest_ratio(pred_TN: npt.NDArray[np.float64], target_TN: npt.NDArray[np.float64]) -> float:
    level = target_TN.mean()  # the products below would lose a small departure from a large level
    pred_TN, target_TN = pred_TN - level, target_TN - level
    squares_TT = np.square(pred_TN).mean(axis=1)[:, None] + np.square(target_TN).mean(axis=1)
    squares_TT -= 2.0 * pred_TN @ target_TN.T / pred_TN.shape[1]
    floor = 1e-9 * squares_TT.max()
    squares_TT = squares_TT.clip(min=floor)
    own_T = squares_TT.diagonal()
    frames = np.arange(len(own_T))
    far = len(frames) // 4

    def ratio(which: npt.NDArray[np.int64], partner: npt.NDArray[np.int64]) -> float:
        other = squares_TT[which, partner].mean()
        return math.sqrt(own_T[which].mean() / other) if other > 0.0 else 0.0

    moved = frames[np.abs(frames[::-1] - frames) > far]
    ratios = [ratio(moved, frames[::-1][moved])]
    ratios.append(ratio(frames, (frames + len(frames) // 2) % len(frames)))
    for shift in range(far, len(frames) - far + 1):
        ratios += [ratio(frames[shift:], frames[:-shift]), ratio(frames[:-shift], frames[shift:])]
    return max(ratios)
