"""Dates of two files on their calendars: whether they compare, and as numbers that do."""

from datetime import timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fieldsharp.core.errors import DataError

CIVIL_CALENDARS = ("standard", "gregorian", "proleptic_gregorian")
"""The same since the calendar reform; before, ``standard`` counts Julian dates."""
REFORM = (1582, 10, 15)
OTHER_NAMES = {"365_day": "noleap", "366_day": "all_leap", "gregorian": "standard"}
"""Second names of calendars in CF."""


Kind = Literal["dates", "numbers"]


def kind_of_time(time: npt.NDArray[Any]) -> Kind:
    """Return whether times are dates or numbers (or spans of time), which do not compare."""
    return "dates" if time.dtype.kind in "MO" else "numbers"


def require_same_calendar(
    ours: npt.NDArray[Any], theirs: npt.NDArray[Any], what: str, other: str = "truth"
) -> None:
    """Check that the dates of two files compare.

    Args:
        ours: Dates.
        theirs: Dates.
        what: The first file as errors call it.
        other: The second file as errors call it.

    Raises:
        DataError: If they are on calendars of which dates do not compare.
    """
    names = [_calendar(time) for time in (ours, theirs)]
    if names[0] == names[1]:
        return
    if all(name in CIVIL_CALENDARS for name in names):
        if all(_begins_after_reform(time) for time in (ours, theirs)):
            return
        reason = "which differ before October 1582"
    else:
        reason = "so that a date of one is none, or another day, of the other"
    raise DataError(
        f"the {what} is on the calendar {names[0]!r} and the {other} on {names[1]!r}, {reason}; "
        "compare files of one calendar"
    )


def _calendar(time: npt.NDArray[Any]) -> str:
    if time.dtype.kind == "M":
        return "proleptic_gregorian"
    name = str(time[0].calendar)
    return OTHER_NAMES.get(name, name)


def _begins_after_reform(time: npt.NDArray[Any]) -> bool:
    if time.dtype.kind == "M":
        return bool(time[0].astype("datetime64[D]") >= np.datetime64("1582-10-15"))
    return (time[0].year, time[0].month, time[0].day) >= REFORM


def microseconds(time: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return dates as whole microseconds since 1970, of their calendar."""
    if time.dtype.kind == "M":
        return time.astype("datetime64[us]").astype(np.int64)
    epoch = time[0].replace(year=1970, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return np.array([(date - epoch) // timedelta(microseconds=1) for date in time], dtype=np.int64)
