"""Files that libraries warn of: read rightly without a word, or refused."""

from collections.abc import Callable
from pathlib import Path

import h5netcdf.legacyapi as netcdf
import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.reading import RawField, read_raw
from fieldsharp.fields.series import time_text
from fieldsharp.fields.settings import DataSettings


def _read(path: Path) -> RawField:
    """What is read; any warning is an error here."""
    return read_raw(DataSettings(path=str(path), variable="v"))


def _write(
    path: Path,
    units: str,
    calendar: str = "standard",
    hours: tuple[float, ...] = (0.0, 1.0),
    missing: tuple[float, ...] = (),
) -> Path:
    with netcdf.Dataset(path, "w") as file:
        for name, size in (("time", len(hours)), ("y", 2), ("x", 2)):
            file.createDimension(name, size)
        time = file.createVariable("time", "f8", ("time",))
        time[:] = hours
        time.units, time.calendar = units, calendar
        fill = np.float32(missing[0]) if missing else None
        variable = file.createVariable("v", "f4", ("time", "y", "x"), fill_value=fill)
        variable[:] = np.array([[[1, 2], [3, 4]]] * len(hours), dtype="f4")
        if missing:
            variable.missing_value = np.array(missing[1:], dtype="f4")
    return path


def test_every_value_that_is_named_as_missing_is_missing(tmp_path: Path) -> None:
    for missing in ((1.0, 2.0), (1.0, 2.0, 3.0)):
        path = _write(tmp_path / f"{len(missing)}.nc", "hours since 2000-01-01", missing=missing)
        values = _read(path).values_THW
        assert np.isnan(values[0]).ravel().tolist() == [v in missing for v in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("units", "calendar", "first"),
    [
        ("hours since 1-1-1", "proleptic_gregorian", "2001-01-05T00:00"),
        ("hours since 1-1-1", "standard", "2001-01-03T00:00"),  # which had Julian leap years
        ("hours since 1-1-1 00:00 +02:00", "standard", "2001-01-02T22:00"),
    ],
)
def test_hours_since_the_first_year_are_dates(
    tmp_path: Path, units: str, calendar: str, first: str
) -> None:
    hours = (17531736.0, 17531737.0)
    found = _read(_write(tmp_path / "a.nc", units, calendar, hours))
    assert time_text(found.time[0]) == first


def test_years_before_the_reform_of_the_calendar_are_dates(tmp_path: Path) -> None:
    found = _read(_write(tmp_path / "a.nc", "hours since 0900-12-31 23:00", "standard"))
    assert [str(time) for time in found.time] == ["0900-12-31 23:00:00", "0901-01-01 00:00:00"]


@pytest.mark.parametrize("date", ["01-02-2003", "1/2/2003 06:00", "31.12.2003"])
def test_a_day_or_month_that_stands_first_is_refused(tmp_path: Path, date: str) -> None:
    path = _write(tmp_path / "a.nc", f"hours since {date}")
    with pytest.raises(DataError, match="may have the day or the month first; write the year"):
        _read(path)


def _without_consolidated_metadata(path: Path, data: xr.Dataset) -> None:
    data.to_zarr(path, consolidated=False, zarr_format=2)


def _of_the_third_format(path: Path, data: xr.Dataset) -> None:
    data.to_zarr(path, consolidated=False, zarr_format=3)


def _with_consolidated_metadata(path: Path, data: xr.Dataset) -> None:
    data.to_zarr(path, consolidated=True, zarr_format=2)


def _with_old_consolidated_metadata(path: Path, data: xr.Dataset) -> None:
    (data * 2).to_zarr(path, consolidated=True, zarr_format=2)
    data.to_zarr(path, consolidated=False, zarr_format=2, mode="a")
    (path / ".zmetadata").write_text((path / ".zmetadata").read_text().replace('"v/', '"w/'))


def _beside_other_files(path: Path, data: xr.Dataset) -> None:
    data.to_zarr(path, consolidated=False, zarr_format=2)
    (path / ".DS_Store").write_bytes(b"\0")
    (path / "read\nme").write_text("of a person")


@pytest.mark.parametrize(
    "write",
    [
        _without_consolidated_metadata,
        _of_the_third_format,
        _with_consolidated_metadata,
        _with_old_consolidated_metadata,
        _beside_other_files,
    ],
)
def test_a_zarr_folder_is_read_whatever_stands_beside_its_arrays(
    tmp_path: Path, write: Callable[[Path, xr.Dataset], None]
) -> None:
    values = np.arange(12.0).reshape(3, 2, 2)
    write(tmp_path / "a.zarr", xr.Dataset({"v": (("time", "y", "x"), values)}))
    np.testing.assert_array_equal(_read(tmp_path / "a.zarr").values_THW, values)
