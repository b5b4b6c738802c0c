"""Finds the frames that two files have at the same time, on any calendar and in any unit of time.

Times are the same within a hundredth of the time step: files keep them in single precision at
times, which moves them by seconds.
"""

from datetime import timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fieldsharp.core.errors import DataError
from fieldsharp.fields.coordinates.units import InconvertibleUnitsError, unit_conversion
from fieldsharp.fields.reading import RawField
from fieldsharp.fields.series import period_text, time_text

SHARE_OF_STEP = 0.01
CIVIL_CALENDARS = ("standard", "gregorian", "proleptic_gregorian")
"""The same since the calendar reform; before, ``standard`` counts Julian dates."""
REFORM = (1582, 10, 15)
OTHER_NAMES = {"365_day": "noleap", "366_day": "all_leap", "gregorian": "standard"}
"""Second names of calendars in CF."""

Numbers = npt.NDArray[np.int64] | npt.NDArray[np.float64]
Kind = Literal["dates", "spans of time", "numbers"]


def common_frames(
    predicted: RawField, observed: RawField, what: str = "forecast"
) -> tuple[list[int], list[int]]:
    """Return the indices of frames at common times, in the forecast and in the truth.

    Files without times are paired frame by frame.

    Args:
        predicted: The forecast.
        observed: The truth.
        what: The forecast as errors call it.

    Raises:
        DataError: As ``frames_in_both``, or if no time is common.
    """
    if predicted.has_time and observed.has_time:
        frames, in_truth = frames_in_both(predicted, observed, what)
        if not frames:
            raise DataError(
                f"{what} and truth have no time in common: the {what} runs from "
                f"{period_text(predicted.time)}, the truth from {period_text(observed.time)}"
            )
        return frames, in_truth
    if len(predicted.time) != len(observed.time):
        raise DataError(
            f"the {what} has {len(predicted.time)} frames and the truth "
            f"{len(observed.time)}, and without times in both files they must be as many"
        )
    both = list(range(len(observed.time)))
    return both, both


def frames_in_both(
    predicted: RawField, observed: RawField, what: str = "forecast"
) -> tuple[list[int], list[int]]:
    """Return the indices of frames at common times, each paired with the nearest; none if none is.

    Args:
        predicted: The forecast.
        observed: The truth.
        what: The forecast as errors call it.

    Raises:
        DataError: If times cannot be compared, or a frame has two that are at its time.
    """
    ours_T, theirs_T = _comparable(predicted, observed, what)
    frames, nearest, ambiguous = _nearest(ours_T, theirs_T)
    twice = np.flatnonzero(np.diff(nearest) == 0)
    if ambiguous is not None or len(twice):
        if ambiguous is not None:
            two, one = observed.time[ambiguous[1] :][:2], predicted.time[ambiguous[0]]
            names = ("truth", what)
        else:
            two, one = predicted.time[frames[twice[0]] :][:2], observed.time[nearest[twice[0]]]
            names = (what, "truth")
        raise DataError(
            f"the {names[0]} has two frames, {_clock(two[0])} and {_clock(two[1])}, within a "
            f"hundredth of the time step of {_clock(one)} in the {names[1]}; drop one of them"
        )
    return frames.tolist(), nearest.tolist()


def _nearest(
    ours_T: Numbers, theirs_T: Numbers
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], tuple[int, int] | None]:
    """Return our frames at one of their times, their nearest, and ours that is near two of them.

    The last names our frame and the first of their two; None if there is none.
    """
    steps = [float(np.median(np.diff(t))) for t in (ours_T, theirs_T) if len(t) > 1]
    tolerance = SHARE_OF_STEP * min(steps) if steps else 0.0
    after = np.searchsorted(theirs_T, ours_T).clip(1, max(len(theirs_T) - 1, 1))
    neighbours = np.stack([after - 1, after.clip(max=len(theirs_T) - 1)])
    distance = np.abs(theirs_T[neighbours] - ours_T)
    nearest = np.where(distance[1] < distance[0], neighbours[1], neighbours[0])
    near_both = (distance <= tolerance).all(axis=0) & (distance > 0).all(axis=0)
    near_both &= neighbours[0] != neighbours[1]
    frames = np.flatnonzero(distance.min(axis=0) <= tolerance)
    if near_both.any():
        ours = int(np.argmax(near_both))
        return frames, nearest[frames], (ours, int(neighbours[0, ours]))
    return frames, nearest[frames], None


def _comparable(predicted: RawField, observed: RawField, what: str) -> tuple[Numbers, Numbers]:
    """Return both time axes as numbers of one unit and origin."""
    kinds = kind_of_time(predicted.time), kind_of_time(observed.time)
    if kinds[0] != kinds[1]:
        raise DataError(
            f"the times of the {what} are {kinds[0]} ({period_text(predicted.time)}) and those of "
            f"the truth {kinds[1]} ({period_text(observed.time)}); give both files times of one "
            "kind, such as dates by CF units 'hours since 2000-01-01'"
        )
    if kinds[0] == "numbers":
        return _in_one_unit(predicted, observed, what)
    if kinds[0] == "dates":
        _require_same_calendar(predicted.time, observed.time, what)
    return _microseconds(predicted.time), _microseconds(observed.time)


def kind_of_time(time: npt.NDArray[Any]) -> Kind:
    """Return whether times are dates, spans of time or numbers, which do not compare."""
    if time.dtype.kind in "MO":
        return "dates"
    return "spans of time" if time.dtype.kind == "m" else "numbers"


def _require_same_calendar(ours: npt.NDArray[Any], theirs: npt.NDArray[Any], what: str) -> None:
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
        f"the {what} is on the calendar {names[0]!r} and the truth on {names[1]!r}, {reason}; "
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


def _microseconds(time: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return dates (since 1970) or spans of time as whole microseconds."""
    if time.dtype.kind in "Mm":
        return time.astype(f"{time.dtype.kind}8[us]").astype(np.int64)
    epoch = time[0].replace(year=1970, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return np.array([(date - epoch) // timedelta(microseconds=1) for date in time], dtype=np.int64)


def _in_one_unit(predicted: RawField, observed: RawField, what: str) -> tuple[Numbers, Numbers]:
    """Return numeric times in the unit of the truth; as they are where a file states none."""
    ours_T, theirs_T = (np.asarray(f.time, dtype=np.float64) for f in (predicted, observed))
    ours, theirs = (field.array.coords[field.dims[0]].attrs for field in (predicted, observed))
    for key in ("units", "calendar"):
        a, b = (str(attrs.get(key) or "") for attrs in (ours, theirs))
        if not (a and b) or OTHER_NAMES.get(a, a) == OTHER_NAMES.get(b, b):
            continue
        try:
            if key == "calendar":
                raise InconvertibleUnitsError("a month or a year is not as long on both")
            conversion = unit_conversion(a, b)
        except InconvertibleUnitsError as error:
            raise DataError(
                f"the {key} of time is {a!r} in the {what} and {b!r} in the truth, and {error}; "
                "write both times in one"
            ) from error
        if conversion is not None:
            ours_T = conversion(ours_T).astype(np.float64)
    return ours_T, theirs_T


def _clock(time: object) -> str:
    """Return a time with the seconds that ``time_text`` may leave out."""
    return (
        str(np.datetime_as_string(time, unit="ms"))
        if isinstance(time, np.datetime64)
        else time_text(time)
    )
