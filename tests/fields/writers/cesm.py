"""Files of CESM and of models on unstructured grids."""

from pathlib import Path

import numpy as np

from tests.fields.writers.case import Holds, Refused, Sample, Times, WriterCase
from tests.fields.writers.files import Variable, characters, stored, write_netcdf
from tests.fields.writers.numbers import (
    COLUMNS,
    FRAMES,
    LAT,
    LON,
    ROWS,
    counted,
    noleap,
    smooth_field,
    with_sea,
)

GRID = ("time", "lat", "lon")


def _cesm_time() -> tuple[Times, dict[str, Variable]]:
    """Return the ends of months, as CESM dates its means, and the variables that say so."""
    lengths = np.tile([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], 3)
    ends = np.cumsum(lengths).astype(float)
    when = counted(ends, noleap(1))
    numbers = [t.year * 10000 + t.month * 100 + t.day for t in when]
    return when, {
        "time": stored("time", ends, units="days since 0001-01-01 00:00:00", calendar="noleap",
                       bounds="time_bnds", long_name="time"),
        "time_bnds": stored("time nbnd", np.stack([ends - lengths, ends], 1)),
        "date": stored("time", numbers, "i4", long_name="current date (YYYYMMDD)"),
        "datesec": stored("time", np.zeros(FRAMES), "i4"),
        "date_written": stored("time chars", characters(["01/01/20"] * FRAMES)),
    }  # fmt: skip


def cesm_air(folder: Path) -> Sample:
    values = smooth_field(37)
    when, time = _cesm_time()
    path = write_netcdf(
        folder / "b.e21.cam.h0.nc",
        time
        | {
            "lat": stored("lat", LAT, units="degrees_north"),
            "lon": stored("lon", LON, units="degrees_east"),
            "lev": stored("lev", [3.6, 500.0, 992.5], units="hPa", positive="down",
                          formula_terms="a: hyam b: hybm p0: P0 ps: PS"),
            "hyam": stored("lev", np.ones(3)),
            "gw": stored("lat", np.ones(ROWS)),
            "P0": stored("", 100000.0, units="Pa"),
            "T": stored("time lev lat lon", smooth_field(38, (FRAMES, 3, ROWS, COLUMNS)),
                        units="K"),
            "TREFHT": stored("time lat lon", values, units="K", cell_methods="time: mean"),
        },
        ("time",),
        "NETCDF3_64BIT_OFFSET",
    )  # fmt: skip
    return Sample(path, Holds(values.astype(float), when, GRID, "K", {}, "time"))


def cesm_ocean(folder: Path) -> Sample:
    whole = smooth_field(39, (FRAMES, 2, ROWS, COLUMNS), 10.0)
    values, sea = with_sea(whole)
    fill = np.float32(9.96921e36)
    when, time = _cesm_time()
    rows, across = np.mgrid[0:ROWS, 0:COLUMNS]
    path = write_netcdf(
        folder / "b.e21.pop.h.nc",
        time
        | {
            "z_t": stored("z_t", [500.0, 1500.0], "f4", units="centimeters", positive="down"),
            "TLAT": stored("nlat nlon", 40.0 + rows, units="degrees_north"),
            "TLONG": stored("nlat nlon", 300.0 + across, units="degrees_east"),
            "TEMP": stored("time z_t nlat nlon", np.where(sea, fill, values), "f4", _FillValue=fill,
                           missing_value=fill, units="degC", coordinates="TLONG TLAT z_t time"),
        },
        ("time",),
        "NETCDF3_64BIT_OFFSET",
    )  # fmt: skip
    holds = Holds(values[:, 0], when, ("time", "nlat", "nlon"), "degC", {"z_t": 0}, "time")
    return Sample(path, holds)


def spectral_elements(folder: Path) -> Sample:
    _, time = _cesm_time()
    path = write_netcdf(
        folder / "f.e21.cam.h0.nc",
        time | {"TREFHT": stored("time ncol", smooth_field(40, (FRAMES, 48)), units="K")},
    )
    return Sample(path, Refused("ncol|grid", "columns of an unstructured grid are no rows"))


def triangles(folder: Path) -> Sample:
    path = write_netcdf(
        folder / "icon.nc",
        {
            "time": stored("time", 20200101 + 0.25 * np.arange(4), units="day as %Y%m%d.%f",
                           calendar="proleptic_gregorian", axis="T"),
            "clat": stored("ncells", np.linspace(0, 1, 80), units="radian"),
            "clon": stored("ncells", np.linspace(0, 1, 80), units="radian"),
            "height": stored("height", [2.0], units="m", axis="Z"),
            "t_2m": stored("time height ncells", smooth_field(41, (4, 1, 80)), units="K",
                           coordinates="clat clon", CDI_grid_type="unstructured"),
        },
    )  # fmt: skip
    return Sample(path, Refused("ncells|grid", "triangles are no rows and columns"))


CASES = (
    WriterCase("CESM", "means dated by the end of the month", cesm_air, "TREFHT"),
    WriterCase("CESM", "POP at a depth in cm", cesm_ocean, "TEMP", {"z_t": 500.0}),
    WriterCase("CESM", "spectral elements", spectral_elements, "TREFHT"),
    WriterCase("ICON", "triangles", triangles, "t_2m"),
)
