"""Files of weather radars: KNMI, DWD, OPERA, MRMS and pySTEPS."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.fields.writers.case import Holds, Refused, Sample, WriterCase
from tests.fields.writers.files import Variable, stored, write_netcdf
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

START = "2021-07-14"
DIMS = ("time", "y", "x")
WHEN = dates(START, FRAMES, 1 / 12)


def _time(unit: str = "seconds since 1970-01-01 00:00:00") -> Variable:
    return stored("time", since(WHEN, "1970-01-01", "s"), units=unit, standard_name="time")


def _plane() -> dict[str, Variable]:
    return {
        "x": stored("x", 1000.0 * np.arange(COLUMNS), "f8", units="m", axis="X",
                    standard_name="projection_x_coordinate"),
        "y": stored("y", -1000.0 * np.arange(ROWS), "f8", units="m", axis="Y",
                    standard_name="projection_y_coordinate"),
        "projection": stored("", 0, "i4", grid_mapping_name="polar_stereographic"),
    }  # fmt: skip


def knmi_bytes(folder: Path) -> Sample:
    raw = packed(90, "u1", 0, 254)
    raw[:, :2, :3] = 255
    path = write_netcdf(
        folder / "knmi.nc",
        _plane()
        | {
            "time": _time(),
            "image1_image_data": stored("time y x", raw, scale_factor=0.5, add_offset=-32.0,
                                        _FillValue=np.uint8(255), units="dBZ",
                                        grid_mapping="projection"),
        },
    )  # fmt: skip
    return Sample(path, Holds(unpack(raw, 0.5, -32.0, 255), WHEN, DIMS, "dBZ", {}, "time"))


def knmi_rain(folder: Path) -> Sample:
    raw = packed(91, "u2", 0, 40000)
    raw[:, :2, :3] = 65535
    path = write_netcdf(
        folder / "RAD_NL25_RAC_MFBS_EM_5min.nc",
        _plane()
        | {
            "time": _time("seconds since 1970-01-01 00:00:00"),
            "precip": stored("time y x", raw, scale_factor=np.float32(0.01),
                             add_offset=np.float32(0), _FillValue=np.uint16(65535), units="mm"),
        },
    )  # fmt: skip
    values = unpack(raw, 0.01, 0.0, 65535)
    return Sample(path, Holds(values, WHEN, DIMS, "mm", {}, "time"))


def classic_unsigned(folder: Path) -> Sample:
    raw = packed(92, "u1", 0, 250)
    raw[:, :2, :3] = 255
    path = write_netcdf(
        folder / "dbz.nc",
        _plane()
        | {
            "time": _time(),
            "DBZH": stored("time y x", raw.view("i1"), _Unsigned="true", _FillValue=np.int8(-1),
                           scale_factor=0.5, add_offset=-32.0, units="dBZ"),
        },
        layout="NETCDF3_CLASSIC",
    )  # fmt: skip
    return Sample(path, Holds(unpack(raw, 0.5, -32.0, 255), WHEN, DIMS, "dBZ", {}, "time"))


def two_missing_marks(folder: Path) -> Sample:
    """As THREDDS serves NEXRAD: below threshold 0 and range folded 1 are both missing."""
    raw = packed(93, "u1", 2, 250)
    raw[:, 0, :3], raw[:, 1, :3] = 0, 1
    path = write_netcdf(
        folder / "nexrad.nc",
        _plane()
        | {
            "time": _time(),
            "Reflectivity": stored("time y x", raw.view("i1"), _Unsigned="true", scale_factor=0.5,
                                   add_offset=-33.0, missing_value=np.array([1, 0], "i1"),
                                   units="dBz"),
        },
        layout="NETCDF3_CLASSIC",
    )  # fmt: skip
    values = np.where(raw <= 1, np.nan, raw.astype(float) * 0.5 - 33.0)
    return Sample(path, Holds(values, WHEN, DIMS, "dBz", {}, "time"))


def opera_undetected(folder: Path) -> Sample:
    """As wradlib and xradar write ODIM data: nodata is missing, undetect is the lowest value."""
    raw = packed(94, "u1", 0, 250)
    raw[:, :2, :3], raw[:, 4, 4] = 255, 0
    path = write_netcdf(
        folder / "opera.nc",
        _plane()
        | {
            "time": _time(),
            "DBZH": stored("time y x", raw, scale_factor=0.5, add_offset=-32.0,
                           _FillValue=np.uint8(255), _Undetect=0.0, units="dBZ",
                           standard_name="radar_equivalent_reflectivity_factor_h"),
            "quality": stored("time y x", raw, flag_values=np.array([0, 1], "u1"),
                              flag_meanings="bad good"),
        },
    )  # fmt: skip
    return Sample(path, Holds(unpack(raw, 0.5, -32.0, 255), WHEN, DIMS, "dBZ", {}, "time"))


def _composite(folder: Path, group: str, name: str, **attrs: Any) -> Path:
    path = folder / "composite.h5"
    with h5py.File(path, "w") as file:
        made = file.create_dataset(
            f"{group}/{name}", data=packed(95, "u1", 0, 250, (ROWS, COLUMNS))
        )
        made.attrs["CLASS"] = np.bytes_("IMAGE")
        what = file.require_group(f"{group}/what")
        for key, value in attrs.items():
            what.attrs[key] = value
    return path


def odim(folder: Path) -> Sample:
    path = _composite(folder, "dataset1/data1", "data", gain=0.5, offset=-32.0, nodata=255.0,
                      undetect=0.0, quantity=np.bytes_("DBZH"))  # fmt: skip
    return Sample(path, Refused(r"(?i)dataset1|group|no time", "one image of a moment, in groups"))


def knmi_image(folder: Path) -> Sample:
    path = _composite(folder, "image1", "image_data", calibration_formulas=np.bytes_("GEO=0.5*PV"))
    return Sample(path, Refused(r"(?i)image1|group|no time", "one image of a moment, in groups"))


def mrms(folder: Path) -> Sample:
    values, sea = with_sea(smooth_field(96, (FRAMES, 1, ROWS, COLUMNS), 20.0))
    path = write_netcdf(
        folder / "mrms.nc",
        {
            "time": stored("time", 2.0 * np.arange(FRAMES), standard_name="time",
                           units="Minute since 2021-07-14T00:00:00Z",
                           calendar="proleptic_gregorian"),
            "altitude_above_msl": stored("altitude_above_msl", [500.0], "f4", units="m",
                                         positive="up"),
            "lat": stored("lat", LAT[::-1], "f4", units="degrees_north"),
            "lon": stored("lon", LON + 230, "f4", units="degrees_east"),
            "MergedReflectivityQC": stored("time altitude_above_msl lat lon",
                                           np.where(sea, -999, values), "f4", units="dBZ",
                                           missing_value=np.float32(-999)),
        },
    )  # fmt: skip
    when = dates(START, FRAMES, 1 / 30)
    pick = {"altitude_above_msl": 0}
    return Sample(path, Holds(values[:, 0], when, ("time", "lat", "lon"), "dBZ", pick, "time"))


def _pysteps(folder: Path, members: int) -> tuple[Path, Any]:
    values = np.abs(smooth_field(97, (members, FRAMES, ROWS, COLUMNS), 3.0, 1.0))
    path = write_netcdf(
        folder / "nowcast.nc",
        {
            "x": stored("x", 500.0 + 1000.0 * np.arange(COLUMNS), units="m", axis="X",
                        standard_name="projection_x_coordinate"),
            "y": stored("y", 5500.0 - 1000.0 * np.arange(ROWS), units="m", axis="Y",
                        standard_name="projection_y_coordinate"),
            "lat": stored("y x", np.zeros((ROWS, COLUMNS)), standard_name="latitude"),
            "lon": stored("y x", np.zeros((ROWS, COLUMNS)), standard_name="longitude"),
            "ens_number": stored("ens_number", np.arange(1, members + 1), "i4", units="",
                                 standard_name="realization"),
            "time": stored("time", 300.0 * np.arange(1, FRAMES + 1),
                           standard_name="forecast_period",
                           units="seconds since 2021-07-14 00:00:00"),
            "precip_intensity": stored("ens_number time y x", values, "f4", units="mm h-1",
                                       _FillValue=np.float32(np.nan)),
        },
    )  # fmt: skip
    return path, values


def pysteps_member(folder: Path) -> Sample:
    path, values = _pysteps(folder, 3)
    when = dates("2021-07-14T00:05", FRAMES, 1 / 12)
    return Sample(
        path, Holds(values[1].astype(float), when, DIMS, "mm h-1", {"ens_number": 1}, "time")
    )


def pysteps_members(folder: Path) -> Sample:
    return Sample(_pysteps(folder, 3)[0], Refused("ens_number", "three members, none is chosen"))


def radklim(folder: Path) -> Sample:
    values, sea = with_sea(np.abs(smooth_field(98, mean=1.0, spread=0.4)))
    when = dates("2001-01-01T00:50")
    path = write_netcdf(
        folder / "RW_2017.nc",
        {
            "time": stored("time", since(when, "2001-01-01T00:50", "m"), "i4",
                           units="minutes since 2001-01-01 00:50", standard_name="time"),
            "y": stored("y", -4658.6 + np.arange(ROWS), units="km", axis="Y"),
            "x": stored("x", -443.4 + np.arange(COLUMNS), units="km", axis="X"),
            "crs": stored("", 0, "i4", grid_mapping_name="polar_stereographic"),
            "RR": stored("time y x", np.where(sea, np.nan, values), "f4", units="kg m-2",
                         _FillValue=np.float32(np.nan), grid_mapping="crs"),
        },
    )  # fmt: skip
    return Sample(path, Holds(values, when, DIMS, "kg m-2", {}, "time"))


CASES = (
    WriterCase("radar KNMI", "bytes with 255 for missing", knmi_bytes),
    WriterCase("radar KNMI", "unsigned shorts of rain", knmi_rain),
    WriterCase("radar KNMI", "HDF5 image", knmi_image),
    WriterCase("radar NEXRAD", "classic file, _Unsigned bytes", classic_unsigned),
    WriterCase("radar NEXRAD", "two marks of missing values", two_missing_marks),
    WriterCase("radar OPERA", "undetect is no missing value", opera_undetected, "DBZH"),
    WriterCase("radar OPERA", "ODIM HDF5 composite", odim),
    WriterCase("radar MRMS", "THREDDS, an altitude of one", mrms),
    WriterCase("pySTEPS", "a member", pysteps_member, None, {"ens_number": 2}),
    WriterCase("pySTEPS", "all members", pysteps_members),
    WriterCase("radar DWD", "RADKLIM", radklim),
)
