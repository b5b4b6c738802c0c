"""The step that most neighbouring positions of a series are apart."""

import numpy as np
import numpy.typing as npt


def usual_step(apart: npt.NDArray[np.int64]) -> int | None:
    """Return the whole number of positions between most neighbours; None if there is none.

    A missing frame makes a multiple of the step. A step between neighbours that is shorter than the
    usual one, or one that is no multiple of it and less than half of it longer, is not made by
    missing frames.
    """
    if len(apart) == 0:
        return None
    values, counts = np.unique(apart, return_counts=True)
    step = int(values[0])
    if step < 1:
        return None
    others = values[values % step != 0]
    # With gaps that are no multiples, half of the steps could be another spacing.
    usual_enough = 2 * counts[0] > len(apart) - (len(others) == 0)
    if not usual_enough or (others < 1.5 * step).any():
        return None
    return step
