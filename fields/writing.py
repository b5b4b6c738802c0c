"""Writing a field as CF NetCDF, with the variable, units and coordinates it came with."""

from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.core.partial_file import USUAL_MODE, make_empty, partial_path
from fieldsharp.fields.coordinates.roles import Role, role_by_attributes, role_by_name
from fieldsharp.fields.series import FieldSeries

REALIZATION = "realization"
"""Dimension of members, and its standard name."""
NAMES_OF_OTHERS = ("bounds", "climatology", "grid_mapping", "coordinates", "ancillary_variables")
"""Attributes that point to other variables of the source file, which a forecast does not carry."""


def to_dataset(series: FieldSeries) -> xr.Dataset:
    """Return the series as an xarray dataset, NaN outside the mask."""
    time, y, x = series.dims
    values_THW = np.where(series.mask_HW, series.values_TCHW[:, 0], np.nan).astype(np.float32)
    units = {"units": series.units} if series.units else {}
    array = xr.DataArray(values_THW, dims=(time, y, x), attrs={**series.attrs, **units})
    dataset = xr.Dataset({series.name: array}, attrs={**series.file_attrs, "Conventions": "CF-1.7"})
    dataset = dataset.assign_coords({time: (time, series.time, series.time_attrs)})
    dataset = dataset.assign_coords(series.grid.coords)
    dataset.attrs = _writable(dataset.attrs)
    for variable in dataset.variables.values():
        variable.attrs = _writable(variable.attrs)
    return dataset


def _writable(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the attributes NetCDF can hold, without those that name variables not written."""
    return writable({k: v for k, v in attrs.items() if k not in NAMES_OF_OTHERS})


def writable(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the attributes NetCDF can hold, others as text."""
    return {
        name: value
        if isinstance(value, str | int | float | np.ndarray | np.generic)
        and not isinstance(value, bool)
        else str(value)
        for name, value in ((str(name), value) for name, value in attrs.items())
        if value is not None
    }


def together(series: FieldSeries, *others: FieldSeries) -> xr.Dataset:
    """Return one or several series of the same grid and times as an xarray dataset."""
    dataset = to_dataset(series)
    for other in others:
        dataset[other.name] = to_dataset(other)[other.name]
    return dataset.drop_encoding()  # packing of the source would round the forecast


def members_together(members: Sequence[Sequence[FieldSeries]]) -> xr.Dataset:
    """Return the members of an ensemble as an xarray dataset, their dimension the first.

    CF names it a realization, and wants it left of time and space.

    Args:
        members: For each of them the series of all variables, of the same grid and times.
    """
    dataset = together(*members[0])
    arrays = {
        name: np.empty((len(members), *array.shape), dtype=np.float32)
        for name, array in dataset.data_vars.items()
    }
    for number, series in enumerate(members):
        for one in series:
            arrays[one.name][number] = to_dataset(one)[one.name].values
    # That of the member of an analysis which the data are, as in files of ERA5.
    dataset = dataset.drop_vars([str(name) for name in dataset.coords if _is_member(dataset, name)])
    for name, values in arrays.items():
        array = dataset[name]
        dataset[name] = ((REALIZATION, *array.dims), values, array.attrs)
    numbers = np.arange(len(members), dtype=np.int32)
    said = {"standard_name": REALIZATION, "long_name": "number of the member", "units": "1"}
    return dataset.assign_coords({REALIZATION: (REALIZATION, numbers, said)})


def _is_member(dataset: xr.Dataset, name: Hashable) -> bool:
    coordinate = dataset[name]
    if coordinate.ndim:
        return False
    role = role_by_attributes(coordinate, str(name)) or role_by_name(str(name))
    return role is Role.MEMBER


def write_netcdf(series: FieldSeries, path: Path, *others: FieldSeries) -> None:
    """Write one or several series of the same grid and times, see ``write_dataset``."""
    write_dataset(together(series, *others), path)


def write_dataset(dataset: xr.Dataset, path: Path) -> None:
    """Write fields to ``path``, whole or not at all.

    Raises:
        DataError: If the folder cannot be written.
    """
    partial = partial_path(path)
    compressed = {"zlib": True, "complevel": 4, "_FillValue": np.float32(np.nan)}
    encoding = dict.fromkeys(dataset.data_vars, compressed)
    try:
        make_empty(partial, USUAL_MODE)
        dataset.to_netcdf(partial, engine="h5netcdf", encoding=encoding)
        partial.replace(path)
    except OSError as error:
        raise DataError(
            f"cannot write {path} ({error.strerror or error}); choose a folder that can be written"
        ) from error
    finally:
        with suppress(OSError):  # a folder that is no folder was reported above
            partial.unlink(missing_ok=True)
