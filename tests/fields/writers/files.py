"""Writes NetCDF variables and GRIB messages as given: no scaling, no encoding of times."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Variable:
    """A variable as stored.

    Attributes:
        dims: Names separated by spaces; "" for a scalar.
        values: In the type of the file: numbers, single characters (S1) or text.
        attrs: With ``_FillValue``.
    """

    dims: str
    values: npt.NDArray[Any]
    attrs: Mapping[str, Any]


def stored(dims: str, values: npt.ArrayLike, dtype: str | None = None, /, **attrs: Any) -> Variable:
    """Return a variable to be stored in a type, such as "f4"."""
    array = np.asarray(values) if dtype is None else np.asarray(values).astype(dtype)
    return Variable(dims, array, attrs)


def characters(texts: list[str]) -> npt.NDArray[np.bytes_]:
    """Return texts of equal length as single characters, one more dimension."""
    return np.array([list(text) for text in texts], dtype="S1")


def write_netcdf(
    path: Path,
    variables: Mapping[str, Variable],
    unlimited: tuple[str, ...] = (),
    layout: Any = "NETCDF4",
    **attrs: Any,
) -> Path:
    """Write a NetCDF file with netCDF4, the library below most models' own writers.

    Args:
        path: File to write.
        variables: By name.
        unlimited: Record dimensions.
        layout: Of netCDF4, such as NETCDF3_CLASSIC.
        attrs: Of the file.
    """
    with netCDF4.Dataset(path, "w", format=layout) as file:
        file.setncatts(attrs)
        for name, variable in variables.items():
            dims = tuple(variable.dims.split())
            for dim, size in zip(dims, variable.values.shape, strict=True):
                if dim not in file.dimensions:
                    file.createDimension(dim, None if dim in unlimited else size)
            dtype: Any = str if variable.values.dtype.kind == "U" else variable.values.dtype
            rest = dict(variable.attrs)
            made = file.createVariable(name, dtype, dims, fill_value=rest.pop("_FillValue", None))
            made.set_auto_maskandscale(False)
            made.set_auto_chartostring(False)
            made.setncatts(rest)
            if variable.values.size:
                made[...] = variable.values.astype(object) if dtype is str else variable.values
    return path


def write_grib(
    path: Path,
    values_THW: npt.NDArray[np.float64],
    when: npt.NDArray[np.datetime64],
    lat: npt.NDArray[np.float64],
    lon: npt.NDArray[np.float64],
) -> Path:
    """Write one message of GRIB 1 a frame: an analysis of 2 m temperature on a regular grid.

    Args:
        path: File to write.
        values_THW: Kelvin; packed with 24 bits.
        when: Full hours.
        lat: Of the rows, one degree apart.
        lon: Of the columns, one degree apart.
    """
    import eccodes  # of the extra for GRIB

    with path.open("wb") as file:
        for values_HW, hour in zip(values_THW, when.astype("datetime64[h]"), strict=True):
            message = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib1")
            day, of_day = str(hour).split("T")
            keys: dict[str, str | int | float] = {
                "shortName": "2t",
                "dataDate": int(day.replace("-", "")),
                "dataTime": 100 * int(of_day),
                "stepRange": "0",
                "Ni": len(lon),
                "Nj": len(lat),
                "latitudeOfFirstGridPointInDegrees": float(lat[0]),
                "latitudeOfLastGridPointInDegrees": float(lat[-1]),
                "longitudeOfFirstGridPointInDegrees": float(lon[0]),
                "longitudeOfLastGridPointInDegrees": float(lon[-1]),
                "iDirectionIncrementInDegrees": 1.0,
                "jDirectionIncrementInDegrees": 1.0,
                "bitsPerValue": 24,
            }
            for key, value in keys.items():
                eccodes.codes_set(message, key, value)
            eccodes.codes_set_values(message, values_HW.ravel())
            eccodes.codes_write(message, file)
            eccodes.codes_release(message)
    return path
