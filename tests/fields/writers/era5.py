"""Files of ERA5 in its layouts, by NetCDF, Zarr and GRIB."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from tests.fields.writers.case import Array, Holds, Refused, Sample, WriterCase
from tests.fields.writers.files import Variable, stored, write_grib, write_netcdf
from tests.fields.writers.numbers import (
    COLUMNS,
    FRAMES,
    LAT,
    LON,
    ROWS,
    dates,
    packed,
    since,
    smooth_field,
    unpack,
    with_sea,
)

SCALE, OFFSET, FILL = 0.0018357913, 278.67155, -32767
START = "2020-01-01"
OLD = ("time", "latitude", "longitude")
NEW = ("valid_time", "latitude", "longitude")


def latlon(lat: Array = LAT[::-1], lon: Array = LON) -> dict[str, Variable]:
    return {
        "longitude": stored("longitude", lon, "f4", units="degrees_east", long_name="longitude"),
        "latitude": stored("latitude", lat, "f4", units="degrees_north", long_name="latitude"),
    }


def _old_time() -> Variable:
    hours = since(dates(START), "1900-01-01", "h")
    return stored("time", hours, "i4", units="hours since 1900-01-01 00:00:00.0",
                  long_name="time", calendar="gregorian")  # fmt: skip


def _old_packed(dims: str, raw: Any) -> Variable:
    return stored(dims, raw, scale_factor=SCALE, add_offset=OFFSET, _FillValue=np.int16(FILL),
                  missing_value=np.int16(FILL), units="K",
                  long_name="2 metre temperature")  # fmt: skip


def era5_old(folder: Path) -> Sample:
    raw = packed(50, "i2", -20000, 20000)
    path = write_netcdf(
        folder / "era5.nc",
        latlon() | {"time": _old_time(), "t2m": _old_packed("time latitude longitude", raw)},
        layout="NETCDF3_64BIT_OFFSET",
        Conventions="CF-1.6",
    )
    values = unpack(raw, SCALE, OFFSET, FILL)
    return Sample(path, Holds(values, dates(START), OLD, "K", {}, "time"))


def _with_expver(folder: Path) -> tuple[Path, Array]:
    raw = packed(51, "i2", -20000, 20000, (FRAMES, 2, ROWS, COLUMNS))
    raw[20:, 0], raw[:20, 1] = FILL, FILL  # the final ERA5 ends where ERA5T begins
    path = write_netcdf(
        folder / "era5.nc",
        latlon()
        | {
            "expver": stored("expver", [1, 5], "i4", long_name="expver"),
            "time": _old_time(),
            "t2m": _old_packed("time expver latitude longitude", raw),
        },
        layout="NETCDF3_64BIT_OFFSET",
    )
    return path, unpack(raw, SCALE, OFFSET, FILL)


def era5_preliminary(folder: Path) -> Sample:
    path, values = _with_expver(folder)
    return Sample(path, Holds(values[:, 1], dates(START), OLD, "K", {"expver": 1}, "time"))


def era5_both(folder: Path) -> Sample:
    path, values = _with_expver(folder)
    one = np.where(np.isnan(values[:, 0]), values[:, 1], values[:, 0])
    return Sample(path, Holds(one, dates(START), OLD, "K", xarray_reads=False, or_refused="expver"))


def _new_time(unit: str = "seconds since 1970-01-01", step_h: float = 1.0) -> Variable:
    seconds = since(dates(START, FRAMES, step_h), "1970-01-01", "s")
    return stored("valid_time", seconds, "i8", units=unit, calendar="proleptic_gregorian",
                  long_name="time", standard_name="time")  # fmt: skip


def new_attrs(short: str = "2t") -> dict[str, Any]:
    return {
        "_FillValue": np.float32(np.nan),
        "GRIB_shortName": short,
        "GRIB_missingValue": 3.4028234663852886e38,
        "GRIB_stepType": "instant",
        "units": "K",
        "standard_name": "unknown",
    }


def era5_new(folder: Path) -> Sample:
    values = smooth_field(52)
    path = write_netcdf(
        folder / "data_stream-oper_stepType-instant.nc",
        latlon()
        | {
            "number": stored("", 0, "i8", units="1", standard_name="realization"),
            "valid_time": _new_time(),
            "expver": stored("valid_time", np.array(["0001"] * 20 + ["0005"] * (FRAMES - 20))),
            "t2m": stored("valid_time latitude longitude", values,
                          coordinates="number valid_time latitude longitude expver",
                          **new_attrs()),
        },
        Conventions="CF-1.7",
    )  # fmt: skip
    return Sample(path, Holds(values.astype(float), dates(START), NEW, "K", {}, "valid_time"))


def _members(folder: Path) -> tuple[Path, Any]:
    values = smooth_field(53, (10, FRAMES, ROWS, COLUMNS))
    path = write_netcdf(
        folder / "data_stream-enda.nc",
        latlon()
        | {
            "number": stored("number", np.arange(10), "i8", units="1", standard_name="realization"),
            "valid_time": _new_time(step_h=3),
            "t2m": stored("number valid_time latitude longitude", values, **new_attrs()),
        },
    )
    return path, values


def era5_member(folder: Path) -> Sample:
    path, values = _members(folder)
    when = dates(START, FRAMES, 3)
    return Sample(path, Holds(values[3].astype(float), when, NEW, "K", {"number": 3}, "valid_time"))


def era5_members(folder: Path) -> Sample:
    return Sample(_members(folder)[0], Refused("number", "ten members, and none is chosen"))


def era5_level(folder: Path) -> Sample:
    values = smooth_field(54, (FRAMES, 3, ROWS, COLUMNS))
    path = write_netcdf(
        folder / "levels.nc",
        latlon()
        | {
            "valid_time": _new_time(),
            "pressure_level": stored("pressure_level", [1000.0, 850.0, 500.0], units="hPa",
                                     positive="down", standard_name="air_pressure",
                                     stored_direction="decreasing"),
            "t": stored("valid_time pressure_level latitude longitude", values, **new_attrs("t")),
        },
    )  # fmt: skip
    holds = Holds(
        values[:, 1].astype(float), dates(START), NEW, "K", {"pressure_level": 1}, "valid_time"
    )
    return Sample(path, holds)


def era5_monthly_by_date(folder: Path) -> Sample:
    """Monthly means of the new portal had a dimension of numbers such as 20200101."""
    values = smooth_field(55)
    months = np.datetime64("2018-01", "M") + np.arange(FRAMES)
    numbers = [int(f"{month}-01".replace("-", "")) for month in months]
    path = write_netcdf(
        folder / "monthly.nc",
        latlon()
        | {
            "date": stored("date", numbers, "i8"),
            "t2m": stored("date latitude longitude", values, **new_attrs()),
        },
    )
    holds = Holds(
        values.astype(float),
        months.astype("datetime64[ns]"),
        ("date", "latitude", "longitude"),
        "K",
        or_refused="(?i)YYYYMMDD|20180101",
    )
    return Sample(path, holds)


def era5_land(folder: Path) -> Sample:
    values, sea = with_sea(smooth_field(56))
    path = write_netcdf(
        folder / "era5land.nc",
        latlon()
        | {
            "valid_time": _new_time(),
            "t2m": stored("valid_time latitude longitude", np.where(sea, np.nan, values), "f4",
                          **new_attrs()),
            "tp": stored("valid_time latitude longitude", smooth_field(57), **new_attrs("tp")),
        },
    )  # fmt: skip
    return Sample(path, Holds(values, dates(START), NEW, "K", {}, "valid_time"))


def era5_land_unnamed(folder: Path) -> Sample:
    return Sample(era5_land(folder).path, Refused("t2m, tp|tp, t2m", "two fields, none is named"))


def era5_cloud(folder: Path) -> Sample:
    values = smooth_field(58)
    made = xr.Dataset(
        {"2m_temperature": (OLD, values, {"units": "K", "short_name": "t2m"})},
        coords={
            "time": ("time", since(dates(START), "1900-01-01", "h").astype("i8"),
                     {"units": "hours since 1900-01-01", "calendar": "proleptic_gregorian"}),
            "latitude": ("latitude", LAT[::-1].astype("f4"), {"units": "degrees_north"}),
            "longitude": ("longitude", LON.astype("f4"), {"units": "degrees_east"}),
        },
    )  # fmt: skip
    path = folder / "arco.zarr"
    made.to_zarr(path, zarr_format=2, consolidated=True)
    return Sample(path, Holds(values.astype(float), dates(START), OLD, "K", {}, "time"))


def era5_grib(folder: Path) -> Sample:
    values = smooth_field(59).astype(float)
    when = dates(START)
    path = write_grib(folder / "era5.grib", values, when, LAT[::-1], LON)
    holds = Holds(values, when, OLD, "K", xarray_reads=False, or_refused="grib_to_netcdf|cfgrib")
    return Sample(path, holds)


CASES = (
    WriterCase("ERA5", "old layout, packed", era5_old),
    WriterCase("ERA5", "old layout, expver chosen", era5_preliminary, "t2m", {"expver": 5}),
    WriterCase("ERA5", "old layout, expver not chosen", era5_both, "t2m"),
    WriterCase("ERA5", "new layout with expver as text", era5_new, "t2m"),
    WriterCase("ERA5", "new layout, one member", era5_member, "t2m", {"number": 3}),
    WriterCase("ERA5", "new layout, all members", era5_members, "t2m"),
    WriterCase("ERA5", "new layout, one level", era5_level, "t", {"pressure_level": 850}),
    WriterCase("ERA5", "monthly by numbers such as 20180101", era5_monthly_by_date, "t2m"),
    WriterCase("ERA5", "ERA5-Land with sea missing", era5_land, "t2m"),
    WriterCase("ERA5", "two variables, none named", era5_land_unnamed),
    WriterCase("ERA5", "cloud copy in Zarr", era5_cloud),
    WriterCase("ERA5", "GRIB", era5_grib, needs="eccodes"),
)
