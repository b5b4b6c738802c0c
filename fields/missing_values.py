"""Missing values: the mask of valid cells, and gaps in them filled in time."""

import numpy as np
import numpy.typing as npt

from fieldsharp.core.errors import DataError

Array = npt.NDArray[np.floating]


def valid_cells(values_THW: Array, min_valid_share: float) -> npt.NDArray[np.bool_]:
    """Return the cells that have a value in at least the given share of the frames.

    Args:
        values_THW: Values with NaN where missing.
        min_valid_share: In (0, 1].

    Raises:
        DataError: If no cell does.
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
    """Fill gaps in valid cells with the last value before them.

    Never with a later one: interpolation would put a piece of the frame that is to be predicted
    into the history it is predicted from. Only a gap at the start takes the first value of its
    cell. Cells outside the mask become 0.

    Returns:
        The filled values [T, H, W] and the share of cells filled in each frame [T].
    """
    missing_THW = ~np.isfinite(values_THW)
    filled_THW = values_THW.copy()
    first_HW = np.argmin(missing_THW, axis=0)  # 0 as well where a cell has no value at all
    np.copyto(filled_THW[0], np.take_along_axis(values_THW, first_HW[None], axis=0)[0])
    for frame in range(1, len(filled_THW)):
        np.copyto(filled_THW[frame], filled_THW[frame - 1], where=missing_THW[frame])
    filled_THW[:, ~mask_HW] = 0
    return filled_THW, np.array([missing_HW[mask_HW].mean() for missing_HW in missing_THW])
