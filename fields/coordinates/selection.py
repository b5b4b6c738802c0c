"""Choosing one value of a dimension, by its coordinate or by an index, as it is typed."""

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.core.printable import printable
from fieldsharp.fields.coordinates.roles import is_dates


class NotThereError(DataError):
    """A value of a dimension that a file does not hold; another file may."""


Selection = Mapping[str, int | float | str]
"""Coordinate value (or index, where a dimension has no coordinate) by dimension."""
MOST_SHOWN = 8
"""Values in an error."""
UNITS_OF_LEADS = {"h": 3600, "min": 60}
"""In seconds, the longest first; shorter leads are in seconds."""


@dataclass(frozen=True)
class SelectOption:
    """How a user chooses a value of a dimension: a setting, or an option of a command.

    Attributes:
        name: Of the setting or option, for errors.
        typed: What is typed before ``dimension=value``.
        instead: What to do where a variable lacks a dimension that is selected, for errors.
    """

    name: str
    typed: str
    instead: str = ""

    def advice(self, dim: str, value: object) -> str:
        """Return what to type to choose a value."""
        return f"{self.typed}{dim}={shlex.quote(value_text(value))}"


DATA_SELECT = SelectOption("data.select", "--set data.select.")
FORECAST_SELECT = SelectOption("--forecast-select", "--forecast-select ")
TRUTH_SELECT = SelectOption("--truth-select", "--truth-select ")


def option_of_several(variable: str) -> SelectOption:
    """Return how dimensions of one of several variables are selected: ``t@level=850``."""
    return SelectOption(
        "data.select",
        f"{variable}@",
        instead="; leave it out there, and select it in the names of the variables that have it, "
        "such as t@level=850",
    )


def value_text(value: object) -> str:
    """Return a coordinate value as text that can be typed to choose it: 850, 6 h, 2020-01-01T06.

    Dates are shortened to what they need, durations are in the largest unit that is whole.
    """
    if isinstance(value, np.timedelta64):
        return lead_text(value)
    if isinstance(value, np.datetime64):
        if value != value.astype("datetime64[s]"):
            return str(value)
        shown = str(np.datetime_as_string(value, unit="s"))
        return shown.removesuffix(":00").removesuffix(":00").removesuffix("T00")
    if isinstance(value, bytes):
        return printable(value.decode(errors="replace"))
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return printable(str(value))


def lead_text(lead: np.timedelta64) -> str:
    """Return a duration as text, such as ``6 h``."""
    seconds = lead / np.timedelta64(1, "s")
    if math.isnan(seconds):
        return "no lead"
    for unit, length in UNITS_OF_LEADS.items():
        if seconds % length == 0:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.12g} s"


def choose(
    array: xr.DataArray, select: Selection, option: SelectOption, keep: frozenset[str] = frozenset()
) -> xr.DataArray:
    """Return the array at one value of each named dimension.

    Args:
        array: The variable as stored in the file.
        select: What is chosen.
        option: How it was chosen, for errors.
        keep: Dimensions that are cut to a length of one instead of dropped, since what is chosen
            says what time frames are of.

    Raises:
        DataError: If a dimension or a value of it does not exist, or a value exists twice.
    """
    for dim, value in select.items():
        if dim not in array.dims:
            _require_scalar(array, dim, value, option)
            continue
        index = _index_of(array, dim, value, option)
        if dim in keep:
            array = array.isel({dim: slice(index, index + 1)})
        else:
            array = array.isel({dim: index}, drop=True)
    return array


def _require_scalar(
    array: xr.DataArray, dim: str, value: int | float | str, option: SelectOption
) -> None:
    """Check a value that the whole array has: a coordinate that is no dimension."""
    if dim not in array.coords or array.coords[dim].ndim:
        raise DataError(
            f"{option.name} names the dimension {dim!r}, which variable {array.name!r} does not "
            f"have: its dimensions are {sizes_text(array)}{option.instead}"
        )
    if not _matches(array.coords[dim], value).any():
        raise NotThereError(
            f"{option.name} asks for {dim}={value!r}, and all of variable {array.name!r} is at "
            f"{dim}={value_text(array.coords[dim].values[()])}; leave the selection out"
        )


def _index_of(array: xr.DataArray, dim: str, value: int | float | str, option: SelectOption) -> int:
    if dim in array.coords:
        found = np.flatnonzero(_matches(array.coords[dim], value))
    else:
        found = np.flatnonzero(_equal_numbers(np.arange(array.sizes[dim]), value))
    if len(found) == 1:
        return int(found[0])
    if len(found) > 1:
        raise DataError(
            f"{option.name} asks for {dim}={value!r}, which is there {len(found)} times; give each "
            f"entry of {dim!r} a value of its own"
        )
    values = array.coords[dim].values if dim in array.coords else np.arange(array.sizes[dim])
    shown = ", ".join(value_text(v) for v in values[:MOST_SHOWN])
    more = ", ..." if len(values) > MOST_SHOWN else ""
    raise NotThereError(
        f"{option.name} asks for {dim}={value!r}, which does not exist; choose one of {shown}{more}"
    )


def _matches(coordinate: xr.DataArray, value: int | float | str) -> npt.NDArray[np.bool_]:
    """Return which values of a coordinate are the value that was typed."""
    values = np.atleast_1d(coordinate.values)
    none = np.zeros(len(values), dtype=np.bool_)
    if values.dtype.kind in "iuf":
        return _equal_numbers(values, value)
    text = str(value).strip()
    if values.dtype.kind == "m":
        try:
            lead = pd.Timedelta(text) if not _is_number(text) else None
        except ValueError:
            return none
        return none if lead is None else np.asarray(values == lead.to_timedelta64())
    if values.dtype.kind == "M":
        try:
            when = pd.Timestamp(text)
        except ValueError:
            return none
        when = when.tz_convert("UTC").tz_localize(None) if when.tzinfo else when
        return np.asarray(values == when.to_datetime64())
    if is_dates(coordinate):
        return np.array([_date_text(v) == _padded(text) for v in values])
    return np.array([value_text(v) == text or str(v) == text for v in values])


def _equal_numbers(values: npt.NDArray[Any], value: int | float | str) -> npt.NDArray[np.bool_]:
    """Return which numbers equal a number or its text, up to the rounding of their precision."""
    try:
        number = float(value)
    except ValueError:
        return np.zeros(len(values), dtype=np.bool_)
    if values.dtype.kind != "f":
        return np.asarray(values == number)
    rounding = 4 * float(np.finfo(values.dtype).eps) * abs(number)
    return np.asarray(np.abs(values.astype(np.float64) - number) <= rounding)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _date_text(date: object) -> str:
    return str(date).replace(" ", "T")


def _padded(text: str) -> str:
    """Return a date of another calendar with all its digits, as cftime writes it."""
    whole = text.replace(" ", "T")
    return whole + "0000-01-01T00:00:00"[len(whole) :] if len(whole) < 19 else whole


def sizes_text(array: xr.DataArray) -> str:
    """Return the dimensions of a variable with their lengths."""
    return ", ".join(f"{dim}={size}" for dim, size in array.sizes.items()) or "(none)"
