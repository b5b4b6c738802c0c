"""Files of satellite products on grids of degrees or of scan angles."""

from pathlib import Path

import numpy as np

from tests.fields.writers.case import Holds, Refused, Sample, WriterCase
from tests.fields.writers.files import stored, write_netcdf
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
from tests.fields.writers.rain import latlon

GRID = ("time", "lat", "lon")


def ghrsst(folder: Path) -> Sample:
    raw = packed(100, "i2", -20000, 20000)
    raw[:, :2, :3] = -32768
    when = dates("2020-01-01T09:00", FRAMES, 24)
    path = write_netcdf(
        folder / "JPL-L4_GHRSST-SSTfnd-MUR.nc",
        latlon()
        | {
            "time": stored("time", since(when, "1981-01-01", "s"), "i4", axis="T",
                           units="seconds since 1981-01-01 00:00:00 UTC", standard_name="time"),
            "analysed_sst": stored("time lat lon", raw, _FillValue=np.int16(-32768),
                                   scale_factor=0.001, add_offset=298.15, units="kelvin",
                                   valid_min=np.int16(-32767), valid_max=np.int16(32767)),
            "mask": stored("time lat lon", packed(101, "i1", 1, 6), units=" ",
                           valid_min=np.int8(1), valid_max=np.int8(31),
                           flag_masks=np.array([1, 2, 4, 8], "i1"),
                           flag_meanings="open_sea land open_lake sea_ice"),
        },
    )  # fmt: skip
    return Sample(path, Holds(unpack(raw, 0.001, 298.15, -32768), when, GRID, "kelvin", {}, "time"))


def beyond_valid_range(folder: Path) -> Sample:
    """Values above valid_max mark retrievals that failed; xarray leaves them in."""
    raw = packed(102, "i2", -200, 4400)
    raw[:, :2, :3], raw[:, 4, 4] = -999, 9000
    when = dates("1981-09-01T12:00", FRAMES, 24)
    path = write_netcdf(
        folder / "oisst-avhrr-v02r01.nc",
        latlon()
        | {
            "time": stored("time", since(when, "1978-01-01T12:00", "D"), "f4",
                           units="days since 1978-01-01 12:00:00"),
            "zlev": stored("zlev", [0.0], "f4", units="meters", positive="down"),
            "sst": stored("time zlev lat lon", raw[:, None], _FillValue=np.int16(-999),
                          scale_factor=np.float32(0.01), add_offset=np.float32(0),
                          valid_min=np.int16(-300), valid_max=np.int16(4500), units="Celsius"),
        },
    )  # fmt: skip
    values = np.where(raw == 9000, np.nan, unpack(raw, 0.01, 0.0, -999))
    return Sample(
        path, Holds(values, when, GRID, "Celsius", {"zlev": 0}, "time", xarray_reads=False)
    )


def soil_moisture(folder: Path) -> Sample:
    values, sea = with_sea(smooth_field(105, mean=0.25, spread=0.03))
    when = dates("2010-01-01", FRAMES, 24)
    fill = np.float32(-9999)
    moments = np.where(sea, -9999.0, since(when, "1970-01-01", "D")[:, None, None] + 0.3)
    path = write_netcdf(
        folder / "ESACCI-SOILMOISTURE.nc",
        latlon(LAT[::-1])
        | {
            "time": stored("time", since(when, "1970-01-01", "D"), calendar="standard",
                           units="days since 1970-01-01 00:00:00 UTC", standard_name="time"),
            "sm": stored("time lat lon", np.where(sea, fill, values), "f4", _FillValue=fill,
                         units="m3 m-3", valid_range=np.array([0, 1], "f4"),
                         ancillary_variables="sm_uncertainty flag t0"),
            "t0": stored("time lat lon", moments, _FillValue=-9999.0,
                         units="days since 1970-01-01 00:00:00 UTC"),
            "flag": stored("time lat lon", packed(106, "i1", 0, 4), _FillValue=np.int8(-128),
                           flag_values=np.array([0, 1, 2], "i1"),
                           flag_meanings="no_data snow dense_vegetation"),
        },
    )  # fmt: skip
    return Sample(path, Holds(values, when, GRID, "m3 m-3", {}, "time"))


def altimetry(folder: Path) -> Sample:
    raw = packed(107, "i4", -9000, 9000)
    raw[:, :2, :3] = -2147483647
    when = dates("2015-01-01", FRAMES, 24)
    path = write_netcdf(
        folder / "dt_global_allsat_phy_l4.nc",
        {
            "crs": stored("", -2147483647, "i4", grid_mapping_name="latitude_longitude"),
            "time": stored("time", since(when, "1950-01-01", "D"), "f4", axis="T",
                           units="days since 1950-01-01 00:00:00", calendar="gregorian"),
            "latitude": stored("latitude", LAT, "f4", units="degrees_north", axis="Y"),
            "longitude": stored("longitude", LON + 179.5, "f4", units="degrees_east", axis="X"),
            "nv": stored("nv", [0, 1], "i4"),
            "lat_bnds": stored("latitude nv", np.zeros((ROWS, 2)), "f4"),
            "sla": stored("time latitude longitude", raw, _FillValue=np.int32(-2147483647),
                          scale_factor=0.0001, units="m", grid_mapping="crs",
                          coordinates="longitude latitude"),
        },
    )  # fmt: skip
    values = unpack(raw, 0.0001, 0.0, -2147483647)
    return Sample(path, Holds(values, when, ("time", "latitude", "longitude"), "m", {}, "time"))


def goes(folder: Path) -> Sample:
    """Scan angles in radians, packed too; counts are unsigned although stored as shorts."""
    raw = packed(108, "u2", 100, 4000)
    raw[:, :2, :3] = 65535
    when = dates("2020-01-01T12:00", FRAMES, 0.25)
    path = write_netcdf(
        folder / "OR_ABI-L2-CMIPF-M6C13_G16.nc",
        {
            "t": stored("t", since(when, "2000-01-01T12:00", "s"), axis="T", standard_name="time",
                        units="seconds since 2000-01-01 12:00:00"),
            "y": stored("y", np.arange(ROWS), "i2", scale_factor=np.float32(-5.6e-05), axis="Y",
                        add_offset=np.float32(0.151844), units="rad",
                        standard_name="projection_y_coordinate"),
            "x": stored("x", np.arange(COLUMNS), "i2", scale_factor=np.float32(5.6e-05), axis="X",
                        add_offset=np.float32(-0.151844), units="rad",
                        standard_name="projection_x_coordinate"),
            "goes_imager_projection": stored("", 0, "i4", grid_mapping_name="geostationary"),
            "CMI": stored("t y x", raw.view("i2"), _Unsigned="true", _FillValue=np.int16(-1),
                          scale_factor=np.float32(0.06145332), add_offset=np.float32(89.62),
                          valid_range=np.array([0, 4095], "i2"), units="K",
                          grid_mapping="goes_imager_projection", coordinates="band_id y x t"),
            "DQF": stored("t y x", packed(109, "i1", 0, 3), _Unsigned="true",
                          _FillValue=np.int8(-1), flag_values=np.array([0, 1, 2], "i1"),
                          flag_meanings="good conditionally_usable out_of_range"),
            "band_id": stored("band", [13], "i1", units="1"),
        },
    )  # fmt: skip
    scale, offset = float(np.float32(0.06145332)), float(np.float32(89.62))
    return Sample(
        path, Holds(unpack(raw, scale, offset, 65535), when, ("t", "y", "x"), "K", {}, "t")
    )


def seviri(folder: Path) -> Sample:
    """As satpy writes a series of scenes: x and y are scan angles."""
    values, sea = with_sea(smooth_field(110))
    when = dates("2020-01-01T12:00", FRAMES, 0.25)
    rows, across = np.mgrid[0:ROWS, 0:COLUMNS]
    path = write_netcdf(
        folder / "seviri.nc",
        {
            "time": stored("time", since(when, "2020-01-01", "m"), "i8",
                           units="minutes since 2020-01-01 00:00:00"),
            "y": stored("y", (3e6 - 3000.4 * np.arange(ROWS)) / 35785831.0, units="radian",
                        standard_name="projection_y_coordinate"),
            "x": stored("x", (3000.4 * np.arange(COLUMNS) - 1e6) / 35785831.0, units="radian",
                        standard_name="projection_x_coordinate"),
            "longitude": stored("y x", 1.0 * across, units="degrees_east"),
            "latitude": stored("y x", 60.0 - rows, units="degrees_north"),
            "IR_108": stored("time y x", np.where(sea, np.nan, values), "f4", units="K",
                             _FillValue=np.float32(np.nan), coordinates="latitude longitude",
                             grid_mapping="geos"),
            "geos": stored("", 0, "i4", grid_mapping_name="geostationary"),
        },
    )  # fmt: skip
    return Sample(path, Holds(values, when, ("time", "y", "x"), "K", {}, "time"))


def map_without_time(folder: Path) -> Sample:
    path = write_netcdf(
        folder / "AQUA_MODIS.L3m.SST.nc",
        latlon(LAT[::-1])
        | {
            "sst": stored("lat lon", packed(111, "i2", -1000, 9000, (ROWS, COLUMNS)),
                          _FillValue=np.int16(-32767), scale_factor=0.005, units="degree_C"),
            "palette": stored("rgb eightbitcolor", np.zeros((3, 256), "u1")),
        },
    )  # fmt: skip
    return Sample(path, Refused("time", "a map of one moment has no time dimension"))


CASES = (
    WriterCase("GHRSST", "packed kelvin with a mask beside", ghrsst, "analysed_sst"),
    WriterCase("GHRSST", "OISST with values beyond valid_max", beyond_valid_range, "sst"),
    WriterCase("ESA CCI", "soil moisture with times of observation beside", soil_moisture, "sm"),
    WriterCase("AVISO", "packed long integers", altimetry),
    WriterCase("GOES", "unsigned counts, angles in radians", goes, "CMI"),
    WriterCase("SEVIRI", "satpy, angles in radians", seviri),
    WriterCase("MODIS", "map without time", map_without_time, "sst"),
)
