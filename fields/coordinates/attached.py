"""A variable with the coordinates that its file holds as plain variables.

Models write dates beside an index dimension (XTIME, Times) and maps of latitude and longitude
without naming them in ``coordinates``. Only what the field's own dimensions carry is attached.
"""

import xarray as xr

from fieldsharp.core.memory import require_memory
from fieldsharp.fields.coordinates.roles import Role, is_dates, role_by_attributes, role_by_name
from fieldsharp.fields.coordinates.written_dates import as_dates

TIMES = (Role.TIME, Role.REFERENCE)
BYTES_A_DATE = 200
"""Of text that is decoded, a string object and a date."""


def with_coordinates(dataset: xr.Dataset, name: str) -> xr.DataArray:
    """Return a variable with its coordinates, dates written as text or digits among them as dates.

    Args:
        dataset: The file, decoded.
        name: Of the variable.

    Raises:
        DataError: If dates cannot be read as what their units say, or take too much memory.
    """
    array = dataset[name]
    for other, variable in dataset.data_vars.items():
        if other == name or not set(variable.dims) <= set(array.dims):
            continue
        if _is_map_of_places(variable) or _is_time_beside(array, variable):
            array = array.assign_coords({other: variable})
    for other, coordinate in list(array.coords.items()):
        if not _may_be_dates(array, str(other), coordinate):
            continue
        require_memory(
            coordinate.size * BYTES_A_DATE,
            f"coordinate {str(other)!r} holds {coordinate.size} values and",
        )
        dates = as_dates(coordinate)
        if dates is not None:
            attrs = {k: v for k, v in coordinate.attrs.items() if k != "units"}
            array = array.assign_coords({other: (coordinate.dims, dates, attrs)})
    return array


def _is_map_of_places(variable: xr.DataArray) -> bool:
    if variable.ndim not in (2, 3) or variable.dtype.kind not in "iuf":
        return False
    attrs = xr.DataArray(0, name="place", coords={"place": ((), 0, variable.attrs)}, dims=())
    units = str(variable.attrs.get("units", ""))
    return units.startswith("degree") and role_by_attributes(attrs, "place") in (Role.X, Role.Y)


def _is_time_beside(array: xr.DataArray, variable: xr.DataArray) -> bool:
    """Return whether a variable may hold the dates of a dimension that has no coordinate."""
    if variable.ndim != 1 or variable.dims[0] in array.coords:
        return False
    if variable.dtype.kind in "MSU" or (variable.dtype == object and variable.size):
        return variable.dtype.kind in "MSU" or is_dates(variable) or as_dates(variable) is not None
    return role_by_name(str(variable.name)) in TIMES and variable.dtype.kind in "iuf"


def _may_be_dates(array: xr.DataArray, name: str, coordinate: xr.DataArray) -> bool:
    if coordinate.dtype.kind not in "SUOiuf" or is_dates(coordinate) or coordinate.ndim > 2:
        return False
    role = role_by_attributes(array, name) or role_by_name(name)
    if coordinate.dtype.kind in "iuf":
        return role in TIMES
    # Text beside a dimension that has dates already is its label, such as a season.
    beside_dates = coordinate.ndim == 1 and any(
        is_dates(other) for other in array.coords.values() if other.dims == coordinate.dims
    )
    return role in TIMES or (coordinate.ndim == 1 and not beside_dates)
