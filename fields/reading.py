"""Reading a field from a file, whatever its format, with everything checked that can be wrong.

Adding a format: one function that returns the variables of a file, one line in ``READERS``.
"""

import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from fields.axes import field_axes
from fields.errors import DataError
from fields.gaps import fill_in_time, valid_cells
from fields.memory import BYTES_A_VALUE, require_memory
from fields.names import unknown
from fields.series import FieldSeries, time_text
from fields.settings import DataSettings
from fields.visible import visible

NUMPY_DIMS = ("time", "channel", "y", "x")
DAY_OR_MONTH_FIRST = re.compile(r"since\s+(\d{1,2}[-/.]\d{1,2}[-/.]\d{3,})")
READ_RIGHTLY = (
    "(?s)variable .* has multiple fill values",  # every one of them is taken for missing
    "(?s)variable .* has _Unsigned attribute but is not of integer type",
    "Ambiguous reference date string",  # the year is first, as CF has it
    "Unable to decode time axis into full numpy.datetime64",  # dates of cftime serve as well
    "this date/calendar/year zero convention is not supported by CF",
    "(?s)Object at .* is not recognized as a component of a Zarr hierarchy",
    "(?s)The data type .* does not have a Zarr V3 specification",
)
"""Warnings of xarray, cftime and Zarr on files that are read rightly."""


@contextmanager
def _without_known_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        for words in READ_RIGHTLY:
            warnings.filterwarnings("ignore", words)
        yield


def _open_netcdf(path: Path) -> xr.Dataset:
    with path.open("rb") as file:
        classic = file.read(3) == b"CDF"  # NetCDF 3, which HDF5 cannot read
    return xr.open_dataset(path, engine="scipy" if classic else "h5netcdf")


def _open_zarr(path: Path) -> xr.Dataset:
    # The metadata of every array are read themselves: a consolidated copy may be missing or old.
    return xr.open_dataset(path, engine="zarr", consolidated=False)


def _open_npy(path: Path) -> xr.Dataset:
    require_memory(path.stat().st_size // BYTES_A_VALUE, str(path))  # a sparse file may be endless
    return xr.Dataset({path.stem: _from_array(np.load(path, allow_pickle=False), path.stem)})


def _open_npz(path: Path) -> xr.Dataset:
    with zipfile.ZipFile(path) as archive_of_bytes:  # packed, zeros take a thousandth
        unpacked = sum(member.file_size for member in archive_of_bytes.infolist())
    require_memory(unpacked // BYTES_A_VALUE, str(path))
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    # Each array keeps dimensions of its own, since their lengths may differ between arrays.
    fields = {name: array for name, array in arrays.items() if array.ndim >= 3}
    if not fields:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise DataError(f"{path} holds no array of three dimensions (time, y, x), only {shapes}")
    datasets = [xr.Dataset({name: _from_array(a, name)}) for name, a in fields.items()]
    return datasets[0] if len(datasets) == 1 else _disjoint(datasets)


def _from_array(array: npt.NDArray[Any], name: str) -> xr.DataArray:
    if array.ndim not in (3, 4):
        raise DataError(
            f"array {name!r} has the shape {array.shape}; expected (time, y, x) or "
            "(time, channel, y, x)"
        )
    dims = NUMPY_DIMS if array.ndim == 4 else ("time", "y", "x")
    return xr.DataArray(array, dims=dims, name=name)


def _disjoint(datasets: list[xr.Dataset]) -> xr.Dataset:
    try:
        return xr.merge(datasets, compat="no_conflicts", join="exact")
    except ValueError as error:
        names = ", ".join(str(name) for dataset in datasets for name in dataset.data_vars)
        raise DataError(
            f"the arrays {names} differ in shape; keep one field per .npz file"
        ) from error


READERS: dict[str, Callable[[Path], xr.Dataset]] = {
    ".nc": _open_netcdf,
    ".nc4": _open_netcdf,
    ".cdf": _open_netcdf,
    ".zarr": _open_zarr,
    ".npy": _open_npy,
    ".npz": _open_npz,
}


def read_series(settings: DataSettings) -> FieldSeries:
    """Read the configured variable as a series without gaps.

    Raises:
        DataError: If the file is missing or unreadable, the variable is unknown, there is no time
            dimension, time does not increase, all cells are missing, or a value is infinite.
    """
    raw = read_raw(settings)
    mask_HW = valid_cells(raw.values_THW, settings.min_valid_share)
    filled_THW, filled_T = fill_in_time(raw.values_THW, mask_HW)
    return FieldSeries(
        values_TCHW=filled_THW[:, None].astype(np.float32),
        mask_HW=mask_HW,
        time=raw.time,
        # Both are shown on terminals, and a file may say anything.
        units=visible(str(raw.array.attrs.get("units", ""))),
        name=visible(str(raw.array.name)),
        filled_T=filled_T.astype(np.float32),
        dims=raw.dims,
        grid=raw.grid,
        time_attrs=dict(raw.array.coords[raw.dims[0]].attrs) if raw.has_time else {},
        attrs=dict(raw.array.attrs),
        file_attrs=raw.file_attrs,
    )


@dataclass(frozen=True)
class RawField:
    """A variable as it stands in its file, NaN where a value is missing.

    Attributes:
        values_THW: Physical values, double precision.
        time: Increasing time coordinate; frame numbers where the file has none.
        has_time: Whether the file has a time coordinate.
        dims: Names of the time, y and x dimensions.
        grid: Coordinates that do not depend on time.
        array: The variable with its attributes.
        file_attrs: Attributes of the file.
    """

    values_THW: npt.NDArray[np.float64]
    time: npt.NDArray[Any]
    has_time: bool
    dims: tuple[str, str, str]
    grid: xr.Dataset
    array: xr.DataArray
    file_attrs: dict[str, Any]


@_without_known_warnings()
def read_raw(settings: DataSettings) -> RawField:
    """Read the configured variable, gaps and all.

    Raises:
        DataError: As ``read_series``, but for cells that are all missing.
    """
    with open_dataset(Path(settings.path)) as dataset:
        array = dataset[pick_variable(dataset, settings.variable, settings.path)]
        array = field_axes(array, settings.select)
        require_memory(array.size, f"variable {array.name!r} in {settings.path}")
        try:
            array = array.load()
        except Exception as error:  # a damaged chunk shows only now
            raise _unreadable(Path(settings.path), error) from error
        time, y, x = (str(dim) for dim in array.dims)
        return RawField(
            values_THW=_finite_or_missing(array),
            time=_increasing_time(array, time),
            has_time=time in array.coords,
            dims=(time, y, x),
            grid=_grid(array, y, x),
            array=array.isel({time: slice(0, 0)}).load(),
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
    if not (path.is_file() or path.is_dir()):  # a pipe nobody writes to would be waited for
        raise DataError(f"data file {path} is no regular file; give a file or a Zarr folder")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(unknown("data format", path.suffix or path.name, READERS))
    try:
        return reader(path)
    except DataError:
        raise
    except Exception as error:
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


def _finite_or_missing(array: xr.DataArray) -> npt.NDArray[np.float64]:
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
    values_THW = np.array(array.values, dtype=np.float64)
    infinite = np.abs(values_THW) > np.finfo(np.float32).max  # single precision from here on
    if infinite.any():
        frame = int(np.argmax(infinite.any(axis=(1, 2))))
        raise DataError(
            f"variable {array.name!r} holds {int(infinite.sum())} infinite values (or beyond "
            f"single precision), the first in frame {frame}; replace them by NaN to mark them "
            "missing"
        )
    return values_THW


def _grid(array: xr.DataArray, y: str, x: str) -> xr.Dataset:
    coords = {name: c for name, c in array.coords.items() if set(c.dims) <= {y, x}}
    return xr.Dataset(coords=coords).load()


def _increasing_time(array: xr.DataArray, time: str) -> npt.NDArray[Any]:
    if time not in array.coords:
        return np.arange(array.sizes[time])
    when = np.asarray(array.coords[time].values)
    ambiguous = DAY_OR_MONTH_FIRST.search(str(array.coords[time].encoding.get("units", "")))
    if ambiguous:
        raise DataError(
            f"time counts from {ambiguous[1]}, which may have the day or the month first; write "
            "the year first in its units, such as 'hours since 2003-12-31'"
        )
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
