"""Files of MET Norway and of the Met Office."""

from pathlib import Path
from typing import Any

import numpy as np

from tests.fields.writers.case import Holds, Sample, WriterCase
from tests.fields.writers.files import stored, write_netcdf
from tests.fields.writers.numbers import COLUMNS, FRAMES, ROWS, dates, since, smooth_field

START = "2020-01-01"


def met_norway(folder: Path) -> Sample:
    values = smooth_field(76, (FRAMES, 1, ROWS, COLUMNS))
    when = dates(START)
    rows, across = np.mgrid[0:ROWS, 0:COLUMNS]
    path = write_netcdf(
        folder / "meps_det_2_5km.nc",
        {
            "time": stored("time", since(when, "1970-01-01", "s"), standard_name="time",
                           units="seconds since 1970-01-01 00:00:00 +00:00"),
            "forecast_reference_time": stored("", since(when[:1], "1970-01-01", "s")[0],
                                              units="seconds since 1970-01-01 00:00:00 +00:00",
                                              standard_name="forecast_reference_time"),
            "height1": stored("height1", [2.0], "f4", units="m", positive="up",
                              description="height above ground"),
            "x": stored("x", 2500.0 * np.arange(COLUMNS), "f4", units="m",
                        standard_name="projection_x_coordinate"),
            "y": stored("y", 2500.0 * np.arange(ROWS), "f4", units="m",
                        standard_name="projection_y_coordinate"),
            "latitude": stored("y x", 60 + 0.02 * rows, units="degree_north"),
            "longitude": stored("y x", 10 + 0.04 * across, units="degree_east"),
            "projection_lambert": stored("", 0, "i4", proj4="+proj=lcc +lat_0=63.3",
                                         grid_mapping_name="lambert_conformal_conic"),
            "air_temperature_2m": stored("time height1 y x", values, units="K",
                                         _FillValue=np.float32(9.96921e36),
                                         grid_mapping="projection_lambert",
                                         coordinates="longitude latitude"),
        },
        ("time",),
    )  # fmt: skip
    holds = Holds(values[:, 0].astype(float), when, ("time", "y", "x"), "K", {"height1": 0}, "time")
    return Sample(path, holds)


def met_office(folder: Path) -> Sample:
    values = smooth_field(77)
    when = dates("2020-01-01T01:00")
    seconds = since(when, "1970-01-01", "s")
    epoch: dict[str, Any] = {
        "units": "seconds since 1970-01-01 00:00:00", "calendar": "gregorian",
    }  # fmt: skip
    path = write_netcdf(
        folder / "ukv.nc",
        {
            "transverse_mercator": stored("", 0, "i4", grid_mapping_name="transverse_mercator"),
            "time": stored("time", seconds, "i8", axis="T", standard_name="time", **epoch),
            "projection_y_coordinate": stored("projection_y_coordinate", 2e3 * np.arange(ROWS),
                                              "f4", axis="Y", units="m",
                                              standard_name="projection_y_coordinate"),
            "projection_x_coordinate": stored("projection_x_coordinate", 2e3 * np.arange(COLUMNS),
                                              "f4", axis="X", units="m",
                                              standard_name="projection_x_coordinate"),
            "forecast_period": stored("time", seconds - seconds[0] + 3600, "i4", units="seconds",
                                      standard_name="forecast_period"),
            "forecast_reference_time": stored("", seconds[0] - 3600, "i8",
                                              standard_name="forecast_reference_time", **epoch),
            "height": stored("", 1.5, "f4", units="m", positive="up", standard_name="height"),
            "air_temperature": stored(
                "time projection_y_coordinate projection_x_coordinate", values, units="K",
                standard_name="air_temperature", grid_mapping="transverse_mercator",
                coordinates="forecast_period forecast_reference_time height",
                least_significant_digit=np.int64(2),
            ),
        },
    )  # fmt: skip
    dims = ("time", "projection_y_coordinate", "projection_x_coordinate")
    return Sample(path, Holds(values.astype(float), when, dims, "K", {}, "time"))


CASES = (
    WriterCase("MET Norway", "MEPS, a height of one", met_norway),
    WriterCase("Met Office", "UKV, forecast period beside time", met_office),
)
