"""Opens a file of any known format as its variables, checked before values are read.

Adding a format: one function that opens a file, one line in ``READERS``, and how a file of it is
known in ``recognition``.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.addresses import Address, Location
from fieldsharp.fields.files.classic_files import open_cdf5, open_classic
from fieldsharp.fields.files.contents import Contents, UnknownVariableError, full_name, several
from fieldsharp.fields.files.decoding import decode
from fieldsharp.fields.files.grib_files import open_grib
from fieldsharp.fields.files.hdf5_groups import open_hdf5
from fieldsharp.fields.files.missing_marks import declare_missing
from fieldsharp.fields.files.numpy_files import open_npy, open_npz
from fieldsharp.fields.files.read_size import require_readable_coordinates
from fieldsharp.fields.files.recognition import kind_of, require_present
from fieldsharp.fields.files.rewriting import remember_source
from fieldsharp.fields.files.zarr_addresses import open_zarr_at
from fieldsharp.fields.files.zarr_groups import open_zarr, open_zarr_zip

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


# Each returns the variables as stored: not decoded, and read only if memory suffices.
READERS: dict[str, Callable[[Path], xr.Dataset | Contents]] = {
    "NetCDF 3": open_classic,
    "CDF-5": open_cdf5,
    "HDF5": open_hdf5,
    "Zarr": open_zarr,
    "Zarr in a zip file": open_zarr_zip,
    "NumPy array": open_npy,
    "NumPy archive": open_npz,
    "GRIB": open_grib,
}
NETCDF = ("NetCDF 3", "CDF-5", "HDF5")
"""Formats in which values that were never written hold the fill values of the netCDF library."""


@without_known_warnings()
def open_dataset(path: Location, variable: str | None = None) -> xr.Dataset:
    """Open a file by its contents.

    Args:
        path: A file, a Zarr folder or the address of a Zarr store.
        variable: The variable that is wanted, with its group where it is in one. Variables of a
            group have full names in the result, its coordinates have not.

    Raises:
        DataError: If it is missing, of an unknown format, or unreadable, or holds variables in
            several groups and none of them was chosen.
    """
    contents = _open(path)
    try:
        group, name = contents.choose(variable, path)
        raw = contents.open(group, name)
        require_readable_coordinates(raw, path)
        declare_missing(raw, netcdf=_kind(path) in NETCDF)
        dataset = decode(raw, path)
    except DataError:
        contents.close()
        raise
    except Exception as error:
        contents.close()
        raise unreadable(path, error) from error
    if group:
        held = contents.ranks[group]
        full = {n: full_name(group, str(n)) for n in dataset.data_vars if n in held}
        dataset = dataset.rename_vars(full)
    remember_source(dataset, path, group)
    dataset.set_close(contents.close)
    return dataset


@without_known_warnings()
def holds_variable(path: Location, variable: str) -> bool:
    """Return whether a file has a variable, with its group where it is in one.

    Raises:
        DataError: If it is missing, of an unknown format, or unreadable.
    """
    contents = _open(path)
    try:
        return contents.find(variable) is not None
    finally:
        contents.close()


def _kind(path: Location) -> str:
    return "Zarr" if isinstance(path, Address) else kind_of(path)


def _open(path: Location) -> Contents:
    opened: xr.Dataset | Contents
    try:
        if isinstance(path, Address):
            return open_zarr_at(path)
        require_present(path)
        opened = READERS[kind_of(path)](path)
    except DataError:
        raise
    except Exception as error:
        raise unreadable(path, error) from error
    if isinstance(opened, Contents):
        return opened
    ranks = {str(n): v.ndim for n, v in opened.variables.items() if v.dims != (n,)}
    return Contents({"": ranks}, lambda *_: opened.copy(), opened.close)


def unreadable(path: Location, error: Exception) -> DataError:
    """Return the error of a file whose reading failed, with the reason the library gave."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else "no reason given"
    return DataError(
        f"data file {path} cannot be read as {path.suffix or 'a field'} ({type(error).__name__}: "
        f"{reason}); it may be cut short or damaged: fetch or write it again"
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
        raise DataError(several(names, path))
    if variable in dataset.data_vars:
        return variable
    # In the only group that has it.
    own = variable.strip("/")
    full = [str(n) for n in dataset.data_vars if n == own or str(n).endswith(f"/{own}")]
    if len(full) == 1:
        return full[0]
    raise UnknownVariableError(variable, names, path)
