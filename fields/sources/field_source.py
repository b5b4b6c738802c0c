"""What an opened field offers: what it is, and its values block by block.

Shape legend: T frames, H rows (y), W columns (x).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import xarray as xr

from fieldsharp.core.memory import Use
from fieldsharp.fields.coordinates.frames import Frames

Block = tuple[int, npt.NDArray[np.float64]]
"""Number of its first frame, and its values THW with NaN where one is missing."""


@dataclass(frozen=True)
class FieldHeader:
    """All of a field but its values.

    Attributes:
        name: Of the variable, without its group.
        shape: Number of frames, rows and columns.
        dims: Names of the time, y and x dimensions.
        frames: Time, lead and member of each frame.
        grid: Coordinates that do not depend on time.
        dtype: Of the values as a file gives them.
        attrs: Of the variable.
        file_attrs: Of the file.
    """

    name: str
    shape: tuple[int, int, int]
    dims: tuple[str, str, str]
    frames: Frames
    grid: xr.Dataset
    dtype: np.dtype[Any]
    attrs: dict[str, Any]
    file_attrs: dict[str, Any]


class FieldSource(Protocol):
    """An opened field.

    Its blocks are read once, from the first to the last, and then it is judged.
    """

    @property
    def header(self) -> FieldHeader:
        """All of the field but its values."""
        ...

    @property
    def frames_at_a_time(self) -> int:
        """Frames that are read from the file at a time, each chunk of it once."""
        ...

    def require_memory(self, use: Use, dtype: npt.DTypeLike) -> None:
        """Check that there is memory to hold all values and use them.

        Args:
            use: Memory that their use takes.
            dtype: Precision in which they are held.

        Raises:
            DataError: If there is too little.
        """
        ...

    def require_memory_for_blocks(self) -> None:
        """Check that there is memory to read a block at a time.

        Raises:
            DataError: If there is too little.
        """
        ...

    def blocks(self) -> Iterator[Block]:
        """Yield all values, in the order of frames.

        A block is overwritten once the next is asked for: whoever needs its values copies them.

        Raises:
            DataError: If a value is infinite in single precision, or the file cannot be read.
        """
        ...

    def judge(self, values_THW: npt.NDArray[np.floating]) -> bool:
        """Refuse undeclared fill values, and mark those that a file hints at as missing.

        Args:
            values_THW: All values as the blocks gave them, in any precision; changed in place. They
                are visited a frame at a time, and only if there is something to mark or to refuse,
                so that they may be a memory-mapped file.

        Returns:
            Whether values were marked as missing.

        Raises:
            DataError: If a number looks like a fill value that no file declares, or hardly a value
                is in the range declared as valid.
        """
        ...


def all_values(source: FieldSource, dtype: npt.DTypeLike) -> npt.NDArray[np.floating]:
    """Return all values of an opened field [T, H, W], checked and with NaN where one is missing.

    Raises:
        DataError: As ``FieldSource.blocks`` and ``FieldSource.judge``.
    """
    values_THW = np.empty(source.header.shape, dtype)
    for first, block_THW in source.blocks():
        values_THW[first : first + len(block_THW)] = block_THW
    source.judge(values_THW)
    return values_THW
