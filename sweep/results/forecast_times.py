"""Finds the frame of a series at a time given as text."""

import numpy as np

from fieldsharp.core.errors import ConfigError
from fieldsharp.fields.series import FieldSeries, period_text, time_text
from fieldsharp.fields.times.uniform_times import SAME
from fieldsharp.fields.times.written_times import WrittenTime

LONGEST_ROUNDING_S = 60.0
"""A time of the file is the one given if it is nearer than this and a hundredth of its step."""


def frame_at(series: FieldSeries, after: str | None) -> int:
    """Return the index of the frame at a time given as text, or of the last frame.

    A date without an hour is midnight or else the only frame of that day, and a month or a year is
    its only frame. Times of a file are in UTC, and so is a time without a zone.

    Raises:
        ConfigError: If the text is no time, or the series has no frame at it, or several.
    """
    if after is None:
        return len(series.time) - 1
    try:
        matches = _dated_frames(series, after) if series.is_dated else _numbered(series, after)
    except (ValueError, OverflowError) as error:
        calendar = f" in its calendar ({series.time[-1].calendar})" if _is_cftime(series) else ""
        raise ConfigError(
            f"--after {after!r} is no time such as {time_text(series.time[-1])}{calendar}"
        ) from error
    if len(matches) == 0:
        raise ConfigError(
            f"--after {after} is no time of the data, which runs from {period_text(series.time)}"
        )
    if len(matches) > 1:
        first, last = (time_text(series.time[frame]) for frame in (matches[0], matches[-1]))
        raise ConfigError(
            f"--after {after} may be {len(matches)} times of the data, {first} to {last}; give one "
            f"of them, such as --after '{last}'"
        )
    return matches[0]


def _dated_frames(series: FieldSeries, after: str) -> list[int]:
    """Return the frame at a date, or where there is none all those that the date may mean."""
    written = WrittenTime.parse(after)
    from_s, until_s = written.seconds_from(series.time)
    rounding_s = min(SAME * series.step_s, LONGEST_ROUNDING_S)
    if written.names_a_moment:
        nearest = int(np.argmin(np.abs(from_s)))
        if abs(from_s[nearest]) <= rounding_s:
            return [nearest]
    return np.flatnonzero((from_s >= -rounding_s) & (until_s > rounding_s)).tolist()


def _numbered(series: FieldSeries, after: str) -> list[int]:
    return np.flatnonzero(series.time == float(after)).tolist()


def _is_cftime(series: FieldSeries) -> bool:
    return series.time.dtype == object
