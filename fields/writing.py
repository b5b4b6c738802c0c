"""Writing a field as CF NetCDF, with the variable, units and coordinates it came with."""

from pathlib import Path

import numpy as np
import xarray as xr

from fields.errors import DataError
from fields.series import FieldSeries


def to_dataset(series: FieldSeries) -> xr.Dataset:
    """Return the series as an xarray dataset, NaN outside the mask."""
    time, y, x = series.dims
    values_THW = np.where(series.mask_HW, series.values_TCHW[:, 0], np.nan).astype(np.float32)
    attrs = {**series.attrs, **({"units": series.units} if series.units else {})}
    array = xr.DataArray(values_THW, dims=(time, y, x), attrs=attrs)
    dataset = xr.Dataset({series.name: array}, attrs={**series.file_attrs, "Conventions": "CF-1.7"})
    dataset = dataset.assign_coords({time: (time, series.time, series.time_attrs)})
    return dataset.assign_coords(series.grid.coords)


def write_netcdf(series: FieldSeries, path: Path) -> None:
    """Write the series to ``path``, whole or not at all.

    Raises:
        DataError: If the folder cannot be written.
    """
    dataset = to_dataset(series)
    for variable in dataset.variables.values():
        variable.encoding.clear()  # packing of the source would round the forecast
    partial = path.with_name(f".{path.name}.partial")
    encoding = {series.name: {"zlib": True, "complevel": 4, "_FillValue": np.float32(np.nan)}}
    try:
        dataset.to_netcdf(partial, engine="h5netcdf", encoding=encoding)
        partial.replace(path)
    except OSError as error:
        raise DataError(
            f"cannot write {path} ({error.strerror or error}); choose a folder that can be written"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
