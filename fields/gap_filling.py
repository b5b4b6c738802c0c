"""Which cells of a field are known often enough, and the filling of their gaps, block by block.

A field that is read block by block is filled as one that is in memory as a whole.
Shape legend: T frames of a block, H rows (y), W columns (x).
"""

import numpy as np
import numpy.typing as npt

from fieldsharp.core.errors import DataError
from fieldsharp.fields.series import BoolArray

Array = npt.NDArray[np.floating]


class KnownCells:
    """In how many frames each cell has a value, and the first one; NaN where one is missing.

    Attributes:
        frames: That were added.
        first_HW: First value of each cell, NaN where it has none.
    """

    def __init__(self, values_THW: Array) -> None:
        self.frames = 0
        self.first_HW = np.full(values_THW.shape[1:], np.nan, values_THW.dtype)
        self._missing_HW = np.zeros(values_THW.shape[1:], np.int64)
        self.add(values_THW)

    def add(self, values_THW: Array) -> None:
        """Add the frames that follow."""
        missing_THW = ~np.isfinite(values_THW)
        unseen_HW = self._missing_HW == self.frames
        if missing_THW.any():
            first_HW = np.argmin(missing_THW, axis=0)[None]  # 0 as well where there is no value
            found_HW = np.take_along_axis(values_THW, first_HW, axis=0)[0]
            np.copyto(self.first_HW, found_HW, where=unseen_HW)
            self._missing_HW += missing_THW.sum(axis=0)
        elif unseen_HW.any():
            np.copyto(self.first_HW, values_THW[0], where=unseen_HW)
        self.frames += len(values_THW)

    @property
    def has_gaps(self) -> bool:
        """Whether a value is missing anywhere."""
        return bool(self._missing_HW.any())

    def valid_cells(self, min_valid_share: float, name: str) -> BoolArray:
        """Return the cells that have a value in at least the given share of the frames.

        Args:
            min_valid_share: In (0, 1].
            name: Of the variable, for errors.

        Raises:
            DataError: If no cell does.
        """
        share_HW = (self.frames - self._missing_HW) / self.frames
        mask_HW = share_HW >= min_valid_share
        if not share_HW.any():
            raise DataError(
                f"all cells of variable {name!r} are missing in every frame; check the variable "
                "and its fill value"
            )
        if not mask_HW.any():
            raise DataError(
                f"no cell of variable {name!r} has a value in {min_valid_share:.0%} of the frames "
                f"(the best has {share_HW.max():.0%}); lower data.min_valid_share or choose "
                "another period"
            )
        return np.asarray(mask_HW, dtype=np.bool_)


class GapFiller:
    """Fills gaps in valid cells with the last value before them, block after block.

    Never with a later one: interpolation would put a piece of the frame that is to be predicted
    into the history it is predicted from. Only a gap at the start takes the first value of its
    cell. Cells outside the mask become 0.
    """

    def __init__(self, mask_HW: BoolArray, first_HW: Array) -> None:
        self._mask_HW = mask_HW
        self._last_HW = first_HW

    def fill(self, values_THW: Array) -> Array:
        """Fill the frames that follow, in place; return the share filled in each of them [T]."""
        missing_THW = ~np.isfinite(values_THW)
        if missing_THW.any():
            last_HW = self._last_HW
            for values_HW, missing_HW in zip(values_THW, missing_THW, strict=True):
                np.copyto(values_HW, last_HW, where=missing_HW)
                last_HW = values_HW
        self._last_HW = values_THW[-1].copy()
        values_THW[:, ~self._mask_HW] = 0
        return np.array([missing_HW[self._mask_HW].mean() for missing_HW in missing_THW])
