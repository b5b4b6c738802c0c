"""Files of CMIP and CORDEX."""

from pathlib import Path
from typing import Any

import cftime
import numpy as np
import numpy.typing as npt

from tests.fields.writers.case import Array, Holds, Refused, Sample, Times, WriterCase
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
    smooth_field,
    with_sea,
)

FILL = np.float32(1e20)
GRID = ("time", "lat", "lon")
Floats = npt.NDArray[np.floating]


def _latlon() -> dict[str, Variable]:
    edges = np.stack([LAT - 0.5, LAT + 0.5], 1), np.stack([LON - 0.5, LON + 0.5], 1)
    return {
        "lat": stored("lat", LAT, bounds="lat_bnds", units="degrees_north", axis="Y",
                      standard_name="latitude"),
        "lat_bnds": stored("lat bnds", edges[0]),
        "lon": stored("lon", LON, bounds="lon_bnds", units="degrees_east", axis="X",
                      standard_name="longitude"),
        "lon_bnds": stored("lon bnds", edges[1]),
    }  # fmt: skip


def _time(days: Floats, bounds: Floats, units: str, calendar: str) -> dict[str, Variable]:
    return {
        "time": stored("time", days, bounds="time_bnds", units=units, calendar=calendar,
                       axis="T", long_name="time", standard_name="time"),
        "time_bnds": stored("time bnds", bounds),
    }  # fmt: skip


def _months(first_year: int = 1850) -> tuple[Times, Array, Array]:
    """Return the middles of months as dates, as days since 1850, and the months' bounds."""
    starts = (np.datetime64(f"{first_year}-01", "M") + np.arange(FRAMES + 1)).astype(
        "datetime64[s]"
    )
    days = (starts - np.datetime64("1850-01-01", "s")) / np.timedelta64(1, "D")
    middles = starts[:-1] + (starts[1:] - starts[:-1]) / 2
    return (
        middles.astype("datetime64[ns]"),
        (days[1:] + days[:-1]) / 2,
        np.stack([days[:-1], days[1:]], 1),
    )


def _tas(folder: Path, time: dict[str, Variable], when: Times, seed: int) -> Sample:
    values = smooth_field(seed)
    path = write_netcdf(
        folder / "tas_Amon_model_historical_r1i1p1f1_gn.nc",
        time
        | _latlon()
        | {
            "height": stored("", 2.0, units="m", axis="Z", positive="up", standard_name="height"),
            "tas": stored(
                "time lat lon", values, _FillValue=FILL, missing_value=FILL, units="K",
                coordinates="height", cell_methods="area: time: mean",
                cell_measures="area: areacella", standard_name="air_temperature",
            ),
        },
        ("time",),
        "NETCDF4_CLASSIC",
        Conventions="CF-1.7 CMIP-6.2",
    )  # fmt: skip
    return Sample(path, Holds(values.astype(float), when, GRID, "K", {}, "time"))


def gregorian_months(folder: Path) -> Sample:
    when, days, bounds = _months()
    return _tas(folder, _time(days, bounds, "days since 1850-01-01", "gregorian"), when, 30)


def days_of_360(folder: Path) -> Sample:
    days = 15.0 + 30.0 * np.arange(FRAMES)
    bounds = np.stack([days - 15, days + 15], 1)
    time = _time(days, bounds, "days since 1859-12-01", "360_day")
    return _tas(folder, time, counted(days, cftime.Datetime360Day(1859, 12, 1)), 31)


def noleap_months(folder: Path) -> Sample:
    lengths = np.tile([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], 3)
    ends = np.cumsum(lengths).astype(float)
    starts = ends - lengths
    time = _time((starts + ends) / 2, np.stack([starts, ends], 1), "days since 1850-01-01",
                 "365_day")  # fmt: skip
    return _tas(folder, time, counted((starts + ends) / 2, noleap(1850)), 32)


def curved_ocean(folder: Path) -> Sample:
    values, sea = with_sea(smooth_field(33, mean=15.0))
    when, days, bounds = _months(1950)
    rows, across = np.mgrid[0:ROWS, 0:COLUMNS]
    corners = np.zeros((ROWS, COLUMNS, 4))
    path = write_netcdf(
        folder / "tos_Omon_model_historical_r1i1p1f1_gn.nc",
        _time(days, bounds, "days since 1850-01-01", "proleptic_gregorian")
        | {
            "j": stored("j", np.arange(ROWS), "i4", units="1"),
            "i": stored("i", np.arange(COLUMNS), "i4", units="1"),
            "latitude": stored("j i", 40 + rows + 0.1 * across, units="degrees_north",
                               standard_name="latitude", bounds="vertices_latitude"),
            "longitude": stored("j i", 300 + across - 0.1 * rows, units="degrees_east",
                                standard_name="longitude", bounds="vertices_longitude"),
            "vertices_latitude": stored("j i vertices", corners),
            "vertices_longitude": stored("j i vertices", corners),
            "tos": stored("time j i", np.where(sea, FILL, values), "f4", _FillValue=FILL,
                          missing_value=FILL, units="degC", coordinates="latitude longitude"),
        },
        ("time",),
    )  # fmt: skip
    return Sample(path, Holds(values, when, ("time", "j", "i"), "degC", {}, "time"))


def _levels(folder: Path) -> tuple[Path, Times, Any]:
    values = smooth_field(34, (FRAMES, 3, ROWS, COLUMNS))
    when, days, bounds = _months()
    path = write_netcdf(
        folder / "ta_Amon.nc",
        _time(days, bounds, "days since 1850-01-01", "standard")
        | _latlon()
        | {
            "plev": stored("plev", [100000.0, 85000.0, 50000.0], units="Pa", axis="Z",
                           positive="down", standard_name="air_pressure"),
            "ta": stored("time plev lat lon", values, _FillValue=FILL, units="K"),
        },
        ("time",),
    )  # fmt: skip
    return path, when, values


def one_level(folder: Path) -> Sample:
    path, when, values = _levels(folder)
    return Sample(path, Holds(values[:, 1].astype(float), when, GRID, "K", {"plev": 1}, "time"))


def all_levels(folder: Path) -> Sample:
    return Sample(_levels(folder)[0], Refused("plev", "three pressure levels, none is chosen"))


def rotated_pole(folder: Path) -> Sample:
    values = smooth_field(35)
    when = dates("2006-01-01T12:00", FRAMES, 24)
    rows, across = np.mgrid[0:ROWS, 0:COLUMNS]
    path = write_netcdf(
        folder / "tas_EUR-11.nc",
        {
            "time": stored("time", 20454.5 + np.arange(FRAMES), axis="T", calendar="standard",
                           units="days since 1950-01-01T00:00:00Z", standard_name="time"),
            "rlat": stored("rlat", -23.0 + 0.11 * np.arange(ROWS), units="degrees", axis="Y",
                           standard_name="grid_latitude"),
            "rlon": stored("rlon", -28.0 + 0.11 * np.arange(COLUMNS), units="degrees", axis="X",
                           standard_name="grid_longitude"),
            "lat": stored("rlat rlon", 22 + 0.1 * rows, units="degrees_north"),
            "lon": stored("rlat rlon", 350 + 0.1 * across, units="degrees_east"),
            "rotated_pole": stored("", np.array(b"", "S1"), grid_north_pole_latitude=39.25,
                                   grid_mapping_name="rotated_latitude_longitude"),
            "tas": stored("time rlat rlon", values, _FillValue=FILL, units="K",
                          coordinates="lon lat", grid_mapping="rotated_pole"),
        },
        ("time",),
    )  # fmt: skip
    return Sample(
        path, Holds(values.astype(float), when, ("time", "rlat", "rlon"), "K", {}, "time")
    )


def lambert(folder: Path) -> Sample:
    values = smooth_field(36, mean=2e-5, spread=1e-6)
    when = dates("2006-01-01T12:00", FRAMES, 24)
    rows, across = np.mgrid[0:ROWS, 0:COLUMNS]
    path = write_netcdf(
        folder / "pr_EUR-11.nc",
        {
            "time": stored("time", 20454.5 + np.arange(FRAMES), axis="T", calendar="standard",
                           units="days since 1950-01-01 00:00:00", standard_name="time"),
            "y": stored("y", 12.5 * np.arange(ROWS), units="km", axis="Y",
                        standard_name="projection_y_coordinate"),
            "x": stored("x", 12.5 * np.arange(COLUMNS), units="km", axis="X",
                        standard_name="projection_x_coordinate"),
            "lat": stored("y x", 22 + 0.1 * rows, units="degrees_north"),
            "lon": stored("y x", -10 + 0.1 * across, units="degrees_east"),
            "Lambert_Conformal": stored("", 0, "i4", standard_parallel=49.5,
                                        grid_mapping_name="lambert_conformal_conic"),
            "pr": stored("time y x", values, _FillValue=FILL, units="kg m-2 s-1",
                         coordinates="lat lon", grid_mapping="Lambert_Conformal"),
        },
        ("time",),
    )  # fmt: skip
    return Sample(
        path, Holds(values.astype(float), when, ("time", "y", "x"), "kg m-2 s-1", {}, "time")
    )


CASES = (
    WriterCase("CMIP", "mid-month with bounds, standard calendar", gregorian_months, "tas"),
    WriterCase("CMIP", "HadGEM, years of 360 days", days_of_360, "tas"),
    WriterCase("CMIP", "CanESM, no leap days, variable not named", noleap_months),
    WriterCase("CMIP", "ocean on a curvilinear grid", curved_ocean, "tos"),
    WriterCase("CMIP", "one pressure level", one_level, "ta", {"plev": 85000}),
    WriterCase("CMIP", "all pressure levels", all_levels, "ta"),
    WriterCase("CORDEX", "rotated pole", rotated_pole, "tas"),
    WriterCase("CORDEX", "Lambert projection in km", lambert, "pr"),
)
