"""Times that are numbers, compared in one unit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldsharp.core.errors import DataError
from fieldsharp.fields.coordinates.valid_times import seconds_in

DURATIONS = "of durations"
"""Follows the unit of NumPy in the units of times that are durations."""


def comparable_times(
    ours: npt.NDArray[Any],
    our_attrs: Mapping[str, Any],
    theirs: npt.NDArray[Any],
    their_attrs: Mapping[str, Any],
    what: str = "forecast",
    other: str = "truth",
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the times of two files so that equal times are equal values.

    Numbers of equal units stay as they are; others become nanoseconds. ``what`` is the file of ours
    and ``other`` that of theirs as errors call them.

    Raises:
        DataError: If numbers have units of which not both are units of time.
    """
    units, others = _units(ours, our_attrs), _units(theirs, their_attrs)
    if units == others:
        return _plain(ours), _plain(theirs)
    seconds, other_seconds = _seconds(units), _seconds(others)
    if seconds is None or other_seconds is None:
        raise DataError(
            f"the times of the {what} are {_kind(units)} and those of the {other} {_kind(others)}; "
            "give both the same units of time, such as 'hours'"
        )
    return _nanoseconds(ours, seconds), _nanoseconds(theirs, other_seconds)


def _plain(times: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return durations as the numbers they count; numbers as they are."""
    return times.astype(np.int64) if times.dtype.kind == "m" else times


def _units(times: npt.NDArray[Any], attrs: Mapping[str, Any]) -> str:
    if times.dtype.kind == "m":
        return f"{np.datetime_data(times.dtype)[0]} {DURATIONS}"
    units = str(attrs.get("units", "")).strip()
    return "" if units == "1" else units


def _kind(units: str) -> str:
    if units.endswith(DURATIONS):
        return "lengths of time"
    return f"numbers in {units}" if units else "numbers without units"


def _seconds(units: str) -> float | None:
    if units.endswith(DURATIONS):
        return float(np.timedelta64(1, units.split()[0]) / np.timedelta64(1, "s"))  # type: ignore[call-overload]
    return seconds_in(units)


def _nanoseconds(times: npt.NDArray[Any], seconds: float) -> npt.NDArray[np.int64]:
    return np.asarray(np.rint(_plain(times).astype(np.float64) * seconds * 1e9).astype(np.int64))
