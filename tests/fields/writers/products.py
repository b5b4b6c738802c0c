"""Files of gridded observations and of air quality: E-OBS, gridMET, Daymet, CMAQ, IRI."""

from pathlib import Path
from typing import Any

import cftime
import numpy as np

from tests.fields.writers.case import Holds, Sample, WriterCase
from tests.fields.writers.files import Variable, stored, write_netcdf
from tests.fields.writers.numbers import (
    COLUMNS,
    FRAMES,
    LAT,
    LON,
    ROWS,
    counted,
    dates,
    packed,
    since,
    smooth_field,
    unpack,
)

START = "2020-01-01"
DAYS = dates(START, FRAMES, 24)


def latlon(lat: str = "lat", lon: str = "lon") -> dict[str, Variable]:
    return {
        lat: stored(lat, LAT, units="degrees_north"),
        lon: stored(lon, LON, units="degrees_east"),
    }


def days_since_1950(
    name: str = "time", times: Any = DAYS, dtype: str = "f8", **attrs: Any
) -> Variable:
    return stored(name, since(times, "1950-01-01", "D"), dtype,
                  **({"units": "days since 1950-01-01 00:00"} | attrs))  # fmt: skip


def eobs(folder: Path) -> Sample:
    raw = packed(130, "i2", -1000, 3000)
    raw[:, :2, :3] = -9999
    path = write_netcdf(
        folder / "tg_ens_mean_0.1deg_reg.nc",
        {
            "longitude": stored("longitude", LON, units="degrees_east", axis="X"),
            "latitude": stored("latitude", LAT, units="degrees_north", axis="Y"),
            "time": days_since_1950(calendar="standard", standard_name="time"),
            "tg": stored("time latitude longitude", raw, _FillValue=np.int16(-9999),
                         missing_value=np.int16(-9999), scale_factor=np.float32(0.01),
                         add_offset=np.float32(0), units="Celsius"),
        },
        ("time",),
        "NETCDF4_CLASSIC",
    )  # fmt: skip
    values = unpack(raw, 0.01, 0.0, -9999)
    return Sample(
        path, Holds(values, DAYS, ("time", "latitude", "longitude"), "Celsius", {}, "time")
    )


def gridmet(folder: Path) -> Sample:
    raw = packed(131, "u2", 500, 30000)
    raw[:, :2, :3] = 32767
    path = write_netcdf(
        folder / "tmmx_2020.nc",
        latlon()
        | {
            "crs": stored("crs", [3], "u2", grid_mapping_name="latitude_longitude"),
            "day": stored("day", since(DAYS, "1900-01-01", "D"), "f4", calendar="gregorian",
                          units="days since 1900-01-01 00:00:00", description="days since 1900"),
            "air_temperature": stored("day lat lon", raw, _FillValue=np.uint16(32767),
                                      scale_factor=0.1, add_offset=220.0, units="K",
                                      coordinates="lat lon", grid_mapping="crs"),
        },
    )  # fmt: skip
    values = unpack(raw, 0.1, 220.0, 32767)
    return Sample(path, Holds(values, DAYS, ("day", "lat", "lon"), "K", {}, "day"))


def daymet(folder: Path) -> Sample:
    values = smooth_field(132, mean=10.0)
    when = dates("2020-01-01T12:00", FRAMES, 24)
    rows, across = np.mgrid[0:ROWS, 0:COLUMNS]
    path = write_netcdf(
        folder / "daymet_v4_daily_na_tmax_2020.nc",
        {
            "x": stored("x", 1000.0 * np.arange(COLUMNS), "f4", units="m",
                        standard_name="projection_x_coordinate"),
            "y": stored("y", -1000.0 * np.arange(ROWS), "f4", units="m",
                        standard_name="projection_y_coordinate"),
            "lat": stored("y x", 50.0 - 0.01 * rows, units="degrees_north"),
            "lon": stored("y x", -100.0 + 0.01 * across, units="degrees_east"),
            "time": days_since_1950("time", when, "f4", calendar="standard", bounds="time_bnds"),
            "time_bnds": stored("time nv", np.zeros((FRAMES, 2)), "f4"),
            "yearday": stored("time", np.arange(1, FRAMES + 1), "i2",
                              valid_range=np.array([1, 365], "i2")),
            "lambert_conformal_conic": stored("", 0, "i2",
                                              grid_mapping_name="lambert_conformal_conic"),
            "tmax": stored("time y x", values, _FillValue=np.float32(-9999), units="degrees C",
                           missing_value=np.float32(-9999), coordinates="lat lon",
                           valid_range=np.array([-50, 50], "f4"),
                           grid_mapping="lambert_conformal_conic"),
        },
        ("time",),
    )  # fmt: skip
    return Sample(
        path, Holds(values.astype(float), when, ("time", "y", "x"), "degrees C", {}, "time")
    )


def ioapi(folder: Path) -> Sample:
    """Air quality of CMAQ: dates as two whole numbers, units padded with blanks."""
    values = smooth_field(133, (FRAMES, 1, ROWS, COLUMNS), 40.0)
    when = dates(START)
    flags = [
        [int(t.strftime("%Y%j")), int(t.strftime("%H%M%S"))]
        for t in when.astype("datetime64[s]").tolist()
    ]
    path = write_netcdf(
        folder / "CCTM_ACONC.nc",
        {
            "TFLAG": stored("TSTEP VAR DATE-TIME", np.array(flags)[:, None], "i4",
                            units="<YYYYDDD,HHMMSS>", long_name="TFLAG           "),
            "O3": stored("TSTEP LAY ROW COL", values, long_name="O3              ",
                         units="ppmV            ", var_desc="Variable O3"),
        },
        ("TSTEP",),
        "NETCDF3_CLASSIC",
        IOAPI_VERSION="$Id: ioapi-3.2 $",
        SDATE=np.int32(2020001),
        STIME=np.int32(0),
        TSTEP=np.int32(10000),
    )  # fmt: skip
    holds = Holds(
        values[:, 0].astype(float),
        when,
        ("TSTEP", "ROW", "COL"),
        "ppmV",
        {"LAY": 0},
        undated_too=True,
        or_refused="(?i)time",
    )
    return Sample(path, holds)


def months_of_360(folder: Path) -> Sample:
    """The data library of IRI: single letters, and months of a calendar of 360 days."""
    values = smooth_field(135)
    months = 0.5 + np.arange(FRAMES)
    path = write_netcdf(
        folder / "data.nc",
        {
            "T": stored("T", months, "f4", units="months since 1960-01-01", calendar="360",
                        standard_name="time", pointwidth=np.float32(1)),
            "Y": stored("Y", LAT, "f4", units="degree_north", standard_name="latitude"),
            "X": stored("X", LON, "f4", units="degree_east", standard_name="longitude"),
            "sst": stored("T Y X", values, units="Celsius_scale",
                          missing_value=np.float32(np.nan)),
        },
        layout="NETCDF3_CLASSIC",
    )  # fmt: skip
    when = counted(30.0 * months, cftime.Datetime360Day(1960, 1, 1))
    holds = Holds(
        values.astype(float),
        when,
        ("T", "Y", "X"),
        "Celsius_scale",
        or_refused="calendar|360|months",
    )
    return Sample(path, holds)


CASES = (
    WriterCase("E-OBS", "packed degrees", eobs),
    WriterCase("gridMET", "day as time, a grid mapping with a dimension", gridmet),
    WriterCase("Daymet", "projected, noon", daymet, "tmax"),
    WriterCase("CMAQ", "TFLAG beside TSTEP", ioapi, "O3"),
    WriterCase("IRI", "T, Y, X and months of 360 days", months_of_360),
)
