"""Reads one variable of a file as a field, with all its contents checked."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import Use, require_memory
from fieldsharp.core.printable import printable
from fieldsharp.fields.coordinates.dimensions import field_dims
from fieldsharp.fields.files.formats import (
    open_dataset,
    pick_variable,
    unreadable,
    without_known_warnings,
)
from fieldsharp.fields.files.missing_marks import without_marks
from fieldsharp.fields.files.read_size import frames_at_a_time, memory_needed
from fieldsharp.fields.missing_values import MissingValues, fill_in_time, valid_cells
from fieldsharp.fields.series import FieldSeries, time_text
from fieldsharp.fields.settings import DataSettings

SERIES = Use(bytes_a_value=11)
"""Single precision, its copy without gaps, and where it had some."""
RAW = Use(bytes_a_value=8)
"""Double precision."""
PIECE_VALUES = 2**20
"""Values that are checked and rounded at a time."""


DAY_OR_MONTH_FIRST = re.compile(r"since\s+(\d{1,2}[-/.]\d{1,2}[-/.]\d{3,})")


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
        time_attrs=dict(raw.array.coords[raw.dims[0]].attrs) if raw.has_time else {},
        attrs=dict(raw.array.attrs),
        file_attrs=raw.file_attrs,
    )


@dataclass(frozen=True)
class RawField:
    """A variable as stored in its file, NaN where a value is missing.

    Attributes:
        values_THW: Physical values.
        time: Increasing time coordinate; frame numbers where the file has none.
        has_time: Whether the file has a time coordinate.
        dims: Names of the time, y and x dimensions.
        grid: Coordinates that do not depend on time.
        array: The variable with its attributes and no frame.
        file_attrs: Attributes of the file.
    """

    values_THW: npt.NDArray[np.floating]
    time: npt.NDArray[Any]
    has_time: bool
    dims: tuple[str, str, str]
    grid: xr.Dataset
    array: xr.DataArray
    file_attrs: dict[str, Any]


@without_known_warnings()
def read_raw(settings: DataSettings, use: Use = RAW, dtype: npt.DTypeLike = np.float64) -> RawField:
    """Read the configured variable with its gaps.

    Args:
        settings: Which field.
        use: Memory that its use takes.
        dtype: Precision of the values, single or double.

    Raises:
        DataError: As ``read_series``, but for cells that are all missing; if a number looks like an
            undeclared fill value, or hardly a value is in the range declared as valid.
    """
    with open_dataset(Path(settings.path)) as dataset:
        stored = dataset[pick_variable(dataset, settings.variable, settings.path)]
        array, dims = field_dims(stored, settings.select)
        time, y, x = dims
        _require_numbers(array)
        # NumPy files are in memory as a whole until they are read.
        held = array.nbytes if Path(settings.path).suffix.lower() in (".npy", ".npz") else 0
        require_memory(
            memory_needed(stored.variable, array, dims, use, np.dtype(dtype), held),
            f"variable {array.name!r} in {settings.path} holds {array.size} values and",
            use.processes,
        )
        try:
            at_a_time = frames_at_a_time(stored.variable, array, dims)
            missing = MissingValues.of(stored.variable, str(stored.name), settings)
            values_THW = _finite_or_missing(array, dims, at_a_time, dtype, missing)
            coordinates = {n: c for n, c in array.coords.items() if set(c.dims) <= {y, x}}
            grid = xr.Dataset(coords=coordinates).load()
            others = [name for name in array.coords if name != time]
            nothing = array.drop_vars(others).isel({time: slice(0, 0)}).copy()  # no view
            nothing.attrs = without_marks(nothing.attrs)  # of stored values, all NaN by now
        except DataError:
            raise
        except Exception as error:  # a damaged chunk is found only now
            raise unreadable(Path(settings.path), error) from error
        return RawField(
            values_THW=values_THW,
            time=_increasing_time(array, time),
            has_time=time in array.coords,
            dims=dims,
            grid=grid,
            array=nothing.transpose(*dims),
            file_attrs=dict(dataset.attrs),
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
    dims: tuple[str, str, str],
    at_a_time: int,
    dtype: npt.DTypeLike,
    missing: MissingValues,
) -> npt.NDArray[np.floating]:
    """Read block by block, since each is decoded and checked in higher precision."""
    values_THW = np.empty([array.sizes[dim] for dim in dims], dtype)
    piece = max(1, PIECE_VALUES // math.prod(values_THW.shape[1:]))
    largest = float(np.finfo(np.float32).max)  # single precision from here on
    infinite, first_infinite = 0, -1
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
                first_infinite = frame + int(np.argmax(infinite_THW.any(axis=(1, 2))))
            infinite += int(infinite_THW.sum())
    if infinite:
        raise DataError(
            f"variable {array.name!r} holds {infinite} infinite values (or beyond single "
            f"precision), the first in frame {first_infinite}; replace them by NaN to mark them "
            "missing"
        )
    missing.judge(values_THW)
    return values_THW


def _increasing_time(array: xr.DataArray, time: str) -> npt.NDArray[Any]:
    if time not in array.coords:
        return np.arange(array.sizes[time])
    ambiguous = DAY_OR_MONTH_FIRST.search(str(array.coords[time].encoding.get("units", "")))
    if ambiguous:
        raise DataError(
            f"time counts from {ambiguous[1]}, which may have the day or the month first; write "
            "the year first in its units, such as 'hours since 2003-12-31'"
        )
    when = np.asarray(array.coords[time].values)
    if np.issubdtype(when.dtype, np.datetime64):
        when = when.astype("datetime64[ns]")  # one resolution, so that two files' times compare
    elif when.dtype.kind not in "iufm" and not hasattr(when.flat[0], "calendar"):
        raise DataError(
            f"time holds {when.dtype}, such as {str(when.flat[0])!r}, neither dates nor numbers; "
            "give it CF units such as 'hours since 2000-01-01'"
        )
    if len(when) > 1:
        ahead = when[1:] > when[:-1]
        if not ahead.all():
            frame = int(np.argmin(ahead)) + 1
            raise DataError(
                f"time does not increase: frame {frame} ({time_text(when[frame])}) is not after "
                f"frame {frame - 1} ({time_text(when[frame - 1])}); sort the file by time and drop "
                "doubles"
            )
    return when
