"""Layouts that single programs write: names, orders, clocks and shapes out of the ordinary."""

from pathlib import Path
from typing import Any

import cftime
import numpy as np

from tests.fields.writers.case import Holds, Refused, Sample, WriterCase
from tests.fields.writers.files import Variable, characters, stored, write_netcdf
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
GRID = ("time", "lat", "lon")
DAYS = dates(START, FRAMES, 24)


def _latlon(lat: str = "lat", lon: str = "lon") -> dict[str, Variable]:
    return {
        lat: stored(lat, LAT, units="degrees_north"),
        lon: stored(lon, LON, units="degrees_east"),
    }


def _days(name: str = "time", times: Any = DAYS, dtype: str = "f8", **attrs: Any) -> Variable:
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
            "time": _days(calendar="standard", standard_name="time"),
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
        _latlon()
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
            "time": _days("time", when, "f4", calendar="standard", bounds="time_bnds"),
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


def spanish(folder: Path) -> Sample:
    values = smooth_field(134)
    path = write_netcdf(
        folder / "temperatura.nc",
        _latlon("latitud", "longitud")
        | {
            "tiempo": _days("tiempo"),
            "temperatura": stored("tiempo latitud longitud", values, units="K"),
        },
    )
    return Sample(
        path,
        Holds(values.astype(float), DAYS, ("tiempo", "latitud", "longitud"), "K", {}, "tiempo"),
    )


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


def time_last(folder: Path) -> Sample:
    values = smooth_field(136)
    path = write_netcdf(
        folder / "from_r.nc",
        _latlon()
        | {"time": _days(), "t": stored("lat lon time", values.transpose(1, 2, 0), units="K")},
    )
    return Sample(path, Holds(values.astype(float), DAYS, GRID, "K", {}, "time"))


def reversed_dims(folder: Path) -> Sample:
    values = smooth_field(137)
    path = write_netcdf(
        folder / "from_matlab.nc",
        _latlon()
        | {"time": _days(), "t": stored("lon lat time", values.transpose(2, 1, 0), units="K")},
    )
    return Sample(path, Holds(values.astype(float), DAYS, GRID, "K", {}, "time"))


def longitude_by_units(folder: Path) -> Sample:
    """No name and no axis says which is which, only units of degrees, longitude first."""
    values = smooth_field(138)
    path = write_netcdf(
        folder / "units.nc",
        {
            "dim1": stored("dim1", LON, units="degrees_east"),
            "dim2": stored("dim2", LAT, units="degrees_north"),
            "time": _days(),
            "t": stored("time dim1 dim2", values.transpose(0, 2, 1), units="K"),
        },
    )
    return Sample(
        path, Holds(values.astype(float), DAYS, ("time", "dim2", "dim1"), "K", {}, "time")
    )


def classic_big_endian(folder: Path) -> Sample:
    values = smooth_field(139)
    path = write_netcdf(
        folder / "classic.nc",
        _latlon() | {"time": _days(), "t": stored("time lat lon", values.astype(float), units="K")},
        ("time",),
        "NETCDF3_CLASSIC",
    )
    return Sample(path, Holds(values.astype(float), DAYS, GRID, "K", {}, "time"))


def no_record(folder: Path) -> Sample:
    path = write_netcdf(
        folder / "empty.nc",
        _latlon()
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
        _latlon() | {"time": _days("time", times), "t": stored("time lat lon", values, units="K")},
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
        _latlon()
        | {
            "initial": _days("initial", DAYS[:4]),
            "valid": _days("valid"),
            "t": stored("initial valid lat lon", smooth_field(141, (4, FRAMES, ROWS, COLUMNS)),
                        units="K"),
        },
    )  # fmt: skip
    return Sample(path, Refused("initial|valid", "two times, and neither is chosen"))


def text_members(folder: Path) -> Sample:
    values = smooth_field(142, (3, FRAMES, ROWS, COLUMNS))
    path = write_netcdf(
        folder / "members.nc",
        _latlon()
        | {
            "time": _days(),
            "member": stored("member", np.array(["r1i1p1f1", "r2i1p1f1", "r10i1p1f1"])),
            "t": stored("member time lat lon", values, units="K"),
        },
    )
    return Sample(path, Holds(values[1].astype(float), DAYS, GRID, "K", {"member": 1}, "time"))


def character_members(folder: Path) -> Sample:
    values = smooth_field(143, (2, FRAMES, ROWS, COLUMNS))
    path = write_netcdf(
        folder / "members.nc",
        _latlon()
        | {
            "time": _days(),
            "realization": stored("realization strlen", characters(["r1i1p1", "r2i1p1"])),
            "t": stored("realization time lat lon", values, units="K"),
        },
        layout="NETCDF3_CLASSIC",
    )
    return Sample(path, Holds(values[1].astype(float), DAYS, GRID, "K", {"realization": 1}, "time"))


def absolute_time(folder: Path) -> Sample:
    values = smooth_field(144)
    numbers = [int(str(t)[:10].replace("-", "")) + 0.5 for t in DAYS]
    path = write_netcdf(
        folder / "cdo_absolute.nc",
        _latlon()
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
        _latlon()
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
        _latlon()
        | {
            "time": stored("time", np.arange(FRAMES), "f8", units="days since 01-02-2020"),
            "t": stored("time lat lon", smooth_field(146), units="K"),
        },
    )
    because = "the second of January or the first of February"
    return Sample(path, Refused("01-02-2020|day or the month", because))


def trajectory(folder: Path) -> Sample:
    path = write_netcdf(
        folder / "drifters.nc",
        {
            "trajectory": stored("traj", np.arange(5), "i4", cf_role="trajectory_id"),
            "time": stored("traj obs", np.tile(np.arange(40.0), (5, 1)), standard_name="time",
                           units="hours since 2020-01-01"),
            "lat": stored("traj obs", np.zeros((5, 40)), units="degrees_north"),
            "lon": stored("traj obs", np.zeros((5, 40)), units="degrees_east"),
            "temp": stored("traj obs", smooth_field(147, (5, 40)), units="K",
                           coordinates="time lat lon"),
        },
        featureType="trajectory",
    )  # fmt: skip
    return Sample(path, Refused("traj|grid|time", "paths of drifters are no grid"))


def stations(folder: Path) -> Sample:
    path = write_netcdf(
        folder / "stations.nc",
        {
            "station": stored("station", np.array(["a", "b", "c"]), cf_role="timeseries_id"),
            "lat": stored("station", LAT[:3], units="degrees_north"),
            "lon": stored("station", LON[:3], units="degrees_east"),
            "time": _days(),
            "t": stored("time station", smooth_field(148, (FRAMES, 3)), units="K",
                        coordinates="lat lon"),
        },
        featureType="timeSeries",
    )  # fmt: skip
    return Sample(path, Refused("station|grid", "stations are no grid"))


def curved_from_the_top(folder: Path) -> Sample:
    values = smooth_field(149)
    rows, across = np.mgrid[0:ROWS, 0:COLUMNS]
    path = write_netcdf(
        folder / "top_down.nc",
        {
            "lat": stored("y x", 60.0 - rows + 0.05 * across, units="degrees_north"),
            "lon": stored("y x", across - 0.05 * rows, units="degrees_east"),
            "time": _days(),
            "t": stored("time y x", values, units="K", coordinates="lat lon"),
        },
    )
    return Sample(path, Holds(values.astype(float), DAYS, ("time", "y", "x"), "K", {}, "time"))


def tiles(folder: Path) -> Sample:
    path = write_netcdf(
        folder / "fv3.nc",
        {
            "time": stored("time", np.arange(6.0), units="days since 2020-01-01"),
            "tile": stored("tile", np.arange(1, 7), "i4"),
            "t": stored("time tile grid_yt grid_xt", smooth_field(150, (6, 6, 5, 5)), units="K"),
        },
    )
    return Sample(path, Refused("tile", "six faces of a cube are no single grid"))


def text_beside(folder: Path) -> Sample:
    values = smooth_field(151)
    path = write_netcdf(
        folder / "beside.nc",
        _latlon()
        | {
            "time": _days(),
            "season": stored("time", np.array(["DJF"] * FRAMES)),
            "label": stored("time strlen", characters(["run-a"] * FRAMES)),
            "level": stored("", 850.0, units="hPa", positive="down"),
            "crs": stored("", np.array(b"", "S1"), grid_mapping_name="latitude_longitude"),
            "t": stored("time lat lon", values, units="K", coordinates="season level",
                        grid_mapping="crs"),
        },
    )  # fmt: skip
    return Sample(path, Holds(values.astype(float), DAYS, GRID, "K", {}, "time"))


def far_back(folder: Path) -> Sample:
    """A palaeoclimate run before the dates that fit into nanoseconds."""
    values = smooth_field(152)
    days = 365.0 * np.arange(FRAMES) + 182.5
    path = write_netcdf(
        folder / "past1000.nc",
        _latlon()
        | {
            "time": stored("time", days, units="days since 0850-01-01", calendar="365_day"),
            "t": stored("time lat lon", values, units="K"),
        },
    )
    when = counted(days, cftime.DatetimeNoLeap(850, 1, 1))
    return Sample(path, Holds(values.astype(float), when, GRID, "K", {}, "time"))


CASES = (
    WriterCase("E-OBS", "packed degrees", eobs),
    WriterCase("gridMET", "day as time, a grid mapping with a dimension", gridmet),
    WriterCase("Daymet", "projected, noon", daymet, "tmax"),
    WriterCase("CMAQ", "TFLAG beside TSTEP", ioapi, "O3"),
    WriterCase("IRI", "T, Y, X and months of 360 days", months_of_360),
    WriterCase("by hand", "names in Spanish", spanish),
    WriterCase("by hand", "time last", time_last),
    WriterCase("by hand", "longitude, latitude, time", reversed_dims),
    WriterCase("by hand", "axes by units alone", longitude_by_units),
    WriterCase("by hand", "big-endian classic file", classic_big_endian),
    WriterCase("by hand", "no record", no_record, "t"),
    WriterCase("by hand", "times not sorted", unsorted),
    WriterCase("by hand", "times twice", doubled),
    WriterCase("by hand", "initial and valid time", two_time_dims),
    WriterCase("by hand", "members by text", text_members, "t", {"member": "r2i1p1f1"}),
    WriterCase("by hand", "members by characters", character_members, "t",
               {"realization": "r2i1p1"}),
    WriterCase("CDO", "absolute time axis", absolute_time),
    WriterCase("by hand", "times such as 2020010100", hours_as_numbers),
    WriterCase("by hand", "day or month first", month_first),
    WriterCase("CF", "trajectories", trajectory, "temp"),
    WriterCase("CF", "stations", stations, "t"),
    WriterCase("by hand", "curvilinear grid from the top", curved_from_the_top),
    WriterCase("FV3", "tiles", tiles, "t"),
    WriterCase("by hand", "text and a scalar level beside", text_beside, "t"),
    WriterCase("PMIP", "years 850 to 886", far_back),
)  # fmt: skip
