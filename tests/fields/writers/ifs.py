"""Files of IFS by cfgrib, and of seasonal forecasts."""

from pathlib import Path
from typing import Any

import numpy as np

from tests.fields.writers.case import Holds, Refused, Sample, WriterCase
from tests.fields.writers.files import stored, write_netcdf
from tests.fields.writers.grids import latitude_longitude
from tests.fields.writers.numbers import COLUMNS, FRAMES, LAT, ROWS, dates, since, smooth_field

START = "2020-01-01"
LATLON = ("time", "latitude", "longitude")
STEPS = ("step", "latitude", "longitude")


def _ifs(folder: Path, starts: int | None, members: int | None = None) -> tuple[Path, Any]:
    """As cfgrib opens GRIB and xarray writes it: steps in hours, valid_time beside them."""
    lengths = {"number": members, "time": starts}
    dims = [name for name, size in lengths.items() if size]
    sizes = [size for size in lengths.values() if size]
    values = smooth_field(74, (*sizes, FRAMES, ROWS, COLUMNS))
    first = since(dates(START, starts or 1, 12), "1970-01-01", "s")
    valid = first[:, None] + 3600.0 * np.arange(FRAMES)
    epoch: dict[str, Any] = {
        "units": "seconds since 1970-01-01T00:00:00", "calendar": "proleptic_gregorian",
    }  # fmt: skip
    path = write_netcdf(
        folder / "ifs.nc",
        latitude_longitude(LAT[::-1])
        | {
            "number": stored("number" if members else "", np.arange(members) if members else 0,
                             "i8", long_name="ensemble member numerical id", units="1",
                             standard_name="realization"),
            "time": stored("time" if starts else "", first if starts else first[0], "i8",
                           long_name="initial time of forecast",
                           standard_name="forecast_reference_time", **epoch),
            "step": stored("step", np.arange(FRAMES), "f8", units="hours",
                           long_name="time since forecast_reference_time",
                           standard_name="forecast_period", dtype="timedelta64[ns]"),
            "surface": stored("", 0.0, units="1", long_name="original GRIB coordinate"),
            "valid_time": stored("time step" if starts else "step",
                                 valid if starts else valid[0], long_name="time",
                                 standard_name="time", **epoch),
            "t2m": stored(" ".join([*dims, "step latitude longitude"]), values, units="K",
                          _FillValue=np.float32(np.nan), GRIB_shortName="2t",
                          coordinates="number time step surface latitude longitude valid_time"),
        },
        Conventions="CF-1.7",
        GRIB_centre="ecmf",
    )  # fmt: skip
    return path, values


def ifs_one_start(folder: Path) -> Sample:
    path, values = _ifs(folder, None)
    return Sample(path, Holds(values.astype(float), dates(START), STEPS, "K", {}, "valid_time"))


def ifs_member(folder: Path) -> Sample:
    path, values = _ifs(folder, None, 3)
    return Sample(
        path, Holds(values[2].astype(float), dates(START), STEPS, "K", {"number": 2}, "valid_time")
    )


def ifs_chosen_start(folder: Path) -> Sample:
    path, values = _ifs(folder, 4)
    when = dates("2020-01-01T12:00")
    return Sample(path, Holds(values[1].astype(float), when, STEPS, "K", {"time": 1}, "valid_time"))


def ifs_all_starts(folder: Path) -> Sample:
    return Sample(_ifs(folder, 4)[0], Refused("step|time=", "four starts, none is chosen"))


def ifs_chosen_lead(folder: Path) -> Sample:
    """A day after each of many starts: dated by the valid time, not by the start."""
    path, values = _ifs(folder, 30)
    when = dates("2020-01-02", 30, 12)
    holds = Holds(
        values[:, 24].astype(float),
        when,
        LATLON,
        "K",
        {"step": 24},
        "valid_time",
        or_refused="choose one of",
    )
    return Sample(path, holds)


def seasonal(folder: Path) -> Sample:
    values = smooth_field(75, (25, FRAMES, 6, ROWS, COLUMNS))
    months = np.datetime64("2017-01", "M") + np.arange(FRAMES)
    path = write_netcdf(
        folder / "seas5.nc",
        latitude_longitude(LAT[::-1])
        | {
            "forecast_reference_time": stored(
                "forecast_reference_time",
                since(months.astype("datetime64[ns]"), "1970-01-01", "s"), "i8",
                units="seconds since 1970-01-01", standard_name="forecast_reference_time",
            ),
            "forecastMonth": stored("forecastMonth", np.arange(1, 7), "i8", units="1"),
            "t2m": stored("number forecast_reference_time forecastMonth latitude longitude",
                          values[:5, :, :, :, :], units="K"),
        },
    )  # fmt: skip
    return Sample(path, Refused("number|forecastMonth", "members and months, none is chosen"))


CASES = (
    WriterCase("IFS", "cfgrib, steps of one start", ifs_one_start),
    WriterCase("IFS", "cfgrib, one member", ifs_member, "t2m", {"number": 2}),
    WriterCase(
        "IFS", "cfgrib, a chosen start", ifs_chosen_start, "t2m", {"time": "2020-01-01T12:00:00"}
    ),
    WriterCase("IFS", "cfgrib, several starts", ifs_all_starts, "t2m"),
    WriterCase(
        "IFS", "cfgrib, a chosen lead of many starts", ifs_chosen_lead, "t2m", {"step": "24h"}
    ),
    WriterCase("IFS", "seasonal members and months", seasonal, "t2m"),
)
