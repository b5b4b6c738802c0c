"""Opens a file of any known format as its variables, checked before values are read.

Adding a format: one function that returns the variables of a file, one line in ``READERS``.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import xarray as xr
from xarray.backends import H5NetCDFStore, ZarrStore

from fieldsharp.core.errors import DataError
from fieldsharp.core.suggestions import unknown
from fieldsharp.fields.files.hdf5_files import require_self_contained
from fieldsharp.fields.files.missing_marks import declare_missing
from fieldsharp.fields.files.numpy_files import open_npy, open_npz
from fieldsharp.fields.files.read_size import require_readable_coordinates
from fieldsharp.fields.files.zarr_fill_values import declare_zarr_fill_values
from fieldsharp.fields.files.zarr_stores import OwnFilesStore, require_own_files

UNREAD: dict[str, Any] = {"decode_cf": False, "create_default_indexes": False, "cache": False}
"""How xarray opens a file without reading any value of it."""
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
def without_known_warnings() -> Iterator[None]:
    """Silence warnings of libraries about files that are read correctly."""
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
    # As a mask, since xarray refuses fill values that are plain numbers in attributes of version 3.
    opened = ZarrStore.open_group(
        store, mode="r", consolidated=False, use_zarr_fill_value_as_mask=True
    )
    dataset = xr.open_dataset(opened, **UNREAD)
    declare_zarr_fill_values(dataset, store)
    return dataset


# Each returns the variables as stored: not decoded, and read only if memory suffices.
READERS: dict[str, Callable[[Path], xr.Dataset]] = {
    ".nc": _open_netcdf,
    ".nc4": _open_netcdf,
    ".cdf": _open_netcdf,
    ".zarr": _open_zarr,
    ".npy": open_npy,
    ".npz": open_npz,
}


@without_known_warnings()
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
        raise unreadable(path, error) from error
    try:
        require_readable_coordinates(raw, path)
        declare_missing(raw, netcdf=reader not in (_open_zarr, open_npy, open_npz))
        return xr.decode_cf(raw)
    except DataError:
        raw.close()
        raise
    except Exception as error:
        raw.close()
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> DataError:
    """Return the error of a file whose reading failed, with the reason the library gave."""
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
