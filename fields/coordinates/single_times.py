"""The time of a field that has no dimension of it, where its file says a single one.

Satellites write a file for each image, with the time as a value of its own.
"""

import xarray as xr

from fieldsharp.fields.coordinates.roles import (
    OF_TIME,
    Role,
    dimension_roles,
    is_dates,
    role_by_attributes,
    role_by_name,
)


def single_time(array: xr.DataArray, dataset: xr.Dataset) -> xr.DataArray | None:
    """Return the only time of a file, without dimension; None where there is none, or several.

    A time that values hold for goes before a reference time.

    Args:
        array: The variable with its coordinates. None is returned if it has a dimension of time.
        dataset: The file.
    """
    if any(role in OF_TIME for role in dimension_roles(array).values()):
        return None
    found: dict[Role, list[xr.DataArray]] = {Role.TIME: [], Role.REFERENCE: []}
    for name, variable in {**dataset.variables, **array.coords}.items():
        if variable.size != 1 or set(variable.dims) & set(array.dims):
            continue
        value = xr.DataArray(variable).squeeze(drop=True)
        beside = array.assign_coords({name: value})
        role = role_by_attributes(beside, str(name)) or role_by_name(str(name))
        if role in found and is_dates(value):
            found[role].append(value.rename(str(name)))
    times = found[Role.TIME] or found[Role.REFERENCE]
    distinct = {str(time.values) for time in times}
    return times[0] if len(distinct) == 1 else None


def along(array: xr.DataArray, time: xr.DataArray) -> xr.DataArray:
    """Return a variable as a single frame at a time."""
    name = str(time.name)
    return array.assign_coords({name: time}).expand_dims(name)
