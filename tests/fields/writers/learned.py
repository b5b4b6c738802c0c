"""Files of learned forecasts and of the data sets they are trained on."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import xarray as xr

from tests.fields.writers.case import Holds, Refused, Sample, WriterCase
from tests.fields.writers.numbers import COLUMNS, FRAMES, LAT, LON, ROWS, dates, smooth_field

START = "2020-01-01"
LEADS = ("prediction_timedelta", "latitude", "longitude")


def _zarr(dataset: xr.Dataset, path: Path, zarr_format: Any = 2) -> Path:
    dataset.to_zarr(path, zarr_format=zarr_format, consolidated=zarr_format == 2)
    return path


def _hours(frames: int, step_h: int = 6) -> npt.NDArray[np.timedelta64]:
    return (np.arange(1, frames + 1) * np.timedelta64(step_h, "h")).astype("timedelta64[ns]")


def _weatherbench(folder: Path, starts: int) -> tuple[Path, Any]:
    """Longitude comes before latitude, as in the public buckets."""
    values = smooth_field(80, (starts, FRAMES, 2, COLUMNS, ROWS))
    made = xr.Dataset(
        {
            "temperature": (
                ("time", "prediction_timedelta", "level", "longitude", "latitude"),
                values,
                {"units": "K"},
            )
        },
        coords={
            "time": dates(START, starts, 12),
            "prediction_timedelta": _hours(FRAMES),
            "level": ("level", np.array([500, 850], "i4")),
            "longitude": LON,
            "latitude": LAT,
        },
    )
    return _zarr(made, folder / "graphcast_240x121.zarr"), values


def weatherbench_one_start(folder: Path) -> Sample:
    path, values = _weatherbench(folder, 1)
    one = values[0, :, 1].transpose(0, 2, 1).astype(float)
    when = dates("2020-01-01T06:00", FRAMES, 6)
    return Sample(path, Holds(one, when, LEADS, "K", {"time": 0, "level": 1}))


def weatherbench_chosen_start(folder: Path) -> Sample:
    path, values = _weatherbench(folder, 3)
    one = values[2, :, 1].transpose(0, 2, 1).astype(float)
    when = dates("2020-01-02T06:00", FRAMES, 6)
    return Sample(path, Holds(one, when, LEADS, "K", {"time": 2, "level": 1}))


def weatherbench_all_starts(folder: Path) -> Sample:
    return Sample(
        _weatherbench(folder, 3)[0], Refused("prediction_timedelta|time=", "starts and leads")
    )


def weatherbench_truth(folder: Path) -> Sample:
    values = smooth_field(81, (FRAMES, COLUMNS, ROWS))
    made = xr.Dataset(
        {
            "2m_temperature": (("time", "longitude", "latitude"), values, {"units": "K"}),
            "land_sea_mask": (("longitude", "latitude"), np.ones((COLUMNS, ROWS), "f4")),
        },
        coords={"time": dates(START, FRAMES, 6), "longitude": LON, "latitude": LAT},
    )
    dims = ("time", "latitude", "longitude")
    holds = Holds(
        values.transpose(0, 2, 1).astype(float), dates(START, FRAMES, 6), dims, "K", {}, "time"
    )
    return Sample(_zarr(made, folder / "era5_64x32.zarr"), holds)


def weatherbench_first(folder: Path) -> Sample:
    """The first WeatherBench: one NetCDF file a year, level a scalar where one was taken."""
    values = smooth_field(82, mean=54000.0, spread=500.0)
    made = xr.Dataset(
        {
            "z": (
                ("time", "lat", "lon"),
                values,
                {"units": "m**2 s**-2", "long_name": "geopotential"},
            )
        },
        coords={
            "time": dates("1979-01-01T07:00"),
            "lat": ("lat", LAT),
            "lon": ("lon", LON),
            "level": ((), np.int32(500)),
        },
    )
    path = folder / "geopotential_500hPa_1979_5.625deg.nc"
    made.to_netcdf(path, engine="netcdf4")
    holds = Holds(
        values.astype(float), dates("1979-01-01T07:00"), ("time", "lat", "lon"), "m**2 s**-2", {},
        "time",
    )  # fmt: skip
    return Sample(path, holds)


def graphcast(folder: Path) -> Sample:
    values = smooth_field(83, (1, FRAMES, ROWS, COLUMNS))
    when = dates("2020-01-01T06:00", FRAMES, 6)
    made = xr.Dataset(
        {
            "2m_temperature": (("batch", "time", "lat", "lon"), values),
            "temperature": (
                ("batch", "time", "level", "lat", "lon"),
                smooth_field(84, (1, FRAMES, 2, ROWS, COLUMNS)),
            ),
        },
        coords={
            "time": _hours(FRAMES),
            "datetime": (("batch", "time"), when[None]),
            "lat": LAT.astype("f4"),
            "lon": LON.astype("f4"),
            "level": np.array([500, 850], "i4"),
        },
    )
    path = folder / "predictions.nc"
    made.to_netcdf(path, engine="netcdf4")
    holds = Holds(
        values[0].astype(float), when, ("time", "lat", "lon"), "", {"batch": 0}, "datetime"
    )
    return Sample(path, holds)


def earth2studio(folder: Path) -> Sample:
    values = smooth_field(85, (1, FRAMES, ROWS, COLUMNS))
    leads = _hours(FRAMES) - np.timedelta64(6, "h")
    made = xr.Dataset(
        {"t2m": (("time", "lead_time", "lat", "lon"), values)},
        coords={"time": dates(START, 1), "lead_time": leads, "lat": LAT[::-1], "lon": LON},
    )
    dims = ("lead_time", "lat", "lon")
    holds = Holds(values[0].astype(float), dates(START, FRAMES, 6), dims, "", {"time": 0})
    return Sample(_zarr(made, folder / "forecast.zarr", 3), holds)


def anemoi(folder: Path) -> Sample:
    made = xr.Dataset(
        {"2t": (("time", "values"), smooth_field(86, (FRAMES, 48)))},
        coords={
            "time": dates(START, FRAMES, 6),
            "latitude": ("values", np.repeat(LAT, COLUMNS)),
            "longitude": ("values", np.tile(LON, ROWS)),
        },
    )
    path = folder / "aifs.nc"
    made.to_netcdf(path, engine="netcdf4")
    return Sample(path, Refused("values=|grid", "points of a reduced Gaussian grid are no rows"))


def gencast(folder: Path) -> Sample:
    values = smooth_field(87, (4, 1, FRAMES, ROWS, COLUMNS))
    made = xr.Dataset(
        {"2m_temperature": (("sample", "batch", "time", "lat", "lon"), values)},
        coords={"time": _hours(FRAMES, 12), "lat": LAT, "lon": LON, "sample": np.arange(4)},
    )
    path = folder / "gencast.nc"
    made.to_netcdf(path, engine="netcdf4")
    return Sample(path, Refused("sample", "four members, and none is chosen"))


def pangu(folder: Path) -> Sample:
    values = smooth_field(88, (FRAMES, 4, ROWS, COLUMNS))
    path = folder / "output_surface.npy"
    np.save(path, values)
    dims = ("time", "y", "x")
    return Sample(path, Holds(values[:, 3].astype(float), None, dims, "", {"channel": 3}))


def fourcastnet(folder: Path) -> Sample:
    """HDF5 without names of dimensions: 'fields' by time, channel, latitude and longitude."""
    values = smooth_field(89, (FRAMES, 3, ROWS, COLUMNS))
    path = folder / "2018.h5"
    with h5py.File(path, "w") as file:
        file["fields"] = values
    return Sample(
        path,
        Refused(
            r"(?i)dimension|no time|dim_0|phony|hdf5 file|rename|copy",
            "no dimension has a name, and no order of four is certain",
        ),
    )


CASES = (
    WriterCase(
        "WeatherBench", "forecast, one start, longitude first", weatherbench_one_start,
        "temperature", {"level": 850},
    ),
    WriterCase(
        "WeatherBench", "forecast, a chosen start", weatherbench_chosen_start, "temperature",
        {"level": 850, "time": "2020-01-02T00:00:00"},
    ),
    WriterCase("WeatherBench", "forecast, several starts", weatherbench_all_starts, "temperature",
               {"level": 850}),
    WriterCase("WeatherBench", "truth, longitude first", weatherbench_truth),
    WriterCase("WeatherBench", "the first, a scalar level", weatherbench_first),
    WriterCase("GraphCast", "batch, leads as time, dates beside", graphcast, "2m_temperature"),
    WriterCase("GenCast", "samples", gencast),
    WriterCase("earth2studio", "lead_time in Zarr 3", earth2studio),
    WriterCase("anemoi", "AIFS on points", anemoi),
    WriterCase("Pangu-Weather", "surface as .npy with channels", pangu, None, {"channel": 3}),
    WriterCase("FourCastNet", "HDF5 without names", fourcastnet, "fields"),
)  # fmt: skip
