"""Missing values: which cells take part at all, and how a gap in one of them is closed."""

import numpy as np
import numpy.typing as npt

from fields.errors import DataError

Array = npt.NDArray[np.float64]


def valid_cells(values_THW: Array, min_valid_share: float) -> npt.NDArray[np.bool_]:
    """Return the cells that have a value in at least the given share of the frames.

    Args:
        values_THW: Values with NaN where missing.
        min_valid_share: In (0, 1].

    Raises:
        DataError: If no cell has.
    """
    share_HW = np.isfinite(values_THW).mean(axis=0)
    mask_HW = share_HW >= min_valid_share
    if not share_HW.any():
        raise DataError(
            "all cells are missing in every frame; check the variable and its fill value"
        )
    if not mask_HW.any():
        raise DataError(
            f"no cell has a value in {min_valid_share:.0%} of the frames (the best has "
            f"{share_HW.max():.0%}); lower data.min_valid_share or choose another period"
        )
    return np.asarray(mask_HW, dtype=np.bool_)


def fill_in_time(values_THW: Array, mask_HW: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    """Close gaps in the cells that take part with the last value known before them.

    Never with a later one: interpolation would put a piece of the frame that is to be predicted
    into the history it is predicted from. Only a gap at the very start takes the first value there
    is. Cells outside the mask become 0.

    Returns:
        The filled values [T, H, W] and the share of cells filled in each frame [T].
    """
    frames = values_THW.shape[0]
    cells_TN = values_THW[:, mask_HW]
    missing_TN = ~np.isfinite(cells_TN)
    when_T1 = np.arange(frames)[:, None]
    known_TN = np.maximum.accumulate(np.where(missing_TN, 0, when_T1), axis=0)
    first_N = np.argmin(missing_TN, axis=0)
    cells_TN = np.take_along_axis(cells_TN, np.maximum(known_TN, first_N), axis=0)
    filled_THW = np.zeros_like(values_THW)
    filled_THW[:, mask_HW] = cells_TN
    return filled_THW, missing_TN.mean(axis=1)
