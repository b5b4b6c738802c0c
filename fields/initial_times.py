"""A number for the time that a forecast starts from, which random draws are keyed by."""

import zlib
from collections.abc import Sequence

from fieldsharp.fields.series import FieldSeries, time_text
from fieldsharp.fields.windows import Windows


def time_key(time: object) -> int:
    """Return a number for a time: the same for the same time, whatever file it is read from.

    Args:
        time: datetime64, cftime or a number.
    """
    return zlib.crc32(time_text(time).encode())


def initial_time_keys(
    windows: Windows, series: FieldSeries, which: Sequence[int] | None = None
) -> Sequence[int]:
    """Return the number for the last known frame of each window.

    Args:
        windows: Of a part of the series.
        series: Whose times they are.
        which: Numbers of the windows; None for all.
    """
    settings = windows.settings
    last = (settings.history - 1) * settings.stride
    starts = windows.starts_B.tolist()
    chosen = starts if which is None else [starts[number] for number in which]
    return [time_key(series.time[start + last]) for start in chosen]
