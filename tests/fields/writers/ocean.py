"""Files of ocean models: ROMS, NEMO, Copernicus Marine, MOM, HYCOM and ECCO."""

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
    noleap,
    packed,
    since,
    smooth_field,
    unpack,
    with_sea,
)

ROMS_FILL = np.float32(1e37)
RHO = ("ocean_time", "eta_rho", "xi_rho")


def _curved(names: tuple[str, str], dims: str, **attrs: Any) -> dict[str, Variable]:
    rows, across = np.mgrid[0:ROWS, 0:COLUMNS]
    lat, lon = 40.0 + 0.2 * rows + 0.02 * across, -10.0 + 0.25 * across - 0.03 * rows
    return {
        names[0]: stored(dims, lat, "f4", units="degrees_north", **attrs),
        names[1]: stored(dims, lon, "f4", units="degrees_east", **attrs),
    }


def _roms(folder: Path, variables: dict[str, Variable]) -> Path:
    mask = np.ones((ROWS, COLUMNS))
    mask[:2, :3] = 0.0
    fixed = {
        "mask_rho": stored("eta_rho xi_rho", mask, long_name="mask on RHO-points"),
        "h": stored("eta_rho xi_rho", np.full((ROWS, COLUMNS), 100.0), units="meter"),
    }
    grid = _curved(("lat_rho", "lon_rho"), "eta_rho xi_rho")
    return write_netcdf(
        folder / "roms_his.nc", fixed | grid | variables, ("ocean_time",), "NETCDF3_64BIT_OFFSET"
    )


def _ocean_time(units: str = "seconds since 2001-01-01 00:00:00", **attrs: Any) -> Variable:
    seconds = since(dates("2012-03-01", FRAMES, 6), "2001-01-01", "s")
    return stored("ocean_time", seconds, units=units, field="time, scalar, series", **attrs)


def roms_zeta(folder: Path) -> Sample:
    values, sea = with_sea(smooth_field(10, mean=0.0, spread=0.5))
    raw = np.where(sea, ROMS_FILL, values).astype("f4")
    path = _roms(
        folder,
        {
            "ocean_time": _ocean_time(calendar="proleptic_gregorian"),
            "zeta": stored(
                "ocean_time eta_rho xi_rho",
                raw,
                _FillValue=ROMS_FILL,
                units="meter",
                time="ocean_time",
                coordinates="lon_rho lat_rho ocean_time",
            ),
        },
    )
    times = dates("2012-03-01", FRAMES, 6)
    return Sample(path, Holds(values, times, RHO, "meter", {}, "ocean_time"))


def roms_temperature(folder: Path) -> Sample:
    whole = smooth_field(11, (FRAMES, 4, ROWS, COLUMNS), 12.0)
    values, sea = with_sea(whole)
    s_rho = (np.arange(4) - 3.5) / 4.0
    path = _roms(
        folder,
        {
            "ocean_time": _ocean_time(calendar="gregorian"),
            "s_rho": stored("s_rho", s_rho, valid_min=-1.0, valid_max=0.0, positive="up"),
            "temp": stored(
                "ocean_time s_rho eta_rho xi_rho",
                np.where(sea, ROMS_FILL, values).astype("f4"),
                _FillValue=ROMS_FILL,
                units="Celsius",
                coordinates="lon_rho lat_rho s_rho ocean_time",
            ),
        },
    )
    holds = Holds(
        values[:, 3], dates("2012-03-01", FRAMES, 6), RHO, "Celsius", {"s_rho": 3}, "ocean_time"
    )
    return Sample(path, holds)


def roms_current(folder: Path) -> Sample:
    values = smooth_field(12, (FRAMES, ROWS, COLUMNS - 1), 0.0, 0.2)
    path = _roms(
        folder,
        {
            "ocean_time": _ocean_time(calendar="proleptic_gregorian"),
            "ubar": stored("ocean_time eta_u xi_u", values, units="meter second-1"),
        },
    )
    holds = Holds(
        values.astype(float),
        dates("2012-03-01", FRAMES, 6),
        ("ocean_time", "eta_u", "xi_u"),
        "meter second-1",
        {},
        "ocean_time",
    )
    return Sample(path, holds)


def roms_days_of_360(folder: Path) -> Sample:
    values = smooth_field(13, mean=0.0)
    days = 30.0 * np.arange(FRAMES)
    path = _roms(
        folder,
        {
            "ocean_time": stored(
                "ocean_time",
                86400.0 * days,
                units="seconds since 0001-01-01 00:00:00",
                calendar="360.0 days in every year",
            ),
            "zeta": stored("ocean_time eta_rho xi_rho", values, units="meter"),
        },
    )
    when = counted(days, cftime.Datetime360Day(1, 1, 1))
    holds = Holds(values.astype(float), when, RHO, "meter", or_refused="calendar|360")
    return Sample(path, holds)


def roms_ideal(folder: Path) -> Sample:
    values = smooth_field(14, mean=0.0)
    seconds = 3600.0 * np.arange(FRAMES)
    path = _roms(
        folder,
        {
            "ocean_time": stored("ocean_time", seconds, units="second"),
            "zeta": stored("ocean_time eta_rho xi_rho", values, units="meter"),
        },
    )
    return Sample(path, Holds(values.astype(float), seconds, RHO, "meter"))


def _nemo_time(times: Any) -> dict[str, Variable]:
    seconds = since(times, "1900-01-01", "s")
    half = (seconds[1] - seconds[0]) / 2
    about: dict[str, Any] = {
        "units": "seconds since 1900-01-01 00:00:00",
        "calendar": "gregorian",
        "time_origin": "1900-01-01 00:00:00",
    }
    return {
        "time_counter": stored(
            "time_counter", seconds, axis="T", standard_name="time",
            bounds="time_counter_bounds", **about,
        ),
        "time_counter_bounds": stored(
            "time_counter axis_nbounds", np.stack([seconds - half, seconds + half], 1)
        ),
        "time_centered": stored("time_counter", seconds, standard_name="time", **about),
    }  # fmt: skip


def nemo_surface(folder: Path) -> Sample:
    values, sea = with_sea(smooth_field(15, mean=15.0))
    when = dates("2005-01-01T12:00", FRAMES, 24)
    fill = np.float32(1e20)
    path = write_netcdf(
        folder / "ORCA2_1d_grid_T.nc",
        _nemo_time(when)
        | _curved(("nav_lat", "nav_lon"), "y x", nav_model="grid_T")
        | {
            "sosstsst": stored(
                "time_counter y x",
                np.where(sea, fill, values).astype("f4"),
                _FillValue=fill,
                missing_value=fill,
                units="degC",
                standard_name="sea_surface_temperature",
                coordinates="time_centered nav_lat nav_lon",
                cell_methods="time: mean (interval: 5760 s)",
            )
        },
        ("time_counter",),
    )
    return Sample(path, Holds(values, when, ("time_counter", "y", "x"), "degC", {}, "time_counter"))


def nemo_depths(folder: Path) -> Sample:
    whole = smooth_field(16, (FRAMES, 3, ROWS, COLUMNS), 10.0)
    when = dates("2005-01-01T12:00", FRAMES, 24)
    path = write_netcdf(
        folder / "ORCA2_1d_grid_T.nc",
        _nemo_time(when)
        | _curved(("nav_lat", "nav_lon"), "y x")
        | {
            "deptht": stored("deptht", [0.494025, 1.541375, 2.645669], "f4", units="m"),
            "votemper": stored(
                "time_counter deptht y x", whole, units="degC",
                coordinates="time_centered deptht nav_lat nav_lon",
            ),
        },
        ("time_counter",),
    )  # fmt: skip
    holds = Holds(
        whole[:, 0].astype(float),
        when,
        ("time_counter", "y", "x"),
        "degC",
        {"deptht": 0},
        "time_counter",
    )
    return Sample(path, holds)


def nemo_fill_not_declared(folder: Path) -> Sample:
    values, sea = with_sea(smooth_field(17, mean=0.0))
    path = write_netcdf(
        folder / "grid_T.nc",
        _nemo_time(dates("2005-01-01T12:00", FRAMES, 24))
        | _curved(("nav_lat", "nav_lon"), "y x")
        | {"sossheig": stored("time_counter y x", np.where(sea, 1e20, values), "f4", units="m")},
    )
    return Sample(path, Refused(r"1e\+?20|missing|fill", "land is 1e20, and no attribute says so"))


def copernicus_marine(folder: Path) -> Sample:
    scale, offset, fill = 0.000732444226741791, 21.0, -32767
    raw = packed(18, "i2", -30000, 5000, (FRAMES, 1, ROWS, COLUMNS))
    raw[..., :2, :3] = fill
    when = dates("2020-01-01T12:00", FRAMES, 24)
    path = write_netcdf(
        folder / "glorys.nc",
        {
            "time": stored(
                "time", since(when, "1950-01-01", "h"), "f4", units="hours since 1950-01-01",
                standard_name="time", axis="T", calendar="gregorian",
            ),
            "depth": stored("depth", [0.494025], "f4", units="m", positive="down", axis="Z"),
            "latitude": stored("latitude", LAT, "f4", units="degrees_north", axis="Y"),
            "longitude": stored("longitude", LON, "f4", units="degrees_east", axis="X"),
            "thetao": stored(
                "time depth latitude longitude", raw, _FillValue=np.int16(fill),
                scale_factor=scale, add_offset=offset, units="degrees_C",
                valid_min=np.int16(-32766), valid_max=np.int16(32767),
            ),
        },
    )  # fmt: skip
    dims = ("time", "latitude", "longitude")
    values = unpack(raw[:, 0], scale, offset, fill)
    return Sample(path, Holds(values, when, dims, "degrees_C", {"depth": 0}, "time"))


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
            **_curved(("Latitude", "Longitude"), "Y X"),
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
    WriterCase("ROMS", "free surface with 1e37 on land", roms_zeta, "zeta"),
    WriterCase("ROMS", "temperature at an s level", roms_temperature, "temp", {"s_rho": -0.125}),
    WriterCase("ROMS", "current on its own points", roms_current, "ubar"),
    WriterCase("ROMS", "calendar '360.0 days in every year'", roms_days_of_360, "zeta"),
    WriterCase("ROMS", "ideal case, time in seconds of no date", roms_ideal, "zeta"),
    WriterCase("NEMO", "surface temperature of XIOS", nemo_surface, "sosstsst"),
    WriterCase("NEMO", "single-precision depth", nemo_depths, "votemper", {"deptht": 0.494025}),
    WriterCase("NEMO", "1e20 on land, not declared", nemo_fill_not_declared, "sossheig"),
    WriterCase("Copernicus Marine", "packed, one depth", copernicus_marine, "thetao"),
    WriterCase("MOM", "daily, noleap from year 1", mom_surface, "surface_temp"),
    WriterCase("MOM", "Julian calendar, Time with a capital", mom_julian, "sss"),
    WriterCase("MOM", "MOM6 at a depth", mom6, "thetao", {"z_l": 10.0}),
    WriterCase("HYCOM", "MT beside Date as numbers", hycom, "sst"),
    WriterCase("ECCO", "tiles", ecco_tiles, "THETA"),
)
