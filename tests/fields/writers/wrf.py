"""Files of WRF: dates as characters and XTIME beside a Time dimension, staggered grids."""

from pathlib import Path

import numpy as np

from tests.fields.writers.case import Holds, Refused, Sample, WriterCase
from tests.fields.writers.files import Variable, characters, stored, write_netcdf
from tests.fields.writers.numbers import COLUMNS, FRAMES, ROWS, dates, since, smooth_field

START = "2018-07-14T00:00:00"
DIMS = ("Time", "south_north", "west_east")


def _grid(frames: int, columns: int = COLUMNS, suffix: str = "") -> dict[str, Variable]:
    rows, across = np.mgrid[0:ROWS, 0:columns]
    lat = np.broadcast_to(45.0 + 0.1 * rows + 0.01 * across, (frames, ROWS, columns))
    lon = np.broadcast_to(6.0 + 0.14 * across - 0.02 * rows, (frames, ROWS, columns))
    dims = "Time south_north west_east" + ("_stag" if suffix else "")
    about = {"FieldType": np.int32(104), "MemoryOrder": "XY ", "stagger": suffix.strip("_")}
    return {
        f"XLAT{suffix}": stored(dims, lat, "f4", units="degree_north", **about),
        f"XLONG{suffix}": stored(dims, lon, "f4", units="degree_east", **about),
    }


def _times(when: np.ndarray, xtime: str | None = "units") -> dict[str, Variable]:
    texts = [str(t).replace("T", "_") for t in when.astype("datetime64[s]")]
    found = {"Times": stored("Time DateStrLen", characters(texts))}
    minutes = since(when, START, "m")
    text = f"minutes since {START.replace('T', ' ')}"
    if xtime == "units":
        found["XTIME"] = stored("Time", minutes, "f4", units=text, description=text)
    elif xtime == "description":  # versions before 3.7
        found["XTIME"] = stored(
            "Time", minutes, "f4", units="", description="minutes since simulation start"
        )
    return found


def _t2(folder: Path, xtime: str | None = "units", when: np.ndarray | None = None) -> Sample:
    when = dates(START) if when is None else when
    values = smooth_field(1, (len(when), ROWS, COLUMNS))
    path = write_netcdf(
        folder / "wrfout_d01.nc",
        _times(when, xtime)
        | _grid(len(when))
        | {
            "T2": stored(
                "Time south_north west_east",
                values,
                units="K",
                description="TEMP at 2 M",
                stagger="",
                coordinates="XLONG XLAT XTIME" if xtime else "XLONG XLAT",
            )
        },
        unlimited=("Time",),
        layout="NETCDF3_64BIT_OFFSET",
        TITLE=" OUTPUT FROM WRF V4.0 MODEL",
        START_DATE=START.replace("T", "_"),
    )
    holds = Holds(
        values.astype(float),
        when,
        DIMS,
        "K",
        xarray_time="XTIME" if xtime == "units" else None,
        undated_too=xtime != "units",
    )
    return Sample(path, holds)


def t2(folder: Path) -> Sample:
    return _t2(folder)


def t2_old_xtime(folder: Path) -> Sample:
    return _t2(folder, "description")


def t2_only_times(folder: Path) -> Sample:
    return _t2(folder, None)


def run_restarted(folder: Path) -> Sample:
    when = np.concatenate([dates(START, 24), dates("2018-07-14T20:00:00", 24)])
    found = _t2(folder, "units", when)
    return Sample(
        found.path,
        Refused(
            "(?i)increas|twice|duplicat|doubles|repeat|overlap",
            "hours 20 to 23 stand twice in two files joined by ncrcat",
        ),
    )


def _wind(folder: Path) -> tuple[Path, np.ndarray]:
    values = smooth_field(2, (FRAMES, 4, ROWS, COLUMNS + 1), 5.0)
    path = write_netcdf(
        folder / "wrfout_d02.nc",
        _times(dates(START))
        | _grid(FRAMES)
        | _grid(FRAMES, COLUMNS + 1, "_U")
        | {
            "U": stored(
                "Time bottom_top south_north west_east_stag",
                values,
                units="m s-1",
                description="x-wind component",
                stagger="X",
                coordinates="XLONG_U XLAT_U XTIME",
            ),
            "ZNU": stored("Time bottom_top", np.tile(np.linspace(0.99, 0.1, 4), (FRAMES, 1)), "f4"),
        },
        unlimited=("Time",),
        layout="NETCDF3_64BIT_OFFSET",
    )
    return path, values


def staggered_wind(folder: Path) -> Sample:
    path, values = _wind(folder)
    holds = Holds(
        values[:, 1].astype(float),
        dates(START),
        ("Time", "south_north", "west_east_stag"),
        "m s-1",
        {"bottom_top": 1},
        "XTIME",
    )
    return Sample(path, holds)


def wind_of_all_levels(folder: Path) -> Sample:
    path, _ = _wind(folder)
    return Sample(path, Refused("bottom_top", "four model levels, and none is chosen"))


def postprocessed(folder: Path) -> Sample:
    """As xwrf writes it: Time is a coordinate, x and y are metres of the projection."""
    when, values = dates(START), smooth_field(3)
    path = write_netcdf(
        folder / "xwrf.nc",
        {
            "Time": stored("Time", since(when, START, "h"), "i8", units=f"hours since {START}"),
            "XTIME": stored("Time", since(when, START, "m"), units=f"minutes since {START}"),
            "x": stored("x", 3000.0 * np.arange(COLUMNS), axis="X", units="m"),
            "y": stored("y", 3000.0 * np.arange(ROWS), axis="Y", units="m"),
            "wrf_projection": stored("", 0, grid_mapping_name="lambert_conformal_conic"),
            "T2": stored(
                "Time y x", values, units="K", coordinates="XTIME", grid_mapping="wrf_projection"
            ),
        },
    )
    return Sample(path, Holds(values.astype(float), when, ("Time", "y", "x"), "K", {}, "Time"))


CASES = (
    WriterCase("WRF", "dates in XTIME and Times beside an unlimited Time", t2, "T2"),
    WriterCase("WRF", "XTIME without units, as before version 3.7", t2_old_xtime, "T2"),
    WriterCase("WRF", "only Times, no XTIME", t2_only_times, "T2"),
    WriterCase("WRF", "two files with hours in common joined", run_restarted, "T2"),
    WriterCase("WRF", "staggered wind on one level", staggered_wind, "U", {"bottom_top": 1}),
    WriterCase("WRF", "wind on all levels", wind_of_all_levels, "U"),
    WriterCase("WRF", "after xwrf", postprocessed, "T2"),
)
