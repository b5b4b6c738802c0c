"""The values of the valid cells of a series, read in pieces: it may be larger than memory.

Shape legend: T time, C channel, H rows, W columns, N values of a piece.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from fieldsharp.fields.series import BoolArray

Values = npt.NDArray[np.floating]
SUM_VALUES = 8192
"""Values that are added up by themselves: as many as NumPy converts to double precision at a time,
so that a mean has the bits of NumPy's own mean of all values."""
PIECE_VALUES = 128 * SUM_VALUES
FRAMES_A_SUM = 64
"""Frames that are added up by themselves, so that rounding errors stay small in a long series."""


def valid_values(values_TCHW: Values, mask_HW: BoolArray) -> Iterator[Values]:
    """Yield the values of the valid cells, frame after frame, in pieces of ``PIECE_VALUES``.

    The last piece may be shorter; how they are cut does not depend on how the series is stored.
    """
    everywhere = bool(mask_HW.all())
    frames = max(1, PIECE_VALUES // max(1, values_TCHW[:1].size))
    left_N = values_TCHW[:0].reshape(-1)
    for start in range(0, len(values_TCHW), frames):
        block_TCHW = values_TCHW[start : start + frames]
        block_N = (block_TCHW if everywhere else block_TCHW[..., mask_HW]).reshape(-1)
        left_N = np.concatenate([left_N, block_N]) if left_N.size else block_N
        whole = left_N.size - left_N.size % PIECE_VALUES
        for first in range(0, whole, PIECE_VALUES):
            yield left_N[first : first + PIECE_VALUES]
        left_N = left_N[whole:]
    if left_N.size:
        yield left_N


def sum_of(piece_N: Values, total: float) -> float:
    """Return a total to which the values of a piece are added, in double precision."""
    whole = piece_N.size - piece_N.size % SUM_VALUES
    sums = piece_N[:whole].reshape(-1, SUM_VALUES).sum(axis=1, dtype=np.float64).tolist()
    if piece_N.size > whole:
        sums.append(float(piece_N[whole:].sum(dtype=np.float64)))
    for added in sums:  # one after another, as NumPy does
        total += added
    return total


def mean_of_cells(values_TCHW: Values, mask_HW: BoolArray) -> npt.NDArray[np.float64]:
    """Return the mean of each cell over the frames [C, H, W]; 0 in masked cells."""
    total_CHW = np.zeros(values_TCHW.shape[1:])
    for start in range(0, len(values_TCHW), FRAMES_A_SUM):
        sum_CHW = np.zeros_like(total_CHW)
        for frame_CHW in values_TCHW[start : start + FRAMES_A_SUM]:
            np.add(sum_CHW, frame_CHW, out=sum_CHW, where=mask_HW)
        total_CHW += sum_CHW
    return np.asarray(total_CHW / len(values_TCHW))
