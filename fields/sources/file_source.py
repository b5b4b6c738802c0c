"""A variable of one opened file."""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import Use, require_memory
from fieldsharp.fields.coordinates.attached import with_coordinates
from fieldsharp.fields.coordinates.dimensions import field_dims, forecast_dims
from fieldsharp.fields.coordinates.frames import frames_of, grid_coordinates
from fieldsharp.fields.coordinates.selection import SelectOption
from fieldsharp.fields.coordinates.single_times import along, single_time
from fieldsharp.fields.files.addresses import Address, Location
from fieldsharp.fields.files.formats import pick_variable, unreadable
from fieldsharp.fields.files.missing_marks import without_marks
from fieldsharp.fields.files.read_size import block_memory, frames_at_a_time, memory_needed
from fieldsharp.fields.files.recognition import kind_of
from fieldsharp.fields.missing_values import MissingValues
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.sources.checked_blocks import checked_blocks
from fieldsharp.fields.sources.expver import EXPVER, versions_of
from fieldsharp.fields.sources.field_source import Block, FieldHeader

logger = logging.getLogger(__name__)
PAIRED_BYTES = 32
"""A value of a forecast with several frames of a time: its copy, and that of the truth."""
NUMPY = ("NumPy array", "NumPy archive")
"""Kinds of files, however they are named."""


@dataclass
class FileSource:
    """A variable of one opened file, see ``FieldSource``.

    Attributes:
        path: Of the file.
        variable: Its name, with its group.
        dataset: The opened file.
        stored: The variable as it is in the file.
        array: Its selected part, with its coordinates.
        dims: Dimensions that frames run along, then y and x.
        member: Which of them is of members.
        missing: Which values are missing.
        preliminary: Values that stand in where ``array`` has none, of ERA5's preliminary release.
    """

    path: Location
    variable: str
    dataset: xr.Dataset
    stored: xr.Variable
    array: xr.DataArray
    dims: tuple[str, ...]
    member: str | None
    missing: MissingValues
    preliminary: xr.DataArray | None = None

    @classmethod
    def of(
        cls,
        dataset: xr.Dataset,
        path: Location,
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
        stored_variable = stored.variable
        time = single_time(array, dataset)
        if time is not None:
            try:
                array = along(array, time)
            except Exception as error:  # a dimension is added to values that were read
                raise unreadable(path, error) from error
            stored_variable = _as_one_frame(stored.variable, str(time.name))
        both = versions_of(array) if not every_frame and EXPVER not in settings.select else None
        array = array if both is None else both.final
        array = array.rename(name.rpartition("/")[2])  # without its group
        dims: tuple[str, ...]
        if every_frame:
            array, dims, member = forecast_dims(array, settings.select, option)
        else:
            array, dims = field_dims(array, settings.select, option)
        missing = MissingValues.of(stored_variable, str(array.name), path, settings)
        found = cls(path, name, dataset, stored_variable, array, dims, member, missing)
        if both is not None:
            found.preliminary, _ = field_dims(both.preliminary, settings.select, option)
        return found

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
        in_memory = not isinstance(self.path, Address) and kind_of(self.path) in NUMPY
        held = self.array.nbytes if in_memory else 0
        needed = memory_needed(self.stored, self.array, self.dims, use, np.dtype(dtype), held)
        require_memory(needed, f"{self._what} holds {self.array.size} values and", use.processes)

    def require_memory_for_blocks(self) -> None:
        """Check that there is memory to read a block at a time."""
        needed = block_memory(self.stored, self.array, self.dims)
        require_memory(needed, f"{self._what}, read a part at a time,")

    def blocks(self, frames: range | None = None) -> Iterator[Block]:
        """Yield all values, or those of some frames, see ``FieldSource.blocks``."""
        at_a_time = frames_at_a_time(self.stored, self.array, self.dims)
        wanted = (self.dims, at_a_time, self.missing, frames)
        try:
            blocks = checked_blocks(self.array, *wanted)
            if self.preliminary is None:
                yield from blocks
                return
            others = checked_blocks(self.preliminary, *wanted)
            stand_in = 0
            for (first, final_THW), (_, other_THW) in zip(blocks, others, strict=True):
                from_other_THW = np.isnan(final_THW) & ~np.isnan(other_THW)
                stand_in += int(from_other_THW.any(axis=(1, 2)).sum())
                yield first, np.where(from_other_THW, other_THW, final_THW)
            if stand_in:
                logger.info(
                    "%d frames of %s have values of ERA5's preliminary release (expver 5) where "
                    "there is no final one",
                    stand_in,
                    self.path,
                )
        except DataError:
            raise
        except Exception as error:  # a damaged chunk is found only now
            raise unreadable(self.path, error) from error

    def judge(self, values_THW: npt.NDArray[np.floating]) -> bool:
        """Refuse or mark what looks like a fill value, see ``FieldSource.judge``."""
        return self.missing.judge(values_THW)

    @property
    def _what(self) -> str:
        return f"variable {self.array.name!r} in {self.path}"


def _as_one_frame(stored: xr.Variable, time: str) -> xr.Variable:
    """Return what is known of a stored variable, of one frame, without its values."""
    values = np.broadcast_to(np.zeros((), stored.dtype), (1, *stored.shape))
    return xr.Variable((time, *stored.dims), values, stored.attrs, stored.encoding)


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
