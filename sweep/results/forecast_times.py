"""Finds the frame of a series at a time given as text."""

import re
import warnings

import numpy as np

from fieldsharp.core.errors import ConfigError
from fieldsharp.fields.series import FieldSeries, period_text, time_text

_UTC = re.compile(r"\s*(Z|[+-]00:?00)$", re.IGNORECASE)


def frame_at(series: FieldSeries, after: str | None) -> int:
    """Return the index of the frame at a time given as text, or of the last frame.

    Raises:
        ConfigError: If the text is no time, or the series has no frame at it.
    """
    if after is None:
        return len(series.time) - 1
    # Times of a file are in UTC, and so is a time without a zone.
    written = _UTC.sub("", after)
    try:
        if np.issubdtype(series.time.dtype, np.datetime64):
            with warnings.catch_warnings():  # about time zones, which are converted to UTC
                warnings.filterwarnings("ignore", "no explicit representation of timezones")
                matches = np.flatnonzero(series.time == np.datetime64(written))
        elif series.time.dtype == object:
            matches = np.flatnonzero([_same_time(time, written) for time in series.time])
        else:
            matches = np.flatnonzero(series.time == float(after))
    except ValueError as error:
        raise ConfigError(
            f"--after {after!r} is no time such as {time_text(series.time[-1])}"
        ) from error
    if len(matches) == 0:
        raise ConfigError(
            f"--after {after} is no time of the data, which runs from {period_text(series.time)}"
        )
    return int(matches[0])


def _same_time(time: object, written: str) -> bool:
    whole = str(time).replace(" ", "T")
    shorter = {whole, whole.removesuffix(":00"), whole.removesuffix("T00:00:00")}
    return written.replace(" ", "T") in shorter | {whole[: len("2000-01-01T00")]} - {""}
