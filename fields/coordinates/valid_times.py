"""The time that each frame of a variable holds for, and how far ahead it was forecast.

A forecast's time is its *valid* time: the reference time it started from plus its lead. Shape
legend: T frames.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.coordinates.roles import (
    OF_ONE_VALUE,
    REFERENCE_NAMES,
    VALID_NAMES,
    Role,
    is_dates,
    role_by_attributes,
    role_by_name,
)
from fieldsharp.fields.coordinates.selection import lead_text, value_text

SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
}
"""In a unit of time, as CF and udunits spell it."""
TOLERANCE = np.timedelta64(60, "s")
"""Between a valid time and reference time plus lead: leads are rounded in files."""


OF_STARTS = {"standard_name": "forecast_reference_time"}
"""Attributes of times that a forecast starts from, where no lead is known."""


@dataclass(frozen=True)
class TimeCoordinates:
    """Names of the coordinates that say what time frames are of; None where there is none."""

    valid: str | None
    reference: str | None
    lead: str | None

    @property
    def names(self) -> set[str]:
        """All of them."""
        return {name for name in (self.valid, self.reference, self.lead) if name is not None}


@dataclass(frozen=True)
class FrameTimes:
    """Times of the frames of a variable.

    Attributes:
        valid_T: Time that a frame holds for: dates or numbers; None where the file has none.
        lead_T: How far ahead it was forecast; None where the file does not say.
        attrs: Attributes of the time coordinate; of CF's time where it was computed, ``OF_STARTS``
            where there are only times that a forecast starts from.
        stored: Name of the coordinate that the times are from; None where they were computed.
    """

    valid_T: npt.NDArray[Any] | None
    lead_T: npt.NDArray[np.timedelta64] | None
    attrs: dict[str, Any]
    stored: str | None


def seconds_in(units: object) -> float | None:
    """Return the seconds in a unit of time, None where it is none."""
    return SECONDS.get(str(units).strip().lower())


def require_same_kind_of_dates(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], what: str, other: str
) -> None:
    """Check that two time axes are both of the times that values hold for, or both of starts.

    Args:
        ours: Attributes of one.
        theirs: Of the other.
        what: The first as errors call it.
        other: The second as they call it.

    Raises:
        DataError: If one is of starts alone.
    """
    are_starts = [OF_STARTS.items() <= attrs.items() for attrs in (ours, theirs)]
    if are_starts[0] != are_starts[1]:
        starts, valid = (what, other) if are_starts[0] else (other, what)
        raise DataError(
            f"the dates of the {starts} are those a forecast starts from, no lead says how far "
            f"ahead its frames are, and those of the {valid} are what its frames hold for; if they "
            "are the same, as in analyses, give the former the standard_name 'time', else add a "
            "coordinate 'lead' with units of time, such as 'hours'"
        )


def has_leads(array: xr.DataArray) -> bool:
    """Return whether a variable has a lead: a dimension or a coordinate of one value."""
    names = {str(name) for name in (*array.dims, *array.coords)}
    return any(_role(array, name) is Role.LEAD for name in names)


def time_coordinates(array: xr.DataArray, dims: tuple[str, ...]) -> TimeCoordinates:
    """Return which coordinates are the valid time, the reference time and the lead.

    Args:
        array: The variable, with coordinates of one value for what was selected.
        dims: Its dimensions that frames are of.

    Raises:
        DataError: If the dates beside a lead may be either time.
    """
    along = [str(name) for name, c in array.coords.items() if set(c.dims) <= set(dims)]
    along.sort(key=lambda name: (-array.coords[name].ndim, name not in array.dims))
    dated = [name for name in along if is_dates(array.coords[name])]
    reference = next((n for n in dated if _role(array, n) is Role.REFERENCE), None)
    lead = next((n for n in along if _role(array, n) is Role.LEAD), None)
    with_leads = lead is not None or any(_role(array, dim) is Role.LEAD for dim in dims)
    others = [name for name in dated if _role(array, name) is not Role.REFERENCE]
    named = [name for name in others if name.lower() in VALID_NAMES]
    said = [name for name in others if array.coords[name].attrs.get("standard_name") == "time"]
    of_dims = [name for name in others if name in dims]
    if not with_leads:
        varying = [name for name in others if array.coords[name].ndim]
        timelike = [name for name in others if _role(array, name) is Role.TIME]
        candidates = [*of_dims, *(n for n in named if n in varying), *varying, *timelike]
        return TimeCoordinates(next(iter(candidates), None), reference, None)
    if named:
        rest = [n for n in [*of_dims, *others] if n not in named and _role(array, n) is Role.TIME]
        return TimeCoordinates(named[0], reference or next(iter(rest), None), lead)
    if reference is not None:
        timelike = [n for n in [*said, *of_dims, *others] if _role(array, n) is Role.TIME]
        return TimeCoordinates(next(iter(timelike), None), reference, lead)
    start = next(iter([*of_dims, *others]), None)
    if start is not None and start in said:
        if lead is not None and _belongs_to(array.coords[lead], array.coords[start]):
            return TimeCoordinates(start, None, lead)
        raise DataError(
            f"variable {array.name!r} has leads ({lead or 'a dimension without values'}) beside "
            f"dates that may be those a forecast starts from or those it holds for: {start!r} has "
            "the standard_name 'time'; give it the standard_name 'forecast_reference_time' or the "
            "name 'valid_time'"
        )
    return TimeCoordinates(None, start, lead)


def frame_times(array: xr.DataArray, dims: tuple[str, ...]) -> FrameTimes:
    """Return the times of the frames of a variable, in the order of ``dims``, the last fastest.

    Raises:
        DataError: If a lead's unit or reference time is not known, or the times contradict each
            other.
    """
    found = time_coordinates(array, dims)
    valid = None if found.valid is None else array.coords[found.valid]
    reference = None if found.reference is None else array.coords[found.reference]
    lead = None if found.lead is None else _as_durations(array.coords[found.lead], valid is None)
    leads_without_values = found.lead is None and has_leads(array)
    if valid is None and reference is not None and lead is None:
        if leads_without_values:
            raise _unvalued_lead(array)
        attrs = {**reference.attrs, **OF_STARTS}
        return FrameTimes(_spread(reference, array, dims), None, attrs, found.reference)
    if valid is None and reference is not None and lead is not None:
        valid = _sum(reference, lead)
    elif valid is not None and reference is not None:
        _require_agreement(valid, reference, lead)
        if lead is None:
            lead = _difference(valid, reference)
    elif valid is None and (lead is not None or leads_without_values):
        return _without_reference(array, dims, found)
    if valid is None:
        return _of_numbers(array, dims)
    computed = found.valid is None
    return FrameTimes(
        valid_T=_spread(valid, array, dims),
        lead_T=None if lead is None else _spread(lead, array, dims).astype("timedelta64[ns]"),
        attrs={"standard_name": "time"} if computed else dict(valid.attrs),
        stored=found.valid,
    )


def _role(array: xr.DataArray, name: str) -> Role:
    """Return the role of a coordinate or dimension among times and leads."""
    coordinate = array.coords.get(name)
    if coordinate is not None and coordinate.attrs.get(OF_ONE_VALUE) == Role.LEAD:
        return Role.LEAD
    said = None if coordinate is None else role_by_attributes(array, name)
    if said is Role.TIME and name.lower() in REFERENCE_NAMES:
        return Role.REFERENCE
    if coordinate is not None and coordinate.dtype.kind == "m" and name in array.dims:
        return Role.LEAD if said in (None, Role.TIME, Role.LEAD) else said
    role = said or role_by_name(name)
    if coordinate is None:
        return role
    if role is Role.LEAD and is_dates(coordinate):  # dates named ``step``
        return Role.TIME
    return role


def _belongs_to(lead: xr.DataArray, time: xr.DataArray) -> bool:
    """Return whether CF's forecast period describes the times themselves, as Iris writes it."""
    said = lead.attrs.get("standard_name") == "forecast_period"
    return said and set(lead.dims) <= set(time.dims) and lead.name not in time.dims


def _as_durations(lead: xr.DataArray, needed: bool) -> xr.DataArray | None:
    """Return leads as durations; None where their unit is not known and not needed."""
    if lead.dtype.kind == "m":
        return lead
    seconds = seconds_in(lead.attrs.get("units", "")) or _seconds_by_name(str(lead.name))
    if seconds is None or lead.dtype.kind not in "iuf":
        if not needed:
            return None
        units = lead.attrs.get("units")
        found = f"the units {units!r}" if units else "no units"
        raise DataError(
            f"the lead {lead.name!r} has {found} and values such as "
            f"{value_text(lead.values.flat[0])}, so that the time its frames hold for is not "
            "known; give it units of time, such as 'hours'"
        )
    nanoseconds = np.round(np.asarray(lead.values, dtype=np.float64) * seconds * 1e9)
    durations = nanoseconds.astype("timedelta64[ns]")
    return xr.DataArray(durations, dims=lead.dims, name=lead.name)


def _seconds_by_name(name: str) -> float | None:
    found = re.search(r"(hours?|days?|minutes?|seconds?)$", name.lower())
    return None if found is None else seconds_in(found[1])


def _sum(reference: xr.DataArray, lead: xr.DataArray) -> xr.DataArray:
    start, ahead = _bare(reference), _bare(lead)
    if np.issubdtype(start.dtype, np.datetime64):
        return start.astype("datetime64[ns]") + ahead.astype("timedelta64[ns]")
    start, ahead = xr.broadcast(start, ahead)
    durations = ahead.values.astype("timedelta64[us]").astype(object)  # as cftime adds them
    return xr.DataArray(start.values + durations, dims=start.dims)


def _difference(valid: xr.DataArray, reference: xr.DataArray) -> xr.DataArray:
    lead = _bare(valid) - _bare(reference)
    return lead.astype("timedelta64[ns]")


def _bare(coordinate: xr.DataArray) -> xr.DataArray:
    """Return values by dimension alone: arithmetic would align other coordinates."""
    return xr.DataArray(np.asarray(coordinate.values), dims=coordinate.dims)


def _require_agreement(
    valid: xr.DataArray, reference: xr.DataArray, lead: xr.DataArray | None
) -> None:
    if lead is None:
        return
    computed, stored = xr.broadcast(_sum(reference, lead), _bare(valid))
    apart = np.abs((computed - stored).values.astype("timedelta64[ns]"))
    if (apart > TOLERANCE).any():
        raise DataError(
            f"{valid.name!r} is up to {lead_text(apart.max())} from {reference.name!r} plus "
            f"{lead.name!r}; write the times that values hold for into {valid.name!r}"
        )


def _unvalued_lead(array: xr.DataArray) -> DataError:
    dims = [str(dim) for dim in array.dims if _role(array, str(dim)) is Role.LEAD]
    return DataError(
        f"the lead {dims[0] if dims else ''!r} has no values, so that the time its frames hold "
        "for is not known; give it a coordinate of leads with units of time, such as 'hours'"
    )


def _without_reference(
    array: xr.DataArray, dims: tuple[str, ...], found: TimeCoordinates
) -> FrameTimes:
    """Return the durations of a time dimension that has no other time, as numbers.

    Raises:
        DataError: If they are leads from a time that the file does not say.
    """
    lead = None if found.lead is None else array.coords[found.lead]
    names = [str(dim) for dim in dims if role_by_name(str(dim)) is Role.TIME]
    if lead is not None and role_by_name(str(lead.name)) is Role.TIME:
        return FrameTimes(_spread(_bare(lead), array, dims), None, dict(lead.attrs), found.lead)
    if names and any(name in array.coords for name in names):
        name = names[0]
        raise DataError(
            f"variable {array.name!r} has leads and the time {name!r}, which holds numbers such as "
            f"{value_text(array.coords[name].values.flat[0])} and no dates; give it CF units such "
            "as 'hours since 2000-01-01'"
        )
    raise DataError(
        f"variable {array.name!r} has leads ({found.lead or 'without values'}) and no time that "
        "they count from; add a coordinate 'forecast_reference_time' of dates"
    )


def _of_numbers(array: xr.DataArray, dims: tuple[str, ...]) -> FrameTimes:
    """Return the numbers, or text, of a time dimension without dates."""
    for dim in dims:
        along = [str(name) for name, c in array.coords.items() if c.dims == (dim,)]
        along.sort(key=lambda name: name != dim)
        for name in along:
            if name == dim or _role(array, name) is Role.TIME:
                time = array.coords[name]
                if _role(array, dim) is Role.MEMBER:
                    continue
                return FrameTimes(_spread(_bare(time), array, dims), None, dict(time.attrs), name)
    return FrameTimes(None, None, {}, None)


def _spread(values: xr.DataArray, array: xr.DataArray, dims: tuple[str, ...]) -> npt.NDArray[Any]:
    """Return one value for each frame."""
    sizes = {dim: array.sizes[dim] for dim in dims}
    whole = _bare(values).expand_dims({d: n for d, n in sizes.items() if d not in values.dims})
    return np.asarray(whole.transpose(*dims).values).reshape(-1)
