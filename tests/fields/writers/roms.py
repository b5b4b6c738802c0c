"""Files of ROMS: staggered points, s levels, ocean_time."""

from pathlib import Path
from typing import Any

import cftime
import numpy as np

from tests.fields.writers.case import Holds, Sample, WriterCase
from tests.fields.writers.files import Variable, stored, write_netcdf
from tests.fields.writers.grids import curved_grid
from tests.fields.writers.numbers import (
    COLUMNS,
    FRAMES,
    ROWS,
    counted,
    dates,
    since,
    smooth_field,
    with_sea,
)

ROMS_FILL = np.float32(1e37)
RHO = ("ocean_time", "eta_rho", "xi_rho")


def _roms(folder: Path, variables: dict[str, Variable]) -> Path:
    mask = np.ones((ROWS, COLUMNS))
    mask[:2, :3] = 0.0
    fixed = {
        "mask_rho": stored("eta_rho xi_rho", mask, long_name="mask on RHO-points"),
        "h": stored("eta_rho xi_rho", np.full((ROWS, COLUMNS), 100.0), units="meter"),
    }
    grid = curved_grid(("lat_rho", "lon_rho"), "eta_rho xi_rho")
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


CASES = (
    WriterCase("ROMS", "free surface with 1e37 on land", roms_zeta, "zeta"),
    WriterCase("ROMS", "temperature at an s level", roms_temperature, "temp", {"s_rho": -0.125}),
    WriterCase("ROMS", "current on its own points", roms_current, "ubar"),
    WriterCase("ROMS", "calendar '360.0 days in every year'", roms_days_of_360, "zeta"),
    WriterCase("ROMS", "ideal case, time in seconds of no date", roms_ideal, "zeta"),
)
