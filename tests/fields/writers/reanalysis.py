"""Files of CAMS, NCEP and MERRA-2."""

from pathlib import Path
from typing import Any

import numpy as np

from tests.fields.writers.case import Holds, Refused, Sample, WriterCase
from tests.fields.writers.era5 import START, latlon, new_attrs
from tests.fields.writers.files import stored, write_netcdf
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

PERIODS = ("forecast_period", "latitude", "longitude")


def _cams(folder: Path, starts: int) -> tuple[Path, Any]:
    values = smooth_field(60, (FRAMES, starts, ROWS, COLUMNS), 40.0)
    leads = np.arange(FRAMES)
    valid = leads[:, None] * 3600 + since(dates(START, starts, 24), "1970-01-01", "s")
    path = write_netcdf(
        folder / "cams.nc",
        latlon()
        | {
            "forecast_period": stored("forecast_period", leads, "f8", units="hours",
                                      standard_name="forecast_period"),
            "forecast_reference_time": stored("forecast_reference_time", valid[0], "i8",
                                              units="seconds since 1970-01-01",
                                              standard_name="forecast_reference_time"),
            "valid_time": stored("forecast_period forecast_reference_time", valid, "i8",
                                 units="seconds since 1970-01-01", standard_name="time"),
            "pm2p5": stored("forecast_period forecast_reference_time latitude longitude", values,
                            **(new_attrs("pm2p5") | {"units": "kg m**-3"}),
                            coordinates="valid_time"),
        },
    )  # fmt: skip
    return path, values


def cams_one_start(folder: Path) -> Sample:
    path, values = _cams(folder, 1)
    pick = {"forecast_reference_time": 0}
    return Sample(
        path,
        Holds(values[:, 0].astype(float), dates(START), PERIODS, "kg m**-3", pick, "valid_time"),
    )


def cams_chosen_start(folder: Path) -> Sample:
    path, values = _cams(folder, 3)
    pick = {"forecast_reference_time": 1}
    when = dates("2020-01-02")
    return Sample(
        path, Holds(values[:, 1].astype(float), when, PERIODS, "kg m**-3", pick, "valid_time")
    )


def cams_all_starts(folder: Path) -> Sample:
    path, _ = _cams(folder, 3)
    return Sample(
        path, Refused("forecast_reference_time|forecast_period", "several starts, none is chosen")
    )


def _ncep(folder: Path, valid_range: Any) -> Sample:
    scale, offset, fill = 0.01, 477.65, 32766
    raw = packed(61, "i2", -25000, -15000)
    path = write_netcdf(
        folder / "air.sig995.2020.nc",
        {
            "lat": stored("lat", LAT[::-1], "f4", units="degrees_north", axis="Y"),
            "lon": stored("lon", LON, "f4", units="degrees_east", axis="X"),
            "time": stored("time", since(dates(START, FRAMES, 6), "1800-01-01", "h"),
                           units="hours since 1800-01-01 00:00:0.0", delta_t="0000-00-00 06:00:00",
                           axis="T", standard_name="time"),
            "air": stored("time lat lon", raw, scale_factor=np.float32(scale),
                          add_offset=np.float32(offset), missing_value=np.int16(fill), units="degK",
                          valid_range=valid_range, unpacked_valid_range=np.array([185, 331], "f4"),
                          actual_range=np.array([190, 320], "f4")),
        },
        ("time",),
        "NETCDF4_CLASSIC",
    )  # fmt: skip
    values = unpack(raw, scale, offset, fill)
    holds = Holds(values, dates(START, FRAMES, 6), ("time", "lat", "lon"), "degK", {}, "time")
    return Sample(path, holds)


def ncep(folder: Path) -> Sample:
    return _ncep(folder, np.array([-32765, -14665], "i2"))


def ncep_unpacked_range(folder: Path) -> Sample:
    """Older files state the range in kelvin beside packed shorts; no value lies outside of it."""
    return _ncep(folder, np.array([185.16, 331.16], "f4"))


def merra(folder: Path) -> Sample:
    values, sea = with_sea(smooth_field(62))
    fill = np.float32(1e15)
    start = "2020-01-01T00:30"
    path = write_netcdf(
        folder / "MERRA2_400.tavg1_2d_slv_Nx.nc4",
        {
            "lat": stored("lat", LAT, units="degrees_north", vmax=fill, vmin=-fill),
            "lon": stored("lon", LON, units="degrees_east"),
            "time": stored("time", 60 * np.arange(FRAMES), "i4", begin_date=np.int32(20200101),
                           begin_time=np.int32(3000), time_increment=np.int32(10000),
                           units="minutes since 2020-01-01 00:30:00"),
            "T2M": stored("time lat lon", np.where(sea, fill, values), "f4", _FillValue=fill,
                          missing_value=fill, fmissing_value=fill, scale_factor=np.float32(1),
                          add_offset=np.float32(0), vmax=fill, vmin=-fill, units="K",
                          valid_range=np.array([-1e15, 1e15], "f4")),
        },
        ("time",),
    )  # fmt: skip
    holds = Holds(values, dates(start), ("time", "lat", "lon"), "K", {}, "time")
    return Sample(path, holds)


CASES = (
    WriterCase("CAMS", "forecast with one start", cams_one_start, "pm2p5"),
    WriterCase(
        "CAMS",
        "forecast with a chosen start",
        cams_chosen_start,
        "pm2p5",
        {"forecast_reference_time": "2020-01-02T00:00:00"},
    ),
    WriterCase("CAMS", "forecast with several starts", cams_all_starts, "pm2p5"),
    WriterCase("NCEP", "reanalysis with a packed range", ncep, "air"),
    WriterCase("NCEP", "reanalysis with a range in kelvin", ncep_unpacked_range, "air"),
    WriterCase("MERRA-2", "half hours, 1e15 on sea", merra, "T2M"),
)
