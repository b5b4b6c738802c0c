"""The time of a field that has no dimension of it, where its file says a single one.

Satellites write a file for each image, with the time as a value of its own.
"""

import xarray as xr

from fieldsharp.fields.coordinates.roles import (
    OF_TIME,
    TIME_NAMES,
    Role,
    dimension_roles,
    is_dates,
    role_by_attributes,
    role_by_name,
)
from fieldsharp.fields.coordinates.written_dates import as_dates


def single_time(array: xr.DataArray, dataset: xr.Dataset) -> xr.DataArray | None:
    """Return the only time of a file, without dimension; None where there is none, or several.

    A time by its attributes goes before one by its name, and that before a reference time.

    Args:
        array: The variable with its coordinates. None is returned if it has a dimension of time.
        dataset: The file.

    Raises:
        DataError: If a number is said to be a date and is none.
    """
    if any(role in OF_TIME for role in dimension_roles(array).values()):
        return None
    found: dict[int, list[xr.DataArray]] = {}
    for name, variable in {**dataset.variables, **array.coords}.items():
        if variable.size != 1 or set(variable.dims) & set(array.dims):
            continue
        value = xr.DataArray(variable).squeeze(drop=True)
        beside = array.assign_coords({name: value})
        said = role_by_attributes(beside, str(name))
        role = said or role_by_name(str(name))
        is_named = str(name).lower() in TIME_NAMES  # creation_time and start_time are not
        if role is not Role.REFERENCE and not (role is Role.TIME and (said or is_named)):
            continue
        if not is_dates(value):
            dates = as_dates(value)
            if dates is None:
                continue
            value = xr.DataArray(dates)
        rank = 2 if role is Role.REFERENCE else 0 if said else 1
        found.setdefault(rank, []).append(value.rename(str(name)))
    times = found[min(found)] if found else []
    return times[0] if len({str(time.values) for time in times}) == 1 else None


def along(array: xr.DataArray, time: xr.DataArray) -> xr.DataArray:
    """Return a variable as a single frame at a time."""
    name = str(time.name)
    return array.assign_coords({name: time}).expand_dims(name)
