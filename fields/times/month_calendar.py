"""Months of the calendar that the times of a series are dates of.

Shape legend: T time, N any number of months or times.
"""

from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from xarray.coding.cftime_offsets import MonthBegin

from fieldsharp.core.errors import DataError

Integers = npt.NDArray[np.int64]
SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US
DAY_US = 24 * HOUR_US
LAST_NS = np.datetime64(np.iinfo(np.int64).max, "ns").astype("datetime64[us]")
"""Last time that datetime64[ns] can hold, in the year 2262."""


class MonthCalendar:
    """Times as microseconds and months since 1 January of the year of the first of them.

    Attributes:
        since_T: Microseconds since that day.
        months_T: Number of the calendar month of each time, 0 for January of that year.
    """

    def __init__(self, time_T: npt.NDArray[Any]) -> None:
        """Take datetime64 or cftime dates."""
        self._dtype = time_T.dtype
        self._is_cftime = time_T.dtype.kind == "O"
        self._starts: dict[int, int] = {}
        self.since_T: Integers
        self.months_T: Integers
        if self._is_cftime:
            first = time_T[0]
            self._origin: Any = first.replace(
                month=1, day=1, hour=0, minute=0, second=0, microsecond=0
            )
            self.since_T = np.array([_micros(time - self._origin) for time in time_T])
            self.months_T = np.array([self._month_of(time) for time in time_T])
        else:
            self._origin = time_T[0].astype("datetime64[Y]").astype("datetime64[us]")
            months = time_T.astype("datetime64[M]") - self._origin.astype("datetime64[M]")
            self.since_T = (time_T.astype("datetime64[us]") - self._origin).astype(np.int64)
            self.months_T = months.astype(np.int64)

    def starts(self, months_N: Integers) -> Integers:
        """Return the first moment of months, in microseconds since the origin."""
        for month in np.unique(months_N).tolist():
            if month not in self._starts:
                self._starts[month] = self._start(month)
        return np.array([self._starts[month] for month in months_N.tolist()], dtype=np.int64)

    def dates(self, since_N: Integers) -> npt.NDArray[Any]:
        """Return times of the series' own kind.

        Raises:
            DataError: If datetime64[ns] cannot hold one.
        """
        if self._is_cftime:
            later = [self._origin + timedelta(microseconds=since) for since in since_N.tolist()]
            return np.array(later, dtype=object)
        times_N = self._origin + since_N.astype("timedelta64[us]")
        if (times_N > LAST_NS).any():
            raise DataError(
                f"the forecast would end in {times_N.max().astype('datetime64[D]')}, after the "
                f"last time that can be written, {LAST_NS}; predict fewer steps"
            )
        return np.asarray(times_N.astype(self._dtype))

    def _month_of(self, time: Any) -> int:
        years = time.year - self._origin.year
        if not time.has_year_zero and self._origin.year < 0 < time.year:
            years -= 1  # the year 1 follows the year -1
        return int(12 * years + time.month - 1)

    def _start(self, month: int) -> int:
        if self._is_cftime:
            return _micros(self._origin + MonthBegin(month) - self._origin)
        first = (self._origin.astype("datetime64[M]") + month).astype("datetime64[us]")
        return int((first - self._origin).astype(np.int64))


def _micros(between: Any) -> int:
    return int((between.days * 86_400 + between.seconds) * SECOND_US + between.microseconds)
