"""The frames of a variable: the time, lead and member of each, and the coordinates of its grid.

Shape legend: T frames.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.coordinates.roles import (
    OF_TIME,
    Role,
    dimension_roles,
    is_dates,
    role_by_attributes,
    role_by_name,
)
from fieldsharp.fields.coordinates.selection import value_text
from fieldsharp.fields.coordinates.valid_times import FrameTimes, frame_times, time_coordinates
from fieldsharp.fields.files.rewriting import copy_with
from fieldsharp.fields.series import time_text

DAY_OR_MONTH_FIRST = re.compile(r"since\s+(\d{1,2}[-/.]\d{1,2}[-/.]\d{3,})")
NUMBERED = {"long_name": "number of the frame in its file, from 0", "units": "1"}
"""Attributes of a time coordinate that counts frames, for data without times."""


@dataclass(frozen=True)
class Frames:
    """What each frame of a variable is of.

    Attributes:
        time_T: Time that a frame holds for; frame numbers where the file has none.
        has_time: Whether the file has times.
        name: Of the time dimension.
        attrs: Of the time coordinate.
        lead_T: How far ahead a frame was forecast; None where the file does not say.
        member_T: Member of the ensemble; None where there are not several.
    """

    time_T: npt.NDArray[Any]
    has_time: bool
    name: str
    attrs: dict[str, Any]
    lead_T: npt.NDArray[np.timedelta64] | None = None
    member_T: tuple[str, ...] | None = None


def frames_of(array: xr.DataArray, dims: tuple[str, ...], member: str | None = None) -> Frames:
    """Return what the frames of a variable are of, in the order of ``dims``, the last fastest.

    Args:
        array: The selected part of the variable.
        dims: Dimensions that frames run along.
        member: Which of them is of members.

    Raises:
        DataError: If times are not known, are no dates or numbers, or there are two frames of one
            time, lead and member; where frames run along one dimension alone, if time does not
            increase.
    """
    for coordinate in array.coords.values():
        if set(coordinate.dims) <= set(dims) and is_dates(coordinate):
            _require_year_first(array, coordinate)
    times = frame_times(array, dims)
    shape = [array.sizes[dim] for dim in dims]
    members = None
    if member is not None:
        own = array[member].values  # numbers from 0 where there is no coordinate
        index_T = np.indices(shape)[dims.index(member)].reshape(-1)
        members = tuple(value_text(own[index]) for index in index_T)
    if times.valid_T is None:
        along = next((k for k, dim in enumerate(dims) if dim != member), 0)
        return Frames(
            time_T=np.indices(shape)[along].reshape(-1),
            has_time=False,
            name=dims[along],
            attrs=dict(NUMBERED),
            member_T=members,
        )
    time_T = _checked(times.valid_T)
    if len(dims) == 1 and member is None:
        _require_increase(array, dims[0], time_T)
    else:
        _require_distinct(time_T, times.lead_T, members)
    return Frames(
        time_T=time_T,
        has_time=True,
        name=_name(array, dims, times),
        attrs=times.attrs,
        lead_T=times.lead_T,
        member_T=members,
    )


def grid_coordinates(
    array: xr.DataArray, dims: tuple[str, ...], y: str, x: str
) -> dict[str, xr.DataArray]:
    """Return the coordinates of y and x, and those of one value that are no time.

    Maps of latitude and longitude that are stored for each time are taken where they are the same
    at all times.

    Args:
        array: The selected part of the variable.
        dims: Dimensions that frames run along.
        y: Its dimension of rows.
        x: Its dimension of columns.

    Raises:
        DataError: If the grid moves.
    """
    times = time_coordinates(array, dims).names
    found = {}
    for name, coordinate in array.coords.items():
        name = str(name)
        if name in times or (not coordinate.ndim and _is_of_time(array, name)):
            continue
        if set(coordinate.dims) <= {y, x}:
            found[name] = coordinate
        elif coordinate.ndim == 3 and set(coordinate.dims) > {y, x} and _is_place(array, name):
            found[name] = _constant(coordinate, y, x)
    attached = set(found)
    return {
        name: c.drop_vars([other for other in c.coords if other not in attached])
        for name, c in found.items()
    }


def _is_place(array: xr.DataArray, name: str) -> bool:
    return role_by_attributes(array, name) in (Role.X, Role.Y)


def _constant(places: xr.DataArray, y: str, x: str) -> xr.DataArray:
    (time,) = set(places.dims) - {y, x}
    variable = places.variable
    first = variable.isel({time: 0}).load()
    for frame in range(1, variable.sizes[time]):
        other = variable.isel({time: frame}).values
        if not np.array_equal(first.values, other, equal_nan=True):
            raise DataError(
                f"the grid moves: coordinate {places.name!r} of frame {frame} is not that of frame "
                "0; bring the frames to one grid"
            )
    return xr.DataArray(first, name=places.name)


def _is_of_time(array: xr.DataArray, name: str) -> bool:
    coordinate = array.coords[name]
    if is_dates(coordinate) or coordinate.dtype.kind == "m":
        return True
    return (role_by_attributes(array, name) or role_by_name(name)) in OF_TIME


def _name(array: xr.DataArray, dims: tuple[str, ...], times: FrameTimes) -> str:
    """Return a name for the time dimension, under which its values are valid times."""
    roles = dimension_roles(array)
    dim = dims[0]
    if times.stored == dim or (dim not in array.coords and roles[dim] is Role.TIME):
        return dim
    return "time"


def _require_year_first(array: xr.DataArray, coordinate: xr.DataArray) -> None:
    ambiguous = DAY_OR_MONTH_FIRST.search(str(coordinate.encoding.get("units", "")))
    if ambiguous:
        raise DataError(
            f"time counts from {ambiguous[1]}, which may have the day or the month first; write "
            "the year first in its units, such as 'hours since 2003-12-31'"
            f"{copy_with(array, _with_year_first(coordinate, ambiguous[1]), 'dated', False)}"
        )


def _checked(when: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return times in one resolution, so that two files' times compare.

    Raises:
        DataError: If they are neither dates nor numbers, or one is missing.
    """
    if np.issubdtype(when.dtype, np.datetime64):
        when = when.astype("datetime64[ns]")
        if np.isnat(when).any():
            raise DataError(
                f"frame {int(np.argmax(np.isnat(when)))} has no time; drop the frames without one"
            )
    elif when.dtype.kind not in "iufm" and not hasattr(when.flat[0], "calendar"):
        raise DataError(
            f"time holds {when.dtype}, such as {str(when.flat[0])!r}, neither dates nor numbers; "
            "give it CF units such as 'hours since 2000-01-01'"
        )
    return when


def _require_increase(array: xr.DataArray, dim: str, when: npt.NDArray[Any]) -> None:
    if len(when) > 1:
        ahead = when[1:] > when[:-1]
        if not ahead.all():
            frame = int(np.argmin(ahead)) + 1
            advice = copy_with(array, _in_order(dim), "sorted") if dim in array.coords else ""
            raise DataError(
                f"time does not increase: frame {frame} ({time_text(when[frame])}) is not after "
                f"frame {frame - 1} ({time_text(when[frame - 1])}); sort the file by time and drop "
                f"doubles{advice}"
            )


def _require_distinct(
    when: npt.NDArray[Any],
    lead_T: npt.NDArray[np.timedelta64] | None,
    members: tuple[str, ...] | None,
) -> None:
    leads = [0] * len(when) if lead_T is None else lead_T.tolist()
    seen = set()
    for key in zip(when.tolist(), leads, members or [""] * len(when), strict=True):
        if key in seen:
            raise DataError(
                "two frames hold for the same time, lead and member; drop doubles from the file"
            )
        seen.add(key)


def _with_year_first(time: xr.DataArray, date: str) -> str:
    day, month, year = re.split(r"[-/.]", date)
    units = str(time.encoding["units"]).replace(date, f"{year:0>4}-{month:0>2}-{day:0>2}")
    return f'd[{json.dumps(str(time.name))}].attrs["units"] = {json.dumps(units)}'


def _in_order(time: str) -> str:
    name = json.dumps(time)
    return f"d = d.sortby({name}).drop_duplicates({name})"
