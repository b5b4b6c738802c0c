"""Writing a field as CF NetCDF, with the variable, units and coordinates it came with."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.core.partial_file import USUAL_MODE, make_empty, partial_path
from fieldsharp.fields.series import FieldSeries

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


def write_netcdf(series: FieldSeries, path: Path, *others: FieldSeries) -> None:
    """Write one or several series of the same grid and times to ``path``, whole or not at all.

    Raises:
        DataError: If the folder cannot be written.
    """
    dataset = together(series, *others)
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
