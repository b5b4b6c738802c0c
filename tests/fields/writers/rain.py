"""Files of rain from satellites and gauges: IMERG, MSWEP, PERSIANN and CHIRPS."""

from pathlib import Path
from typing import Any

import cftime
import numpy as np

from tests.fields.writers.case import Holds, Refused, Sample, WriterCase
from tests.fields.writers.files import Variable, stored, write_netcdf
from tests.fields.writers.numbers import (
    COLUMNS,
    FRAMES,
    LAT,
    LON,
    ROWS,
    counted,
    dates,
    since,
    smooth_field,
    with_sea,
)

GRID = ("time", "lat", "lon")


def latlon(lat: Any = LAT) -> dict[str, Variable]:
    return {
        "lat": stored("lat", lat, "f4", units="degrees_north", axis="Y", standard_name="latitude"),
        "lon": stored("lon", LON, "f4", units="degrees_east", axis="X", standard_name="longitude"),
    }


def imerg(folder: Path) -> Sample:
    """Longitude before latitude, and a Julian calendar beside dates that are not Julian."""
    fill = np.float32(-9999.9)
    values, sea = with_sea(np.abs(smooth_field(103, (FRAMES, COLUMNS, ROWS), 2.0, 0.5)))
    when = dates("2020-06-01", FRAMES, 0.5)
    path = write_netcdf(
        folder / "3B-HHR.MS.MRG.3IMERG.nc4",
        latlon()
        | {
            "time": stored("time", since(when, "1970-01-01", "s"), "i4", calendar="julian",
                           units="seconds since 1970-01-01 00:00:00 UTC", standard_name="time",
                           bounds="time_bnds"),
            "time_bnds": stored("time nv", np.zeros((FRAMES, 2), "i4")),
            "precipitationCal": stored("time lon lat", np.where(sea, fill, values), "f4",
                                       _FillValue=fill, CodeMissingValue="-9999.9", units="mm/hr",
                                       DimensionNames="time,lon,lat",
                                       coordinates="time lon lat"),
        },
    )  # fmt: skip
    julian = counted(since(when, "1970-01-01", "D"), cftime.DatetimeJulian(1970, 1, 1))
    rows_THW = values.transpose(0, 2, 1)
    return Sample(path, Holds(rows_THW, julian, GRID, "mm/hr", {}, "time"))


def _rain(folder: Path, name: str, declared: bool, dims: str = "time lat lon") -> Sample:
    values, sea = with_sea(np.abs(smooth_field(104, mean=2.0, spread=0.5)))
    when = dates("2019-01-01", FRAMES, 24)
    marks = {"missing_value": np.float32(-9999)} if declared else {}
    raw = np.where(sea, -9999, values).astype("f4")
    path = write_netcdf(
        folder / f"{name}.nc",
        latlon(LAT[::-1])
        | {
            "time": stored("time", since(when, "1900-01-01", "D"), "f8", calendar="standard",
                           units="days since 1900-01-01 00:00:00", standard_name="time"),
            "precipitation": stored(dims, raw.transpose(0, 2, 1) if "lon lat" in dims else raw,
                                    units="mm/day", **marks),
        },
    )  # fmt: skip
    return Sample(path, Holds(values, when, GRID, "mm/day", {}, "time"))


def mswep(folder: Path) -> Sample:
    return _rain(folder, "mswep", True)


def persiann(folder: Path) -> Sample:
    return _rain(folder, "persiann", True, "time lon lat")


def chirps_undeclared(folder: Path) -> Sample:
    path = _rain(folder, "chirps", False).path
    return Sample(path, Refused("-9999", "the sea is -9999 mm of rain, and no attribute says so"))


CASES = (
    WriterCase("IMERG", "longitude first, Julian calendar", imerg),
    WriterCase("MSWEP", "rain with -9999 declared", mswep),
    WriterCase("PERSIANN", "longitude first", persiann),
    WriterCase("CHIRPS", "-9999 not declared", chirps_undeclared),
)
