"""The role of each dimension of a variable: time, reference time, lead, member, level, y or x.

What coordinates say goes first (CF attributes as cf_xarray reads them, then the type of their
values), names of dimensions after it, and the order of dimensions last.
"""

import re
from enum import StrEnum
from functools import lru_cache

import cf_xarray  # noqa: F401  # registers the accessor ``.cf``
import numpy as np
import xarray as xr
from cf_xarray.criteria import regex as CF_NAMES  # noqa: N812


class Role(StrEnum):
    """What a dimension stands for."""

    TIME = "time"
    REFERENCE = "reference time"
    LEAD = "lead"
    MEMBER = "member"
    LEVEL = "level"
    Y = "y"
    X = "x"
    OTHER = "other"


OF_TIME = (Role.TIME, Role.REFERENCE, Role.LEAD)
"""Roles of dimensions that say what time a frame is of."""
TIME_NAMES = ("time", "t", "valid_time", "date", "datetime", "times", "xtime")
VALID_NAMES = (
    *("valid_time", "validtime", "validity_time", "time_valid", "valid_datetime"),
    *("forecast_valid_time", "verification_time", "datetime", "xtime"),
)
"""Names of times that values hold for, of which none is used for a reference time."""
REFERENCE_NAMES = (
    *("forecast_reference_time", "reference_time", "reftime", "ref_time", "init_time", "init"),
    *("inittime", "initial_time", "initialization_time", "initialisation_time", "analysis_time"),
    *("base_time", "basetime", "run_time", "cycle_time", "issue_time", "forecast_init_time"),
)
LEAD_NAMES = (
    *("prediction_timedelta", "step", "lead", "lead_time", "leadtime", "forecast_period"),
    *("forecast_lead_time", "lead_hours", "lead_time_hours", "forecast_hour", "fhour"),
    *("forecast_step", "lead_days", "forecast_day"),
)
MEMBER_NAMES = (
    *("number", "member", "members", "realization", "realisation", "ensemble", "ens"),
    *("ensemble_member", "ens_member", "member_id"),
)
LEVEL_NAMES = (
    *("level", "levels", "lev", "plev", "isobaricinhpa", "isobaric", "pressure", "hybrid"),
    *("depth", "height", "altitude", "sigma", "z", "heightaboveground", "pressure_level"),
    *("model_level", "depthbelowlandlayer", "bottom_top", "s_rho", "deptht"),
)
Y_NAMES = (
    "y",
    "lat",
    "latitude",
    "nav_lat",
    "rlat",
    "j",
    "nj",
    "south_north",
    "yc",
    "yh",
    "eta_rho",
)
X_NAMES = ("x", "lon", "longitude", "nav_lon", "rlon", "i", "ni", "west_east", "xc", "xh", "xi_rho")
OWN_NAMES = {
    Role.REFERENCE: REFERENCE_NAMES,
    Role.LEAD: LEAD_NAMES,
    Role.MEMBER: MEMBER_NAMES,
    Role.TIME: TIME_NAMES,
    Role.Y: Y_NAMES,
    Role.X: X_NAMES,
    Role.LEVEL: LEVEL_NAMES,
}
"""By role; the first role that a name is listed under."""
OF_OTHER_TIMES = {"forecast", "lead", "reference", "ref", "init", "initial", "run", "base", "bnds"}
"""Words in names of times that a frame does not hold for."""
NAMES_OF_CF = {Role.Y: ("Y", "latitude"), Role.X: ("X", "longitude"), Role.LEVEL: ("Z",)}
"""Keys of cf_xarray's patterns, for names that are not listed here."""
ROLES_OF_CF = {
    "latitude": Role.Y,
    "longitude": Role.X,
    "vertical": Role.LEVEL,
    "X": Role.X,
    "Y": Role.Y,
    "Z": Role.LEVEL,
    "T": Role.TIME,
    "time": Role.TIME,
}
"""Roles by cf_xarray's keys; a later one goes before an earlier one: axis X before a latitude."""
TELLING = (
    *("axis", "standard_name", "long_name", "units", "positive"),
    *("_CoordinateAxisType", "cartesian_axis", "grads_dim"),
)
"""Attributes that cf_xarray looks at."""
OF_ONE_VALUE = "role of the dimension that it was"
"""Attribute, in memory alone, of a coordinate whose dimension had one value and was taken away."""
STANDARD_NAMES = {
    "forecast_reference_time": Role.REFERENCE,
    "forecast_period": Role.LEAD,
    "realization": Role.MEMBER,
    "time": Role.TIME,
}


def dimension_roles(array: xr.DataArray) -> dict[str, Role]:
    """Return the role of each dimension; at most one dimension is time, y and x each."""
    said = _said(array)
    roles = {str(dim): _role_of(array, str(dim), said) for dim in array.dims}
    _keep_one_time(array, roles, said)
    for role in (Role.Y, Role.X):
        with_it = [dim for dim, found in roles.items() if found is role]
        by_attributes = [dim for dim in with_it if said.get(dim) is role]
        for dim in with_it:
            if dim != (by_attributes or with_it)[-1]:
                roles[dim] = Role.OTHER
    return roles


def role_by_name(name: str) -> Role:
    """Return the role that a name stands for, OTHER where it stands for none."""
    lower = name.lower()
    for role, names in OWN_NAMES.items():
        if lower in names:
            return role
    for role, keys in NAMES_OF_CF.items():
        if any(re.fullmatch(CF_NAMES[key].pattern, lower) for key in keys):
            return role
    words = set(re.split(r"[_\W\d]+", lower))
    if "time" in words and words.isdisjoint(OF_OTHER_TIMES):  # ocean_time, time_counter
        return Role.TIME
    return Role.OTHER


def role_by_attributes(array: xr.DataArray, name: str) -> Role | None:
    """Return what the CF attributes of a coordinate say, None where they say nothing."""
    if name not in array.coords:
        return None
    attrs = array.coords[name].attrs
    return _said_by(tuple((key, str(attrs[key])) for key in TELLING if key in attrs))


def is_dates(coordinate: xr.DataArray) -> bool:
    """Return whether the values of a coordinate are dates, of NumPy or of another calendar."""
    if np.issubdtype(coordinate.dtype, np.datetime64):
        return True
    if coordinate.dtype != object or coordinate.size == 0:
        return False
    return hasattr(coordinate.values.flat[0], "calendar")


def _said(array: xr.DataArray) -> dict[str, Role]:
    """Return the roles of coordinates that have CF attributes, by name."""
    roles = {str(name): role_by_attributes(array, str(name)) for name in array.coords}
    return {name: role for name, role in roles.items() if role is not None}


@lru_cache(maxsize=1000)
def _said_by(attrs: tuple[tuple[str, str], ...]) -> Role | None:
    """Return what attributes say; kept, since cf_xarray tries every criterion each time."""
    standard = STANDARD_NAMES.get(dict(attrs).get("standard_name", ""))
    if standard is not None or not attrs:
        return standard
    one = xr.Dataset(coords={"it": ((), 0, dict(attrs))})
    described = {**one.cf.coordinates, **one.cf.axes}
    found = [role for key, role in ROLES_OF_CF.items() if described.get(key)]
    return found[-1] if found else None


def _role_of(array: xr.DataArray, dim: str, said: dict[str, Role]) -> Role:
    along = [str(name) for name, found in array.coords.items() if found.dims == (dim,)]
    along.sort(key=lambda name: name != dim)  # the coordinate of its own name first
    for name in along:
        if name in said:
            return Role.LEAD if _is_lead(array, name, said[name]) else _of_dates(name, said[name])
        if is_dates(array.coords[name]):
            return _of_dates(name, Role.TIME)
        if array.coords[name].dtype.kind == "m":
            return Role.LEAD
    if _has_two_dimensional_times(array, dim):
        return Role.LEAD
    named = role_by_name(dim)
    if dim.lower() == "height" and "width" in {str(other).lower() for other in array.dims}:
        return Role.OTHER  # rows of a picture
    if named is Role.OTHER and along:
        named = next((r for r in map(role_by_name, along) if r is not Role.OTHER), Role.OTHER)
    return named


def _has_two_dimensional_times(array: xr.DataArray, dim: str) -> bool:
    """Return whether dates run along a dimension of leads and one of reference times."""
    for coordinate in array.coords.values():
        if coordinate.ndim == 2 and dim in coordinate.dims and is_dates(coordinate):
            (other,) = (str(name) for name in coordinate.dims if name != dim)
            if role_by_attributes(array, other) is Role.REFERENCE or (
                role_by_name(other) is Role.REFERENCE
            ):
                return True
    return False


def _is_lead(array: xr.DataArray, name: str, role: Role) -> bool:
    """Return whether a coordinate of times is time since a reference: GraphCast's ``time``."""
    return role is Role.LEAD or (role is Role.TIME and array.coords[name].dtype.kind == "m")


def _of_dates(name: str, role: Role) -> Role:
    by_name = name.lower() in REFERENCE_NAMES
    return Role.REFERENCE if role is Role.TIME and by_name else role


def _keep_one_time(array: xr.DataArray, roles: dict[str, Role], said: dict[str, Role]) -> None:
    """Leave the role of time to one dimension: of dates, of attributes, or else of the name."""
    times = [dim for dim, role in roles.items() if role is Role.TIME]
    times.sort(
        key=lambda dim: (
            not any(is_dates(c) for c in array.coords.values() if c.dims == (dim,)),
            dim not in said,
        )
    )
    for dim in times[1:]:
        roles[dim] = Role.OTHER
