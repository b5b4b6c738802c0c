"""Reading a field from a file of any known format, with all its contents checked.

Adding a format: one function that returns the variables of a file, one line in ``READERS``.
"""

import math
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np
import numpy.typing as npt
import xarray as xr
from xarray.backends import H5NetCDFStore

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import Use, require_memory
from fieldsharp.core.printable import printable
from fieldsharp.core.suggestions import unknown
from fieldsharp.fields.axes import field_dims
from fieldsharp.fields.hdf5_files import require_self_contained
from fieldsharp.fields.missing_values import fill_in_time, valid_cells
from fieldsharp.fields.numpy_files import open_npy, open_npz
from fieldsharp.fields.read_size import (
    frames_at_a_time,
    memory_needed,
    require_readable_coordinates,
)
from fieldsharp.fields.series import FieldSeries, time_text
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.zarr_stores import OwnFilesStore, require_own_files

UNREAD: dict[str, Any] = {"decode_cf": False, "create_default_indexes": False, "cache": False}
"""How xarray opens a file without reading any value of it."""
SERIES = Use(bytes_a_value=11)
"""Single precision, its copy without gaps, and where it had some."""
RAW = Use(bytes_a_value=8)
"""Double precision."""
PIECE_VALUES = 2**20
"""Values that are checked and rounded at a time."""


DAY_OR_MONTH_FIRST = re.compile(r"since\s+(\d{1,2}[-/.]\d{1,2}[-/.]\d{3,})")
HARMLESS_WARNINGS = (
    "(?s)variable .* has multiple fill values",  # every one of them is taken for missing
    "(?s)variable .* has _Unsigned attribute but is not of integer type",
    "Ambiguous reference date string",  # the year is first, as CF has it
    "Unable to decode time axis into full numpy.datetime64",  # dates of cftime serve as well
    "this date/calendar/year zero convention is not supported by CF",
    "(?s)Object at .* is not recognized as a component of a Zarr hierarchy",
    "(?s)The data type .* does not have a Zarr V3 specification",
)
"""Warnings of xarray, cftime and Zarr on files that are read correctly."""


@contextmanager
def _without_known_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        for message in HARMLESS_WARNINGS:
            warnings.filterwarnings("ignore", message)
        yield


def _open_netcdf(path: Path) -> xr.Dataset:
    with path.open("rb") as file:
        classic = file.read(3) == b"CDF"  # NetCDF 3, which HDF5 cannot read
    if classic:
        return xr.open_dataset(path, engine="scipy", **UNREAD)
    file = h5py.File(path)
    try:
        require_self_contained(file, path)
        netcdf = h5netcdf.File(file, phony_dims="access", decode_vlen_strings=True)
        dataset = xr.open_dataset(H5NetCDFStore(netcdf), **UNREAD)
    except BaseException:
        file.close()
        raise
    dataset.set_close(file.close)
    return dataset


def _open_zarr(path: Path) -> xr.Dataset:
    require_own_files(path)
    store: Any = OwnFilesStore(path, read_only=True)  # xarray takes what Zarr takes
    # The metadata of every array are read themselves: a consolidated copy may be missing or old.
    return xr.open_dataset(store, engine="zarr", consolidated=False, **UNREAD)


# Each returns the variables as stored: not decoded, and read only if memory suffices.
READERS: dict[str, Callable[[Path], xr.Dataset]] = {
    ".nc": _open_netcdf,
    ".nc4": _open_netcdf,
    ".cdf": _open_netcdf,
    ".zarr": _open_zarr,
    ".npy": open_npy,
    ".npz": open_npz,
}


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


@_without_known_warnings()
def read_raw(settings: DataSettings, use: Use = RAW, dtype: npt.DTypeLike = np.float64) -> RawField:
    """Read the configured variable with its gaps.

    Args:
        settings: Which field.
        use: Memory that its use takes.
        dtype: Precision of the values, single or double.

    Raises:
        DataError: As ``read_series``, but for cells that are all missing.
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
            values_THW = _finite_or_missing(array, dims, at_a_time, dtype)
            coordinates = {n: c for n, c in array.coords.items() if set(c.dims) <= {y, x}}
            grid = xr.Dataset(coords=coordinates).load()
            others = [name for name in array.coords if name != time]
            nothing = array.drop_vars(others).isel({time: slice(0, 0)}).copy()  # no view
        except DataError:
            raise
        except Exception as error:  # a damaged chunk is found only now
            raise _unreadable(Path(settings.path), error) from error
        return RawField(
            values_THW=values_THW,
            time=_increasing_time(array, time),
            has_time=time in array.coords,
            dims=dims,
            grid=grid,
            array=nothing.transpose(*dims),
            file_attrs=dict(dataset.attrs),
        )


@_without_known_warnings()
def open_dataset(path: Path) -> xr.Dataset:
    """Open a file by its suffix.

    Raises:
        DataError: If it is missing, of an unknown format, or unreadable.
    """
    if not path.exists():
        raise DataError(f"data file {path} does not exist; check the path (data.path)")
    if not (path.is_file() or path.is_dir()):  # a pipe without a writer would block
        raise DataError(f"data file {path} is no regular file; give a file or a Zarr folder")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(unknown("data format", path.suffix or path.name, READERS))
    try:
        raw = reader(path)
    except DataError:
        raise
    except Exception as error:
        raise _unreadable(path, error) from error
    try:
        require_readable_coordinates(raw, path)
        return xr.decode_cf(raw)
    except DataError:
        raw.close()
        raise
    except Exception as error:
        raw.close()
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else "no reason given"
    return DataError(
        f"data file {path} cannot be read as {path.suffix} ({type(error).__name__}: {reason}); "
        "check that it is whole and of that format"
    )


def pick_variable(dataset: xr.Dataset, variable: str | None, path: str) -> str:
    """Return the variable's name, given or the only one.

    Raises:
        DataError: If it is not in the file, or none was given and there are several.
    """
    # Bounds, grid mappings and fixed maps such as orography carry no field of their own.
    bounds = {v.attrs.get("bounds", v.encoding.get("bounds")) for v in dataset.variables.values()}
    names = [str(n) for n in dataset.data_vars if dataset[n].ndim >= 3 and n not in bounds] or [
        str(n) for n in dataset.data_vars
    ]
    if variable is None:
        if len(names) == 1:
            return names[0]
        raise DataError(
            f"{path} holds {len(names)} variables; choose one with data.variable (evaluate: "
            f"--variable): {', '.join(names) or '(none there)'}"
        )
    if variable not in dataset.data_vars:
        raise DataError(f"{unknown('variable', variable, names)} (in {path})")
    return variable


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
    array: xr.DataArray, dims: tuple[str, str, str], at_a_time: int, dtype: npt.DTypeLike
) -> npt.NDArray[np.floating]:
    """Read block by block, since each is decoded and checked in higher precision."""
    values_THW = np.empty([array.sizes[dim] for dim in dims], dtype)
    piece = max(1, PIECE_VALUES // math.prod(values_THW.shape[1:]))
    infinite, first_infinite = 0, -1
    for start in range(0, len(values_THW), at_a_time):
        block = array.variable.isel({dims[0]: slice(start, start + at_a_time)})
        read_THW = block.load().transpose(*dims).values
        for first in range(0, len(read_THW), piece):
            doubles_THW = read_THW[first : first + piece].astype(np.float64)
            frame = start + first
            # Single precision from here on.
            infinite_THW = np.abs(doubles_THW) > np.finfo(np.float32).max
            if not infinite_THW.any():
                values_THW[frame : frame + len(doubles_THW)] = doubles_THW
                continue
            if not infinite:
                first_infinite = frame + int(np.argmax(infinite_THW.any(axis=(1, 2))))
            infinite += int(infinite_THW.sum())
    if infinite:
        raise DataError(
            f"variable {array.name!r} holds {infinite} infinite values (or beyond single "
            f"precision), the first in frame {first_infinite}; replace them by NaN to mark them "
            "missing"
        )
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
