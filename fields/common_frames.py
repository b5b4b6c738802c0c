"""Finds the frames that two files have at the same time, on any calendar and in any unit of time.

Times are the same within a hundredth of the time step: files keep them in single precision at
times, which moves them by seconds.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fieldsharp.core.errors import DataError
from fieldsharp.fields.coordinates.calendars import (
    kind_of_time,
    microseconds,
    require_same_calendar,
)
from fieldsharp.fields.coordinates.frames import NUMBERED
from fieldsharp.fields.coordinates.numeric_time import comparable_times
from fieldsharp.fields.coordinates.valid_times import require_same_kind_of_dates
from fieldsharp.fields.reading import RawField
from fieldsharp.fields.series import period_text, time_text

SHARE_OF_STEP = 0.01
Numbers = npt.NDArray[np.int64] | npt.NDArray[np.float64]


class Timed(Protocol):
    """What has frames at times; of several leads and members, perhaps."""

    @property
    def time(self) -> npt.NDArray[Any]: ...  # noqa: D102
    @property
    def time_attrs(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def lead_T(self) -> npt.NDArray[np.timedelta64] | None: ...  # noqa: D102
    @property
    def member_T(self) -> tuple[str, ...] | None: ...  # noqa: D102


@dataclass(frozen=True)
class TimeAxis:
    """The times of frames of one lead."""

    time: npt.NDArray[Any]
    time_attrs: dict[str, Any] = field(default_factory=dict)
    lead_T: None = None
    member_T: None = None


def common_frames(
    predicted: RawField, observed: RawField, what: str = "forecast"
) -> tuple[list[int], list[int]]:
    """Return the indices of frames at common times, in the forecast and in the truth.

    A forecast may have several frames of a time, of other leads or members. Files without times are
    paired frame by frame.

    Args:
        predicted: The forecast.
        observed: The truth.
        what: The forecast as errors call it.

    Raises:
        DataError: As ``frames_in_both``, or if no time is common.
    """
    # A forecast of frames without times says which frames of its source they follow.
    numbered = predicted.has_time and predicted.time_attrs.get("long_name") == NUMBERED["long_name"]
    if (predicted.has_time and observed.has_time) or (numbered and not observed.has_time):
        frames, in_truth = frames_in_both(predicted, observed, what)
        if not frames:
            raise DataError(
                f"{what} and truth have no time in common: the {what} runs from "
                f"{period_text(predicted.time)}, the truth from {period_text(observed.time)}"
            )
        return frames, in_truth
    number_T, by_number = np.unique(predicted.time, return_inverse=True)
    count = len(number_T) if predicted.member_T else len(predicted.time)
    if count != len(observed.time):
        raise DataError(
            f"the {what} has {count} frames and the truth "
            f"{len(observed.time)}, and without times in both files they must be as many"
        )
    return list(range(len(predicted.time))), by_number.tolist()


def frames_in_both(
    predicted: Timed, observed: Timed, what: str = "forecast", other: str = "truth"
) -> tuple[list[int], list[int]]:
    """Return the indices of frames at common times, each paired with the nearest; none if none is.

    Args:
        predicted: The forecast.
        observed: The truth.
        what: The forecast as errors call it.
        other: The truth as they call it.

    Raises:
        DataError: If times cannot be compared, or a frame has two that are at its time.
    """
    ours_T, theirs_T = _comparable(predicted, observed, what, other)
    frames, nearest, ambiguous = _nearest(ours_T, theirs_T)
    twice = _of_one_truth(predicted, frames, nearest)
    if ambiguous is not None or twice is not None:
        if ambiguous is not None:
            two, one = observed.time[ambiguous[1] :][:2], predicted.time[ambiguous[0]]
            names = (other, what)
        else:
            assert twice is not None
            two, one = predicted.time[frames[list(twice)]], observed.time[nearest[twice[0]]]
            names = (what, other)
        raise DataError(
            f"the {names[0]} has two frames, {_clock(two[0])} and {_clock(two[1])}, within a "
            f"hundredth of the time step of {_clock(one)} in the {names[1]}; drop one of them"
        )
    return frames.tolist(), nearest.tolist()


def _of_one_truth(
    predicted: Timed, frames: npt.NDArray[np.intp], nearest: npt.NDArray[np.intp]
) -> tuple[int, int] | None:
    """Return two frames of one lead and member at one time of the truth, as positions."""
    first: dict[tuple[int, str, str], int] = {}
    for at, (frame, truth) in enumerate(zip(frames, nearest, strict=True)):
        lead = "" if predicted.lead_T is None else str(predicted.lead_T[frame])
        member = "" if predicted.member_T is None else predicted.member_T[frame]
        earlier = first.setdefault((int(truth), lead, member), at)
        if earlier != at:
            return earlier, at
    return None


def _nearest(
    ours_T: Numbers, theirs_T: Numbers
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], tuple[int, int] | None]:
    """Return our frames at one of their times, their nearest, and ours that is near two of them.

    The last names our frame and the first of their two; None if there is none.
    """
    distinct = [np.unique(times) for times in (ours_T, theirs_T)]
    steps = [float(np.median(np.diff(times))) for times in distinct if len(times) > 1]
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


def _comparable(
    predicted: Timed, observed: Timed, what: str, other: str
) -> tuple[Numbers, Numbers]:
    """Return both time axes as numbers of one unit and origin."""
    kinds = kind_of_time(predicted.time), kind_of_time(observed.time)
    if kinds[0] != kinds[1]:
        raise DataError(
            f"the times of the {what} are {kinds[0]} ({period_text(predicted.time)}) and those of "
            f"the {other} {kinds[1]} ({period_text(observed.time)}); give both files times of one "
            "kind, such as dates by CF units 'hours since 2000-01-01'"
        )
    if kinds[0] == "numbers":
        return comparable_times(
            predicted.time, predicted.time_attrs, observed.time, observed.time_attrs, what, other
        )
    require_same_calendar(predicted.time, observed.time, what, other)
    require_same_kind_of_dates(predicted.time_attrs, observed.time_attrs, what, other)
    return microseconds(predicted.time), microseconds(observed.time)


def _clock(time: object) -> str:
    """Return a time with the seconds that ``time_text`` may leave out."""
    return (
        str(np.datetime_as_string(time, unit="ms"))
        if isinstance(time, np.datetime64)
        else time_text(time)
    )
