"""Fields in days, leads, and time in months or years."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.formats import open_dataset
from fieldsharp.fields.reading import RawField, read_raw
from fieldsharp.fields.series import time_text
from fieldsharp.fields.settings import DataSettings

VALUES = np.random.default_rng(1).random((4, 3, 3))


def written(path: Path, units: str, times: list[float], calendar: str | None = None) -> Path:
    more = {"calendar": calendar} if calendar else {}
    time = ("time", np.array(times), {"units": units, "bounds": "time_bnds", **more})
    bounds = (("time", "side"), np.zeros((len(times), 2)))
    fields = {"v": (("time", "y", "x"), VALUES[: len(times)]), "time_bnds": bounds}
    xr.Dataset(fields, coords={"time": time}).to_netcdf(path, engine="h5netcdf")
    return path


def read(path: Path) -> RawField:
    return read_raw(DataSettings(path=str(path), variable="v"))


@pytest.mark.parametrize(
    ("units", "times", "expected"),
    [
        ("months since 1990-01-01", [0, 1, 13], ["1990-01-01", "1990-02-01", "1991-02-01"]),
        ("month since 1990-01-15 12:00", [0, 1], ["1990-01-15T12:00", "1990-02-15T12:00"]),
        ("months since 1999-11-30", [0, 3, 4], ["1999-11-30", "2000-02-29", "2000-03-30"]),
        ("Months since 2000-01-01", [-1, 0], ["1999-12-01", "2000-01-01"]),
        ("years since 2000-02-29", [0, 1, 4], ["2000-02-29", "2001-02-28", "2004-02-29"]),
        ("years since 2000-01-01", [0, 0.5, 1], ["2000-01-01", "2000-07-01", "2001-01-01"]),
    ],
)
def test_whole_months_and_years_are_those_of_the_calendar(
    tmp_path: Path, units: str, times: list[float], expected: list[str]
) -> None:
    found = read(written(tmp_path / "a.nc", units, times))
    np.testing.assert_array_equal(found.time, np.array(expected, dtype="datetime64[ns]"))


def test_months_of_another_calendar_are_dates_of_it(tmp_path: Path) -> None:
    found = read(written(tmp_path / "a.nc", "months since 2000-01-31", [0, 1, 2], "noleap"))
    assert [time_text(t)[:10] for t in found.time] == ["2000-01-31", "2000-02-28", "2000-03-31"]


def test_half_a_month_of_thirty_days_is_the_sixteenth(tmp_path: Path) -> None:
    found = read(written(tmp_path / "a.nc", "months since 2000-01-01", [0.5, 1.5], "360_day"))
    assert [time_text(t)[:10] for t in found.time] == ["2000-01-16", "2000-02-16"]


def test_fractions_of_months_of_unequal_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"with fractions such as 0\.5, whose dates are not"):
        read(written(tmp_path / "a.nc", "months since 1990-01-01", [0.5, 1.5]))


@pytest.mark.parametrize("units", ["days", "hours", "s"])
def test_a_field_that_measures_time_is_numbers_in_its_units(tmp_path: Path, units: str) -> None:
    field = xr.Dataset({"v": (("time", "y", "x"), VALUES, {"units": units})})
    field.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    found = read(tmp_path / "a.nc")
    np.testing.assert_array_equal(found.values_THW, VALUES)
    assert found.array.attrs["units"] == units


def test_leads_are_lengths_of_time(tmp_path: Path) -> None:
    field = xr.Dataset({"v": (("step", "y", "x"), VALUES)})
    field["step"] = ("step", np.arange(4), {"units": "hours"})
    field["of_cells"] = (("y", "x"), np.full((3, 3), 6), {"units": "hours"})
    field.set_coords("of_cells").to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with open_dataset(tmp_path / "a.nc") as found:
        hour = np.timedelta64(1, "h")
        assert (found["step"].values == np.arange(4) * hour).all()
        assert (found["of_cells"].values == 6 * hour).all()
