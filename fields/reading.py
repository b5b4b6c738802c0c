"""Reads one variable of a file as a field, with all its contents checked."""

import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import Use, require_memory
from fieldsharp.core.printable import printable
from fieldsharp.fields.coordinates.attached import with_coordinates
from fieldsharp.fields.coordinates.dimensions import field_dims, forecast_dims
from fieldsharp.fields.coordinates.frames import frames_of, grid_coordinates
from fieldsharp.fields.coordinates.selection import DATA_SELECT, SelectOption
from fieldsharp.fields.files.formats import (
    open_dataset,
    pick_variable,
    unreadable,
    without_known_warnings,
)
from fieldsharp.fields.files.missing_marks import without_marks
from fieldsharp.fields.files.read_size import frames_at_a_time, memory_needed
from fieldsharp.fields.files.recognition import kind_of
from fieldsharp.fields.files.rewriting import copy_with
from fieldsharp.fields.missing_values import MissingValues, fill_in_time, valid_cells
from fieldsharp.fields.series import FieldSeries
from fieldsharp.fields.settings import DataSettings

SERIES = Use(bytes_a_value=11)
"""Single precision, its copy without gaps, and where it had some."""
RAW = Use(bytes_a_value=8)
"""Double precision."""
PAIRED_BYTES = 32
"""A value of a forecast with several frames of a time: its copy, and that of the truth."""
NUMPY = ("NumPy array", "NumPy archive")
"""Kinds of files, however they are named."""
PIECE_VALUES = 2**20
"""Values that are checked and rounded at a time."""


def read_series(settings: DataSettings, use: Use = SERIES) -> FieldSeries:
    """Read the configured variable as a series without gaps.

    Raises:
        DataError: If the file is missing or unreadable, the variable is unknown, there is no time
            dimension, time does not increase, all cells are missing, a value is infinite, or there
            is too little memory.
    """
    raw = read_raw(settings, use, np.float32)
    mask_HW = valid_cells(raw.values_THW, settings.min_valid_share)
    filled_THW, filled_T = fill_in_time(raw.values_THW, mask_HW)
    return FieldSeries(
        values_TCHW=filled_THW[:, None],
        mask_HW=mask_HW,
        time=raw.time,
        # Both are shown on terminals, and a file may say anything.
        units=printable(str(raw.array.attrs.get("units", ""))),
        name=printable(str(raw.array.name)),
        filled_T=filled_T.astype(np.float32),
        dims=raw.dims,
        grid=raw.grid,
        time_attrs=raw.time_attrs,
        attrs=dict(raw.array.attrs),
        file_attrs=raw.file_attrs,
    )


@dataclass(frozen=True)
class RawField:
    """A variable as stored in its file, NaN where a value is missing.

    Attributes:
        values_THW: Physical values.
        time: Time that each frame holds for; frame numbers where the file has none. It increases,
            except in a forecast with several leads or members, which has several frames of a time.
        has_time: Whether the file has a time coordinate.
        dims: Names of the time, y and x dimensions.
        grid: Coordinates that do not depend on time.
        array: The variable with its attributes and no frame.
        file_attrs: Attributes of the file.
        time_attrs: Attributes of the time coordinate, among them the units of numeric time.
        lead_T: How far ahead each frame was forecast; None where the file does not say.
        member_T: Member of the ensemble of each frame; None where there are not several.
    """

    values_THW: npt.NDArray[np.floating]
    time: npt.NDArray[Any]
    has_time: bool
    dims: tuple[str, str, str]
    grid: xr.Dataset
    array: xr.DataArray
    file_attrs: dict[str, Any]
    time_attrs: dict[str, Any] = field(default_factory=dict)
    lead_T: npt.NDArray[np.timedelta64] | None = None
    member_T: tuple[str, ...] | None = None


def read_raw(
    settings: DataSettings,
    use: Use = RAW,
    dtype: npt.DTypeLike = np.float64,
    option: SelectOption = DATA_SELECT,
) -> RawField:
    """Read the configured variable with its gaps, one frame at each time.

    Args:
        settings: Which field.
        use: Memory that its use takes.
        dtype: Precision of the values, single or double.
        option: How dimensions were selected, for errors.

    Raises:
        DataError: As ``read_series``, but for cells that are all missing; if a number looks like an
            undeclared fill value, or hardly a value is in the range declared as valid.
    """
    return _read(settings, use, dtype, option, every_frame=False)


def read_forecast(settings: DataSettings, option: SelectOption, use: Use = RAW) -> RawField:
    """Read a forecast: frames of all its reference times, leads and members, in double precision.

    Args:
        settings: Which field.
        option: How dimensions were selected, for errors.
        use: Memory that its use takes.

    Raises:
        DataError: As ``read_raw``, but for several leads and members.
    """
    return _read(settings, use, np.float64, option, every_frame=True)


@without_known_warnings()
def _read(
    settings: DataSettings,
    use: Use,
    dtype: npt.DTypeLike,
    option: SelectOption,
    *,
    every_frame: bool,
) -> RawField:
    with open_dataset(Path(settings.path), settings.variable) as dataset:
        name = pick_variable(dataset, settings.variable, settings.path)
        stored = dataset[name]
        _require_numbers(stored)
        array, member = with_coordinates(dataset, name), None
        array = array.rename(name.rpartition("/")[2])  # without its group
        dims: tuple[str, ...]
        if every_frame:
            array, dims, member = forecast_dims(array, settings.select, option)
        else:
            array, dims = field_dims(array, settings.select, option)
        *along, y, x = dims
        of_frames = tuple(along)
        if len(along) > 1:
            use = replace(use, bytes_a_value=use.bytes_a_value + PAIRED_BYTES)
        # NumPy files are in memory as a whole until they are read.
        held = array.nbytes if kind_of(Path(settings.path)) in NUMPY else 0
        require_memory(
            memory_needed(stored.variable, array, dims, use, np.dtype(dtype), held),
            f"variable {array.name!r} in {settings.path} holds {array.size} values and",
            use.processes,
        )
        try:
            frames = frames_of(array, of_frames, member)
            at_a_time = frames_at_a_time(stored.variable, array, dims)
            missing = MissingValues.of(stored.variable, str(array.name), settings)
            values = _finite_or_missing(array, dims, at_a_time, dtype, missing)
            grid = xr.Dataset(coords=grid_coordinates(array, of_frames, y, x)).load()
        except DataError:
            raise
        except Exception as error:  # a damaged chunk is found only now
            raise unreadable(Path(settings.path), error) from error
        return RawField(
            values_THW=values.reshape(-1, *values.shape[-2:]),
            time=frames.time_T,
            has_time=frames.has_time,
            dims=(frames.name, y, x),
            grid=grid,
            array=xr.DataArray(
                np.empty((0, *values.shape[-2:]), array.dtype),
                dims=(frames.name, y, x),
                name=array.name,
                attrs=without_marks(array.attrs),  # of stored values, all NaN by now
            ),
            file_attrs=dict(dataset.attrs),
            time_attrs=frames.attrs,
            lead_T=frames.lead_T,
            member_T=frames.member_T,
        )


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


def _finite_or_missing(
    array: xr.DataArray,
    dims: tuple[str, ...],
    at_a_time: int,
    dtype: npt.DTypeLike,
    missing: MissingValues,
) -> npt.NDArray[np.floating]:
    """Read block by block, since each is decoded and checked in higher precision."""
    values_THW = np.empty([array.sizes[dim] for dim in dims], dtype)
    piece = max(1, PIECE_VALUES // math.prod(values_THW.shape[1:]))
    largest = float(np.finfo(np.float32).max)  # single precision from here on
    infinite, first_infinite, a_frame = 0, -1, tuple(range(1, values_THW.ndim))
    for start in range(0, len(values_THW), at_a_time):
        block = array.variable.isel({dims[0]: slice(start, start + at_a_time)})
        read_THW = block.load().transpose(*dims).values
        for first in range(0, len(read_THW), piece):
            doubles_THW = read_THW[first : first + piece].astype(np.float64)
            missing.mark(doubles_THW)
            frame = start + first
            least = float(np.fmin.reduce(doubles_THW, axis=None))
            most = float(np.fmax.reduce(doubles_THW, axis=None))
            if not (least < -largest or most > largest):
                values_THW[frame : frame + len(doubles_THW)] = doubles_THW
                missing.look_at(doubles_THW, (least, most))
                continue
            infinite_THW = np.abs(doubles_THW) > largest
            if not infinite:
                first_infinite = frame + int(np.argmax(infinite_THW.any(axis=a_frame)))
            infinite += int(infinite_THW.sum())
    if infinite:
        raise DataError(
            f"variable {array.name!r} holds {infinite} infinite values (or beyond single "
            f"precision), the first in frame {first_infinite}; replace them by NaN to mark them "
            f"missing{copy_with(array, _without_infinite(array), 'finite')}"
        )
    missing.judge(values_THW.reshape(-1, *values_THW.shape[-2:]))
    return values_THW


def _without_infinite(array: xr.DataArray) -> str:
    name = json.dumps(str(array.name))
    return f"d[{name}] = d[{name}].where(abs(d[{name}]) < 3e38)"
