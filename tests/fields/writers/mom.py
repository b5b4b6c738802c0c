"""Files of MOM, HYCOM and ECCO."""

from pathlib import Path

import cftime
import numpy as np

from tests.fields.writers.case import Holds, Refused, Sample, WriterCase
from tests.fields.writers.files import stored, write_netcdf
from tests.fields.writers.grids import curved_grid
from tests.fields.writers.numbers import (
    COLUMNS,
    FRAMES,
    LAT,
    LON,
    ROWS,
    counted,
    dates,
    noleap,
    since,
    smooth_field,
    with_sea,
)


def mom_surface(folder: Path) -> Sample:
    values, sea = with_sea(smooth_field(19, mean=15.0))
    days = 149 * 365 + 0.5 + np.arange(FRAMES)
    fill = np.float32(-1e20)
    path = write_netcdf(
        folder / "ocean_daily.nc",
        {
            "time": stored(
                "time", days, units="days since 0001-01-01 00:00:00", cartesian_axis="T",
                calendar_type="NOLEAP", calendar="NOLEAP", bounds="time_bounds",
            ),
            "time_bounds": stored("time nv", np.stack([days - 0.5, days + 0.5], 1)),
            "average_T1": stored(
                "time", days - 0.5, units="days since 0001-01-01 00:00:00", calendar="NOLEAP"
            ),
            "average_DT": stored("time", np.ones(FRAMES), units="days"),
            "xt_ocean": stored("xt_ocean", -279.5 + LON, units="degrees_E", cartesian_axis="X"),
            "yt_ocean": stored("yt_ocean", LAT, units="degrees_N", cartesian_axis="Y"),
            "surface_temp": stored(
                "time yt_ocean xt_ocean", np.where(sea, fill, values), "f4", _FillValue=fill,
                missing_value=fill, units="deg_C", valid_range=np.array([-10, 500], "f4"),
                time_avg_info="average_T1,average_T2,average_DT", cell_methods="time: mean",
            ),
        },
        ("time",),
        "NETCDF3_64BIT_OFFSET",
    )  # fmt: skip
    when = counted(days, noleap(1))
    dims = ("time", "yt_ocean", "xt_ocean")
    return Sample(path, Holds(values, when, dims, "deg_C", {}, "time"))


def mom_julian(folder: Path) -> Sample:
    values = smooth_field(20, mean=35.0)
    days = 15.0 + 30.5 * np.arange(FRAMES)
    path = write_netcdf(
        folder / "ocean_month.nc",
        {
            "Time": stored(
                "Time", days, units="days since 1900-01-01 00:00:00", cartesian_axis="T",
                calendar_type="JULIAN", calendar="JULIAN",
            ),
            "xt_ocean": stored("xt_ocean", LON, units="degrees_E", cartesian_axis="X"),
            "yt_ocean": stored("yt_ocean", LAT, units="degrees_N", cartesian_axis="Y"),
            "sss": stored("Time yt_ocean xt_ocean", values, units="psu"),
        },
        ("Time",),
    )  # fmt: skip
    when = counted(days, cftime.DatetimeJulian(1900, 1, 1))
    dims = ("Time", "yt_ocean", "xt_ocean")
    return Sample(path, Holds(values.astype(float), when, dims, "psu", {}, "Time"))


def mom6(folder: Path) -> Sample:
    whole = smooth_field(21, (FRAMES, 3, ROWS, COLUMNS), 10.0)
    values, sea = with_sea(whole)
    days = 365.0 * 10 + 15.5 + 30.0 * np.arange(FRAMES)
    fill = np.float32(1e20)
    path = write_netcdf(
        folder / "ocean_month_z.nc",
        {
            "time": stored(
                "time", days, units="days since 1850-01-01 00:00:00", axis="T",
                calendar_type="NOLEAP", calendar="noleap",
            ),
            "xh": stored("xh", -299.5 + LON, units="degrees_east", axis="X"),
            "yh": stored("yh", LAT, units="degrees_north", axis="Y"),
            "z_l": stored("z_l", [2.5, 10.0, 20.0], units="meters", axis="Z", edges="z_i"),
            "z_i": stored("z_i", [0.0, 5.0, 15.0, 25.0], units="meters", axis="Z"),
            "thetao": stored(
                "time z_l yh xh", np.where(sea, fill, values), "f4", _FillValue=fill,
                missing_value=fill, units="degC", cell_measures="volume: volcello area: areacello",
            ),
        },
        ("time",),
    )  # fmt: skip
    when = counted(days, noleap(1850))
    holds = Holds(values[:, 1], when, ("time", "yh", "xh"), "degC", {"z_l": 1}, "time")
    return Sample(path, holds)


def hycom(folder: Path) -> Sample:
    values, sea = with_sea(smooth_field(22, mean=20.0))
    when = dates("2008-05-01", FRAMES, 24)
    fill = np.float32(2.0**100)
    texts = [float(str(t)[:10].replace("-", "")) for t in when]
    path = write_netcdf(
        folder / "archv.nc",
        {
            "MT": stored("MT", since(when, "1900-12-31", "D"), axis="T", calendar="standard",
                         units="days since 1900-12-31 00:00:00"),
            "Date": stored("MT", texts, units="day as %Y%m%d.%f", C_format="%13.4f"),
            "Y": stored("Y", np.arange(1, ROWS + 1), "i4", point_spacing="even", axis="Y"),
            "X": stored("X", np.arange(1, COLUMNS + 1), "i4", point_spacing="even", axis="X"),
            **curved_grid(("Latitude", "Longitude"), "Y X"),
            "sst": stored("MT Y X", np.where(sea, fill, values), "f4", _FillValue=fill,
                          coordinates="Longitude Latitude Date", units="degC"),
        },
        ("MT",),
        "NETCDF3_CLASSIC",
    )  # fmt: skip
    return Sample(path, Holds(values, when, ("MT", "Y", "X"), "degC", {}, "MT"))


def ecco_tiles(folder: Path) -> Sample:
    days = np.arange(FRAMES, dtype=float)
    path = write_netcdf(
        folder / "ecco.nc",
        {
            "time": stored("time", days, units="days since 1992-01-01", axis="T"),
            "tile": stored("tile", np.arange(13), "i4"),
            "THETA": stored("time tile j i", smooth_field(23, (FRAMES, 13, 6, 6)), units="degC"),
        },
    )
    return Sample(path, Refused("tile", "thirteen faces of the sphere are no single grid"))


CASES = (
    WriterCase("MOM", "daily, noleap from year 1", mom_surface, "surface_temp"),
    WriterCase("MOM", "Julian calendar, Time with a capital", mom_julian, "sss"),
    WriterCase("MOM", "MOM6 at a depth", mom6, "thetao", {"z_l": 10.0}),
    WriterCase("HYCOM", "MT beside Date as numbers", hycom, "sst"),
    WriterCase("ECCO", "tiles", ecco_tiles, "THETA"),
)
