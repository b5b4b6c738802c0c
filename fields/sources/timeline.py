"""The frames of several files in the order of their times, and which files hold each of them.

Shape legend: T frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cftime
import numpy as np
import numpy.typing as npt
import pandas as pd

from fieldsharp.fields.coordinates.calendars import microseconds
from fieldsharp.fields.sources.expver import FINAL, PRELIMINARY

SHARE_OF_STEP = 0.01
"""Times nearer to each other are the same: files may keep them in single precision."""


@dataclass(frozen=True)
class FrameTimes:
    """Times of the frames of a file.

    Attributes:
        time_T: Time that each holds for, increasing.
        lead_T: How far ahead it was forecast; None where the file does not say.
        release_T: ERA5's release, see ``expver``.
    """

    time_T: npt.NDArray[Any]
    lead_T: npt.NDArray[np.timedelta64] | None
    release_T: npt.NDArray[np.int8]


@dataclass(frozen=True)
class Holder:
    """Where a run of frames is: a file, and its first frame there."""

    file: int
    frame: int


@dataclass(frozen=True)
class Run:
    """Consecutive frames that the same files hold.

    Attributes:
        first: Number of its first frame in the joined field.
        count: Number of frames.
        holders: Files that hold them, in the order in which they were given.
    """

    first: int
    count: int
    holders: tuple[Holder, ...]


@dataclass(frozen=True)
class Timeline:
    """The frames of a joined field.

    Attributes:
        time_T: Their times.
        lead_T: How far ahead each was forecast; None where not every file says.
        file_T: Number of the file that each is taken from.
        runs: Where they are, in order.
        replaced: Number of preliminary frames that a final one replaces.
    """

    time_T: npt.NDArray[Any]
    lead_T: npt.NDArray[np.timedelta64] | None
    file_T: npt.NDArray[np.intp]
    runs: tuple[Run, ...]
    replaced: int

    @classmethod
    def of(cls, files: Sequence[FrameTimes]) -> "Timeline":
        """Return the frames of files in the order of their times.

        Of a final and a preliminary frame of one time the preliminary one is left out. Frames of
        other files at one time are held by each of them.

        Args:
            files: Times of one kind and calendar.
        """
        times = _in_one_type([one.time_T for one in files])
        numbers = [_numbers(time_T) for time_T in times]
        file_N = np.repeat(np.arange(len(files)), [len(one) for one in numbers])
        frame_N = np.concatenate([np.arange(len(one)) for one in numbers])
        release_N = np.concatenate([one.release_T for one in files])
        group_N = _groups(np.concatenate(numbers), file_N, _tolerance(numbers))
        has_final = np.zeros(group_N.max() + 1, np.bool_)
        has_final[group_N[release_N == FINAL]] = True
        left_out = (release_N == PRELIMINARY) & has_final[group_N]
        kept = np.flatnonzero(~left_out)
        kept = kept[np.lexsort((file_N[kept], group_N[kept]))]
        group_N, file_N, frame_N = group_N[kept], file_N[kept], frame_N[kept]
        first_N = np.flatnonzero(np.diff(group_N, prepend=-1))
        all_leads = [one.lead_T for one in files]
        leads = [lead_T for lead_T in all_leads if lead_T is not None]
        return cls(
            time_T=np.concatenate(times)[kept][first_N],
            lead_T=np.concatenate(leads)[kept][first_N] if len(leads) == len(files) else None,
            file_T=file_N[first_N],
            runs=tuple(_runs(first_N, file_N.tolist(), frame_N.tolist())),
            replaced=int(left_out.sum()),
        )


def _in_one_type(times: list[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """Return dates all as cftime has them where a file is beyond the years that NumPy's hold."""
    calendars = [str(t[0].calendar) for t in times if t.dtype.kind == "O"]
    if not calendars:
        return times
    return [t if t.dtype.kind == "O" else _as_cftime(t, calendars[0]) for t in times]


def _as_cftime(time_T: npt.NDArray[Any], calendar: str) -> npt.NDArray[Any]:
    found = np.empty(len(time_T), dtype=object)
    for index, time in enumerate(pd.DatetimeIndex(time_T)):
        day = (time.year, time.month, time.day, time.hour, time.minute, time.second)
        found[index] = cftime.datetime(*day, time.microsecond, calendar=calendar)
    return found


def _numbers(time_T: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return times as numbers of one unit and origin."""
    if time_T.dtype.kind in "MO":
        return microseconds(time_T)
    return time_T.astype(np.int64) if time_T.dtype.kind == "m" else time_T


def _tolerance(numbers: list[npt.NDArray[Any]]) -> float:
    steps = np.concatenate([np.diff(time_T) for time_T in numbers])
    if not len(steps):  # a frame in each file
        steps = np.diff(np.unique(np.concatenate(numbers)))
    return SHARE_OF_STEP * float(np.median(steps)) if len(steps) else 0.0


def _groups(
    number_N: npt.NDArray[Any], file_N: npt.NDArray[np.intp], tolerance: float
) -> npt.NDArray[np.intp]:
    """Return for each frame of all files the rank of its time; the same times have the same."""
    order = np.lexsort((file_N, number_N))
    for within in (tolerance, 0.0):
        rank = np.cumsum(np.diff(number_N[order], prepend=number_N[order[0]]) > within)
        pairs = np.stack([rank, file_N[order]], axis=1)
        if len(np.unique(pairs, axis=0)) == len(pairs):
            break  # else two frames of one file were taken for the same
    group_N = np.empty(len(number_N), np.intp)
    group_N[order] = rank
    return group_N


def _runs(first_N: npt.NDArray[np.intp], file_N: list[int], frame_N: list[int]) -> list[Run]:
    runs: list[Run] = []
    ends = [*first_N.tolist()[1:], len(file_N)]
    for number, (start, end) in enumerate(zip(first_N.tolist(), ends, strict=True)):
        holders = tuple(Holder(file_N[at], frame_N[at]) for at in range(start, end))
        if runs:
            last = runs[-1]
            expected = tuple(Holder(h.file, h.frame + last.count) for h in last.holders)
            if holders == expected:
                runs[-1] = Run(last.first, last.count + 1, last.holders)
                continue
        runs.append(Run(number, 1, holders))
    return runs
