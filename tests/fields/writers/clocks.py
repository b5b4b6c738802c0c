"""Times out of the ordinary: numbers for dates, twice, not in order, none at all."""

from pathlib import Path
from typing import Any

import cftime
import numpy as np

from tests.fields.writers.case import Holds, Refused, Sample, WriterCase
from tests.fields.writers.files import stored, write_netcdf
from tests.fields.writers.numbers import COLUMNS, FRAMES, ROWS, counted, dates, smooth_field
from tests.fields.writers.products import DAYS, days_since_1950, latlon

GRID = ("time", "lat", "lon")
START = "2020-01-01"


def no_record(folder: Path) -> Sample:
    path = write_netcdf(
        folder / "empty.nc",
        latlon()
        | {
            "time": stored("time", np.zeros(0), units="days since 1950-01-01"),
            "t": stored("time lat lon", np.zeros((0, ROWS, COLUMNS), "f4"), units="K"),
        },
        ("time",),
        "NETCDF3_CLASSIC",
    )
    return Sample(path, Refused("no values|time=0|empty", "the run ended before its first output"))


def _at(folder: Path, times: Any) -> Path:
    values = smooth_field(140, (len(times), ROWS, COLUMNS))
    return write_netcdf(
        folder / "series.nc",
        latlon()
        | {"time": days_since_1950("time", times), "t": stored("time lat lon", values, units="K")},
    )


def unsorted(folder: Path) -> Sample:
    path = _at(folder, np.concatenate([DAYS[12:], DAYS[:12]]))
    return Sample(path, Refused("increas|sort", "files joined in the order of their names"))


def doubled(folder: Path) -> Sample:
    path = _at(folder, np.sort(np.concatenate([DAYS, DAYS[5:7]])))
    return Sample(path, Refused("increas|double|twice", "two days stand twice"))


def two_time_dims(folder: Path) -> Sample:
    path = write_netcdf(
        folder / "two.nc",
        latlon()
        | {
            "initial": days_since_1950("initial", DAYS[:4]),
            "valid": days_since_1950("valid"),
            "t": stored("initial valid lat lon", smooth_field(141, (4, FRAMES, ROWS, COLUMNS)),
                        units="K"),
        },
    )  # fmt: skip
    return Sample(path, Refused("initial|valid", "two times, and neither is chosen"))


def absolute_time(folder: Path) -> Sample:
    values = smooth_field(144)
    numbers = [int(str(t)[:10].replace("-", "")) + 0.5 for t in DAYS]
    path = write_netcdf(
        folder / "cdo_absolute.nc",
        latlon()
        | {
            "time": stored("time", numbers, units="day as %Y%m%d.%f", standard_name="time",
                           calendar="proleptic_gregorian", axis="T"),
            "t": stored("time lat lon", values, units="K"),
        },
    )  # fmt: skip
    when = DAYS + np.timedelta64(12, "h")
    holds = Holds(values.astype(float), when, GRID, "K", or_refused=r"%Y%m%d|YYYYMMDD|2020010")
    return Sample(path, holds)


def hours_as_numbers(folder: Path) -> Sample:
    values = smooth_field(145)
    when = dates(START)
    numbers = [int(str(t)[:13].replace("-", "").replace("T", "")) for t in when]
    path = write_netcdf(
        folder / "yyyymmddhh.nc",
        latlon()
        | {
            "time": stored("time", numbers, "i4", long_name="YYYYMMDDHH"),
            "t": stored("time lat lon", values, units="K"),
        },
    )
    holds = Holds(values.astype(float), when, GRID, "K", or_refused="YYYYMMDD|20200101")
    return Sample(path, holds)


def month_first(folder: Path) -> Sample:
    path = write_netcdf(
        folder / "us.nc",
        latlon()
        | {
            "time": stored("time", np.arange(FRAMES), "f8", units="days since 01-02-2020"),
            "t": stored("time lat lon", smooth_field(146), units="K"),
        },
    )
    because = "the second of January or the first of February"
    return Sample(path, Refused("01-02-2020|day or the month", because))


def far_back(folder: Path) -> Sample:
    """A palaeoclimate run before the dates that fit into nanoseconds."""
    values = smooth_field(152)
    days = 365.0 * np.arange(FRAMES) + 182.5
    path = write_netcdf(
        folder / "past1000.nc",
        latlon()
        | {
            "time": stored("time", days, units="days since 0850-01-01", calendar="365_day"),
            "t": stored("time lat lon", values, units="K"),
        },
    )
    when = counted(days, cftime.DatetimeNoLeap(850, 1, 1))
    return Sample(path, Holds(values.astype(float), when, GRID, "K", {}, "time"))


CASES = (
    WriterCase("by hand", "no record", no_record, "t"),
    WriterCase("by hand", "times not sorted", unsorted),
    WriterCase("by hand", "times twice", doubled),
    WriterCase("by hand", "initial and valid time", two_time_dims),
    WriterCase("CDO", "absolute time axis", absolute_time),
    WriterCase("by hand", "times such as 2020010100", hours_as_numbers),
    WriterCase("by hand", "day or month first", month_first),
    WriterCase("PMIP", "years 850 to 886", far_back),
)
