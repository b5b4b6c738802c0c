"""Commands that write a changed copy of a file, for errors that advise one."""

import json
import shlex
from pathlib import Path

import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.addresses import Location
from fieldsharp.fields.files.recognition import kind_of

OPENERS = {
    "NetCDF 3": 'xarray.open_dataset({file}, engine="scipy"{more})',
    "CDF-5": 'xarray.open_dataset({file}, engine="netcdf4"{more})',
    "HDF5": 'xarray.open_dataset({file}, engine="h5netcdf"{group}{more})',
    "Zarr": "xarray.open_zarr({file}, consolidated=False{group}{more})",
    "NumPy array": 'xarray.Dataset({{{name}: (("time", "y", "x"), numpy.load({file}))}})',
    "NumPy archive": 'xarray.Dataset({{{name}: (("time", "y", "x"), numpy.load({file})[{name}])}})',
}
"""How each kind of file is opened by a person."""


def remember_source(dataset: xr.Dataset, path: Location, group: str) -> None:
    """Note in each variable which file and group it is of, for ``copy_with``."""
    for variable in dataset.variables.values():
        variable.encoding.update(source=str(path), group=group)


def copy_with(variable: xr.DataArray, change: str, ending: str, decode_times: bool = True) -> str:
    """Return the advice to write a changed copy, with the command; "" for a file that has none.

    Args:
        variable: Of an open file.
        change: A Python statement that changes the dataset ``d``.
        ending: What the name of the copy ends with.
        decode_times: Whether the statement needs dates.
    """
    path = Path(str(variable.encoding.get("source", "")))
    try:
        opener = OPENERS.get(kind_of(path))
    except (DataError, OSError):  # gone since
        opener = None
    if opener is None:
        return ""
    group = str(variable.encoding.get("group", ""))
    opened = opener.format(
        file=json.dumps(str(path)),
        name=json.dumps(str(variable.name)),
        group=f", group={json.dumps(group)}" if group else "",
        more="" if decode_times else ", decode_times=False",
    )
    written = f"{path.stem}_{ending}.nc"
    code = (
        f"import numpy, xarray; d = {opened}.load(); {change}; "
        f'd.drop_encoding().to_netcdf({json.dumps(written)}, engine="h5netcdf")'
    )
    return f", here with python -c {shlex.quote(code)}"
