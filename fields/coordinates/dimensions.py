"""Finding the frames, y and x among the dimensions of a variable."""

import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.coordinates.roles import OF_ONE_VALUE, OF_TIME, Role, dimension_roles
from fieldsharp.fields.coordinates.selection import (
    DATA_SELECT,
    Selection,
    SelectOption,
    choose,
    sizes_text,
)


def field_dims(
    array: xr.DataArray, select: Selection, option: SelectOption = DATA_SELECT
) -> tuple[xr.DataArray, tuple[str, str, str]]:
    """Return the array with one value chosen for every other dimension, and its time, y and x.

    In the order of the file: xarray reads a transposed array through an index of every value.
    Time runs along the reference times of one lead, or along the leads of one reference time; what
    has one value stays a coordinate without dimension.

    Args:
        array: The variable as stored in the file.
        select: Coordinate value (or index, where a dimension has no coordinate) by dimension.
        option: How it was selected, for errors.

    Raises:
        DataError: If there is no time dimension, a selection does not exist, or more than two
            dimensions are left besides time.
    """
    array, roles, y, x = _on_a_grid(array, select, option)
    array = _without_single(array, roles, (y, x), members=True)
    _refuse_others(array, [d for d in array.dims if roles[str(d)] not in OF_TIME], (y, x), option)
    frames = [str(dim) for dim in array.dims if roles[str(dim)] in OF_TIME]
    if len(frames) > 1:
        raise _several_times(array, frames, roles, option)
    return array, (frames[0], y, x)


def forecast_dims(
    array: xr.DataArray, select: Selection, option: SelectOption
) -> tuple[xr.DataArray, tuple[str, ...], str | None]:
    """Return the array of a forecast, its dimensions, and which of them is of members.

    Frames may run along a reference time, a lead and a member at once, in the order of the file.

    Args:
        array: The variable as stored in the file.
        select: Coordinate value (or index, where a dimension has no coordinate) by dimension.
        option: How it was selected, for errors.

    Returns:
        The array with one value chosen for every other dimension; names of the dimensions that
        frames run along, then y and x; the dimension of members, None where there is none.

    Raises:
        DataError: As ``field_dims``, but for several leads and members.
    """
    array, roles, y, x = _on_a_grid(array, select, option)
    array = _without_single(array, roles, (y, x), members=False)
    of_frames = (*OF_TIME, Role.MEMBER)
    frames = [str(dim) for dim in array.dims if roles[str(dim)] in of_frames]
    _refuse_others(array, [dim for dim in array.dims if dim not in frames], (y, x), option)
    members = [dim for dim in frames if roles[dim] is Role.MEMBER]
    if len(members) > 1:
        raise _too_many(array, members[0], option)
    return array, (*frames, y, x), members[0] if members else None


def _on_a_grid(
    array: xr.DataArray, select: Selection, option: SelectOption
) -> tuple[xr.DataArray, dict[str, Role], str, str]:
    """Return the selected part, the role of each dimension, and y and x.

    Raises:
        DataError: If a selection does not exist, or there is no time, y or x.
    """
    of_time = [dim for dim, role in dimension_roles(array).items() if role in OF_TIME]
    array = choose(array, select, option, frozenset(of_time))
    roles = dimension_roles(array)
    if not any(role in OF_TIME for role in roles.values()):
        raise DataError(
            f"variable {array.name!r} has no time dimension: its dimensions are "
            f"{sizes_text(array)}; name one of them 'time' or choose another variable with "
            "data.variable"
        )
    y, x = _space(array, roles, option)
    return array, roles, y, x


def _space(array: xr.DataArray, roles: dict[str, Role], option: SelectOption) -> tuple[str, str]:
    """Return y and x; where nothing says which they are, the dimensions left, in their order.

    Raises:
        DataError: If too few or too many dimensions are left.
    """
    y = [dim for dim, role in roles.items() if role is Role.Y]
    x = [dim for dim, role in roles.items() if role is Role.X]
    spare = [dim for dim, role in roles.items() if role is Role.OTHER]
    needed = 2 - len(y) - len(x)
    while len(spare) > needed and any(array.sizes[dim] == 1 for dim in spare):
        spare.remove(next(dim for dim in spare if array.sizes[dim] == 1))
    if needed and len(spare) > needed:
        raise _too_many(array, spare[0], option)
    if len(spare) < needed:
        levels = [dim for dim, role in roles.items() if role is Role.LEVEL]
        of_levels = f" ({levels[0]!r} is a level)" if levels else ""
        raise DataError(
            f"variable {array.name!r} has the dimensions {sizes_text(array)} where time, y and x "
            f"were expected{of_levels}; choose a variable on a grid"
        )
    if needed == 2:
        return spare[0], spare[1]
    return (y or spare)[0], (x or spare)[0]


def _without_single(
    array: xr.DataArray, roles: dict[str, Role], space: tuple[str, str], *, members: bool
) -> xr.DataArray:
    """Drop dimensions of one value; of times the value stays, and one dimension at least.

    Args:
        array: The selected part.
        roles: Of its dimensions.
        space: Its y and x.
        members: Whether frames have to run along a time, not a member.
    """
    single = [str(d) for d in array.dims if array.sizes[d] == 1 and d not in space]
    of_frames = [d for d in map(str, array.dims) if roles[d] in OF_TIME]
    others = [d for d in of_frames if d not in single]
    if not members:
        others += [d for d, role in roles.items() if role is Role.MEMBER and d not in single]
    # All of one value: a frame at a valid or reference time.
    kept = [] if others else sorted(of_frames, key=lambda d: OF_TIME.index(roles[d]))[:1]
    for dim in single:
        if dim in kept:
            continue
        if roles[dim] in OF_TIME:
            if dim not in array.coords:  # that there is a lead must not be lost
                array = array.assign_coords({dim: [0]})
            array = array.isel({dim: 0})
            of_dim = array.coords[dim].assign_attrs({OF_ONE_VALUE: roles[dim]})
            array = array.assign_coords({dim: of_dim})
        else:
            array = array.isel({dim: 0}, drop=True)
    return array


def _refuse_others(
    array: xr.DataArray, dims: list[object], space: tuple[str, str], option: SelectOption
) -> None:
    spare = [str(dim) for dim in dims if dim not in space]
    if spare:
        raise _too_many(array, spare[0], option)


def _too_many(array: xr.DataArray, dim: str, option: SelectOption) -> DataError:
    return DataError(
        f"variable {array.name!r} has the dimensions {sizes_text(array)} where time, y and x were "
        f"expected; choose one with {option.name}, for example "
        f"{option.advice(dim, _first_value(array, dim))}"
    )


def _several_times(
    array: xr.DataArray, frames: list[str], roles: dict[str, Role], option: SelectOption
) -> DataError:
    """Return the error of a series with several times for each frame."""
    order = (Role.LEAD, Role.REFERENCE, Role.TIME)
    chosen, other = sorted(frames, key=lambda dim: order.index(roles[dim]))[:2]
    return DataError(
        f"variable {array.name!r} has {array.sizes[chosen]} values of {chosen!r} "
        f"({roles[chosen].value}) at each of {array.sizes[other]} of {other!r}, and a series has "
        f"one frame at a time; choose one with {option.name}, for example "
        f"{option.advice(chosen, _first_value(array, chosen))}"
    )


def _first_value(array: xr.DataArray, dim: str) -> object:
    return array.coords[dim].values[0] if dim in array.coords else 0
