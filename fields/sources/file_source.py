"""A variable of one opened file."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import Use, require_memory
from fieldsharp.fields.coordinates.attached import with_coordinates
from fieldsharp.fields.coordinates.dimensions import field_dims, forecast_dims
from fieldsharp.fields.coordinates.frames import frames_of, grid_coordinates
from fieldsharp.fields.coordinates.selection import SelectOption
from fieldsharp.fields.files.formats import pick_variable, unreadable
from fieldsharp.fields.files.missing_marks import without_marks
from fieldsharp.fields.files.read_size import block_memory, frames_at_a_time, memory_needed
from fieldsharp.fields.files.recognition import kind_of
from fieldsharp.fields.missing_values import MissingValues
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.sources.checked_blocks import checked_blocks
from fieldsharp.fields.sources.field_source import Block, FieldHeader

PAIRED_BYTES = 32
"""A value of a forecast with several frames of a time: its copy, and that of the truth."""
NUMPY = ("NumPy array", "NumPy archive")
"""Kinds of files, however they are named."""


@dataclass
class FileSource:
    """A variable of one opened file, see ``FieldSource``.

    Attributes:
        path: Of the file.
        dataset: The opened file.
        stored: The variable as it is in the file.
        array: Its selected part, with its coordinates.
        dims: Dimensions that frames run along, then y and x.
        member: Which of them is of members.
        missing: Which values are missing.
    """

    path: Path
    dataset: xr.Dataset
    stored: xr.Variable
    array: xr.DataArray
    dims: tuple[str, ...]
    member: str | None
    missing: MissingValues

    @classmethod
    def of(
        cls,
        dataset: xr.Dataset,
        path: Path,
        settings: DataSettings,
        option: SelectOption,
        *,
        every_frame: bool,
    ) -> "FileSource":
        """Return the configured variable of an opened file.

        Args:
            dataset: The file.
            path: Of the file.
            settings: Which field.
            option: How dimensions were selected, for errors.
            every_frame: Whether there may be several frames of a time, of leads and members.

        Raises:
            DataError: If the variable is unknown, holds no real numbers or has no time.
        """
        name = pick_variable(dataset, settings.variable, str(path))
        stored = dataset[name]
        _require_numbers(stored)
        array, member = with_coordinates(dataset, name), None
        array = array.rename(name.rpartition("/")[2])  # without its group
        dims: tuple[str, ...]
        if every_frame:
            array, dims, member = forecast_dims(array, settings.select, option)
        else:
            array, dims = field_dims(array, settings.select, option)
        missing = MissingValues.of(stored.variable, str(array.name), settings)
        return cls(path, dataset, stored.variable, array, dims, member, missing)

    @cached_property
    def header(self) -> FieldHeader:
        """All of the field but its values."""
        *along, y, x = self.dims
        array, of_frames = self.array, tuple(along)
        try:
            frames = frames_of(array, of_frames, self.member)
            grid = xr.Dataset(coords=grid_coordinates(array, of_frames, y, x)).load()
        except DataError:
            raise
        except Exception as error:  # a damaged chunk is found only now
            raise unreadable(self.path, error) from error
        sizes = array.sizes
        return FieldHeader(
            name=str(array.name),
            shape=(math.prod(sizes[dim] for dim in along), sizes[y], sizes[x]),
            dims=(frames.name, y, x),
            frames=frames,
            grid=grid,
            dtype=array.dtype,
            attrs=without_marks(array.attrs),  # of stored values, all NaN by now
            file_attrs=dict(self.dataset.attrs),
        )

    @property
    def frames_at_a_time(self) -> int:
        """Frames that are read from the file at a time, each chunk of it once."""
        each = math.prod(self.array.sizes[dim] for dim in self.dims[1:-2])
        return each * frames_at_a_time(self.stored, self.array, self.dims)

    def require_memory(self, use: Use, dtype: npt.DTypeLike) -> None:
        """Check that there is memory to hold all values and use them."""
        if len(self.dims) > 3:
            use = replace(use, bytes_a_value=use.bytes_a_value + PAIRED_BYTES)
        # NumPy files are in memory as a whole until they are read.
        held = self.array.nbytes if kind_of(self.path) in NUMPY else 0
        needed = memory_needed(self.stored, self.array, self.dims, use, np.dtype(dtype), held)
        require_memory(needed, f"{self._what} holds {self.array.size} values and", use.processes)

    def require_memory_for_blocks(self) -> None:
        """Check that there is memory to read a block at a time."""
        needed = block_memory(self.stored, self.array, self.dims)
        require_memory(needed, f"{self._what}, read a part at a time,")

    def blocks(self) -> Iterator[Block]:
        """Yield all values, see ``FieldSource.blocks``."""
        at_a_time = frames_at_a_time(self.stored, self.array, self.dims)
        try:
            yield from checked_blocks(self.array, self.dims, at_a_time, self.missing)
        except DataError:
            raise
        except Exception as error:  # a damaged chunk is found only now
            raise unreadable(self.path, error) from error

    def judge(self, values_THW: npt.NDArray[np.floating]) -> None:
        """Refuse or mark what looks like a fill value, see ``FieldSource.judge``."""
        self.missing.judge(values_THW)

    @property
    def _what(self) -> str:
        return f"variable {self.array.name!r} in {self.path}"


def _require_numbers(array: xr.DataArray) -> None:
    if array.dtype.kind not in "iuf":
        raise DataError(
            f"variable {array.name!r} holds {array.dtype}, not real numbers; choose another "
            "variable"
        )
    if array.size == 0:
        raise DataError(
            f"variable {array.name!r} holds no values: its shape is {array.shape}; choose another "
            "variable or file"
        )
