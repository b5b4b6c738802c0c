"""Files of NEMO and of Copernicus Marine."""

from pathlib import Path
from typing import Any

import numpy as np

from tests.fields.writers.case import Holds, Refused, Sample, WriterCase
from tests.fields.writers.files import Variable, stored, write_netcdf
from tests.fields.writers.grids import curved_grid
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
        | curved_grid(("nav_lat", "nav_lon"), "y x", nav_model="grid_T")
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
        | curved_grid(("nav_lat", "nav_lon"), "y x")
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
        | curved_grid(("nav_lat", "nav_lon"), "y x")
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


CASES = (
    WriterCase("NEMO", "surface temperature of XIOS", nemo_surface, "sosstsst"),
    WriterCase("NEMO", "single-precision depth", nemo_depths, "votemper", {"deptht": 0.494025}),
    WriterCase("NEMO", "1e20 on land, not declared", nemo_fill_not_declared, "sossheig"),
    WriterCase("Copernicus Marine", "packed, one depth", copernicus_marine, "thetao"),
)
