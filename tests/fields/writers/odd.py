"""Names, orders and shapes out of the ordinary."""

from pathlib import Path

import numpy as np

from tests.fields.writers.case import Holds, Refused, Sample, WriterCase
from tests.fields.writers.files import characters, stored, write_netcdf
from tests.fields.writers.numbers import COLUMNS, FRAMES, LAT, LON, ROWS, smooth_field
from tests.fields.writers.products import DAYS, days_since_1950, latlon

GRID = ("time", "lat", "lon")


def spanish(folder: Path) -> Sample:
    values = smooth_field(134)
    path = write_netcdf(
        folder / "temperatura.nc",
        latlon("latitud", "longitud")
        | {
            "tiempo": days_since_1950("tiempo"),
            "temperatura": stored("tiempo latitud longitud", values, units="K"),
        },
    )
    return Sample(
        path,
        Holds(values.astype(float), DAYS, ("tiempo", "latitud", "longitud"), "K", {}, "tiempo"),
    )


def time_last(folder: Path) -> Sample:
    values = smooth_field(136)
    path = write_netcdf(
        folder / "from_r.nc",
        latlon()
        | {
            "time": days_since_1950(),
            "t": stored("lat lon time", values.transpose(1, 2, 0), units="K"),
        },
    )
    return Sample(path, Holds(values.astype(float), DAYS, GRID, "K", {}, "time"))


def reversed_dims(folder: Path) -> Sample:
    values = smooth_field(137)
    path = write_netcdf(
        folder / "from_matlab.nc",
        latlon()
        | {
            "time": days_since_1950(),
            "t": stored("lon lat time", values.transpose(2, 1, 0), units="K"),
        },
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
            "time": days_since_1950(),
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
        latlon()
        | {"time": days_since_1950(), "t": stored("time lat lon", values.astype(float), units="K")},
        ("time",),
        "NETCDF3_CLASSIC",
    )
    return Sample(path, Holds(values.astype(float), DAYS, GRID, "K", {}, "time"))


def text_members(folder: Path) -> Sample:
    values = smooth_field(142, (3, FRAMES, ROWS, COLUMNS))
    path = write_netcdf(
        folder / "members.nc",
        latlon()
        | {
            "time": days_since_1950(),
            "member": stored("member", np.array(["r1i1p1f1", "r2i1p1f1", "r10i1p1f1"])),
            "t": stored("member time lat lon", values, units="K"),
        },
    )
    return Sample(path, Holds(values[1].astype(float), DAYS, GRID, "K", {"member": 1}, "time"))


def character_members(folder: Path) -> Sample:
    values = smooth_field(143, (2, FRAMES, ROWS, COLUMNS))
    path = write_netcdf(
        folder / "members.nc",
        latlon()
        | {
            "time": days_since_1950(),
            "realization": stored("realization strlen", characters(["r1i1p1", "r2i1p1"])),
            "t": stored("realization time lat lon", values, units="K"),
        },
        layout="NETCDF3_CLASSIC",
    )
    return Sample(path, Holds(values[1].astype(float), DAYS, GRID, "K", {"realization": 1}, "time"))


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
            "time": days_since_1950(),
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
            "time": days_since_1950(),
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
        latlon()
        | {
            "time": days_since_1950(),
            "season": stored("time", np.array(["DJF"] * FRAMES)),
            "label": stored("time strlen", characters(["run-a"] * FRAMES)),
            "level": stored("", 850.0, units="hPa", positive="down"),
            "crs": stored("", np.array(b"", "S1"), grid_mapping_name="latitude_longitude"),
            "t": stored("time lat lon", values, units="K", coordinates="season level",
                        grid_mapping="crs"),
        },
    )  # fmt: skip
    return Sample(path, Holds(values.astype(float), DAYS, GRID, "K", {}, "time"))


CASES = (
    WriterCase("by hand", "names in Spanish", spanish),
    WriterCase("by hand", "time last", time_last),
    WriterCase("by hand", "longitude, latitude, time", reversed_dims),
    WriterCase("by hand", "axes by units alone", longitude_by_units),
    WriterCase("by hand", "big-endian classic file", classic_big_endian),
    WriterCase("by hand", "members by text", text_members, "t", {"member": "r2i1p1f1"}),
    WriterCase(
        "by hand", "members by characters", character_members, "t", {"realization": "r2i1p1"}
    ),
    WriterCase("CF", "trajectories", trajectory, "temp"),
    WriterCase("CF", "stations", stations, "t"),
    WriterCase("by hand", "curvilinear grid from the top", curved_from_the_top),
    WriterCase("FV3", "tiles", tiles, "t"),
    WriterCase("by hand", "text and a scalar level beside", text_beside, "t"),
)
