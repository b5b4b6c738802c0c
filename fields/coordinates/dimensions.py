"""Finding time, y and x among the dimensions of a variable."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from fieldsharp.core.errors import DataError

TIME_NAMES = ("time", "t", "valid_time", "date", "datetime")
Y_NAMES = ("y", "lat", "latitude", "nav_lat", "rlat", "j")
X_NAMES = ("x", "lon", "longitude", "nav_lon", "rlon", "i")


def field_dims(
    array: xr.DataArray, select: Mapping[str, int | float | str]
) -> tuple[xr.DataArray, tuple[str, str, str]]:
    """Return the array with one value chosen for every other dimension, and its time, y and x.

    In the order of the file: xarray reads a transposed array through an index of every value.

    Args:
        array: The variable as stored in the file.
        select: Coordinate value (or index, where a dimension has no coordinate) by dimension.

    Raises:
        DataError: If there is no time dimension, a selection does not exist, or more than two
            dimensions are left besides time.
    """
    for dim, value in select.items():
        array = _choose(array, dim, value)
    time = _time_dim(array)
    # A dimension of length one carries no information: dropped unless needed as y or x.
    for short in [d for d in array.dims if d != time and array.sizes[d] == 1]:
        if array.ndim > 3:
            array = array.isel({short: 0}, drop=True)
    space = [dim for dim in array.dims if dim != time]
    if len(space) > 2:
        spare = [
            dim
            for dim in space
            if not _is_axis(array, str(dim), "Y", Y_NAMES) and not _is_x(array, dim)
        ]
        named = str(spare[0] if spare else space[0])
        value = array.coords[named].values[0] if named in array.coords else 0
        raise DataError(
            f"variable {array.name!r} has the dimensions {_sizes(array)} where time, y and x were "
            f"expected; choose one with data.select, for example --set data.select.{named}={value}"
        )
    if len(space) < 2:
        raise DataError(
            f"variable {array.name!r} has the dimensions {_sizes(array)} where time, y and x were "
            "expected; choose a variable on a grid"
        )
    y, x = space
    if _is_x(array, y) and not _is_x(array, x):
        y, x = x, y
    return array, (time, str(y), str(x))


def _time_dim(array: xr.DataArray) -> str:
    for dim in array.dims:
        if dim in array.coords and _is_time(array.coords[dim]):
            return str(dim)
    for dim in array.dims:
        if str(dim).lower() in TIME_NAMES:
            return str(dim)
    raise DataError(
        f"variable {array.name!r} has no time dimension: its dimensions are {_sizes(array)}; name "
        "one of them 'time' or choose another variable with data.variable"
    )


def _is_time(coordinate: xr.DataArray) -> bool:
    if np.issubdtype(coordinate.dtype, np.datetime64):
        return True
    if coordinate.attrs.get("axis") == "T" or coordinate.attrs.get("standard_name") == "time":
        return True
    return coordinate.dtype == object and hasattr(coordinate.values.flat[0], "calendar")


def _is_x(array: xr.DataArray, dim: object) -> bool:
    return _is_axis(array, str(dim), "X", X_NAMES)


def _is_axis(array: xr.DataArray, dim: str, axis: str, names: tuple[str, ...]) -> bool:
    if dim in array.coords and array.coords[dim].attrs.get("axis") == axis:
        return True
    return dim.lower() in names


def _choose(array: xr.DataArray, dim: str, value: int | float | str) -> xr.DataArray:
    if dim not in array.dims:
        raise DataError(
            f"data.select names the dimension {dim!r}, which variable {array.name!r} does not "
            f"have: its dimensions are {_sizes(array)}"
        )
    try:
        if dim in array.coords:
            return array.sel({dim: value}, drop=True)
        return array.isel({dim: int(value)}, drop=True)
    except (KeyError, IndexError, ValueError, TypeError):
        values = array.coords[dim].values if dim in array.coords else np.arange(array.sizes[dim])
        shown = ", ".join(str(v) for v in values[:8]) + (", ..." if len(values) > 8 else "")
        raise DataError(
            f"data.select asks for {dim}={value!r}, which does not exist; choose one of {shown}"
        ) from None


def _sizes(array: xr.DataArray) -> str:
    return ", ".join(f"{dim}={size}" for dim, size in array.sizes.items()) or "(none)"
