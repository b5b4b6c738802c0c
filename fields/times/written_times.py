"""A time written as text, on the calendar of a series.

Shape legend: T time.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from xarray.coding.cftime_offsets import MonthBegin

DATE = re.compile(
    r"(?P<year>[+-]?\d{1,6})(-(?P<month>\d\d?)(-(?P<day>\d\d?)"
    r"([T ](?P<hour>\d\d)(:?(?P<minute>\d\d)(:?(?P<second>\d\d)(\.(?P<fraction>\d{1,9}))?)?)?"
    r"\s*(?P<zone>[+-]\d\d(:?\d\d)?)?)?)?)?\s*(Z|[+-]00:?00)?",
    re.IGNORECASE | re.ASCII,
)
"""ISO 8601, on any calendar; the last parts may be left out."""
PARTS = ("year", "month", "day", "hour", "minute", "second")
MONTHS = {"year": 12, "month": 1}
SECONDS = {"day": 86_400, "hour": 3600, "minute": 60, "second": 1}


@dataclass(frozen=True)
class WrittenTime:
    """A time as it was written, in UTC where it has a zone.

    Attributes:
        parts: Year, month, day, hour, minute and second, as far as they are given.
        microseconds: Fraction of the second.
        zone: Ahead of UTC.
    """

    parts: tuple[int, ...]
    microseconds: int = 0
    zone: timedelta = timedelta()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a time.

        Raises:
            ValueError: If the text is not one.
        """
        found = DATE.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is not written as 2000-12-31T23:00")
        parts = tuple(int(found[part]) for part in PARTS if found[part] is not None)
        micros = int((found["fraction"] or "0").ljust(9, "0")[:6])
        zone = timedelta()
        if found["zone"]:
            digits = found["zone"][1:].replace(":", "").ljust(4, "0")
            zone = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
            zone = -zone if found["zone"].startswith("-") else zone
        return cls(parts, micros, zone)

    @property
    def names_a_moment(self) -> bool:
        """Whether it has a day at least; a day without an hour is midnight."""
        return len(self.parts) >= 3

    def seconds_from(
        self, time_T: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the seconds from its start to times, and from times to its end.

        It ends with the last part that is given: a month is long, a second short.

        Raises:
            ValueError: If there is no such date on the calendar of the times.
            OverflowError: If it is out of the range of their dates.
        """
        smallest = PARTS[len(self.parts) - 1]
        year, month, day, hour, minute, second = (
            *self.parts,
            *(0, 1, 1, 0, 0, 0)[len(self.parts) :],
        )
        if time_T.dtype == object:
            kind, zeroth = type(time_T[0]), time_T[0].has_year_zero
            start = kind(
                year, month, day, hour, minute, second, self.microseconds, has_year_zero=zeroth
            )
            if smallest in MONTHS:
                end = start + MonthBegin(MONTHS[smallest])
            else:
                end = start + timedelta(seconds=SECONDS[smallest])
            start, end = start - self.zone, end - self.zone
            from_T = np.array([(time - start).total_seconds() for time in time_T])
            until_T = np.array([(end - time).total_seconds() for time in time_T])
            return from_T, until_T
        text = f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}"
        first = np.datetime64(f"{text}.{self.microseconds:06d}", "us")
        zone = np.timedelta64(self.zone)
        if smallest in MONTHS:
            last = (first.astype("datetime64[M]") + MONTHS[smallest]).astype("datetime64[us]")
        else:
            last = first + np.timedelta64(SECONDS[smallest], "s")
        times_T = time_T.astype("datetime64[us]")
        second_us = np.timedelta64(1, "s")
        return (times_T - (first - zone)) / second_us, ((last - zone) - times_T) / second_us
