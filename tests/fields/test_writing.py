from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.reading import read_series
from fieldsharp.fields.series import FieldSeries
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.writing import members_together, to_dataset, write_dataset, write_netcdf

Saver = Callable[[xr.Dataset], Path]


@pytest.fixture
def series(humidity: xr.Dataset, saved: Saver) -> FieldSeries:
    """A series with land in its first column and a coordinate of two dimensions."""
    humidity["hus"].values[:, :, 0] = np.nan
    area = (("lat", "lon"), np.arange(30.0).reshape(5, 6), {"units": "km2"})
    return read_series(DataSettings(path=str(saved(humidity.assign_coords(area=area)))))


def test_what_is_written_opens_with_everything_it_came_with(
    series: FieldSeries, humidity: xr.Dataset, tmp_path: Path
) -> None:
    write_netcdf(series, tmp_path / "out.nc")

    with xr.open_dataset(tmp_path / "out.nc", engine="h5netcdf") as written:
        assert list(written.data_vars) == ["hus"]
        assert written["hus"].dims == ("time", "lat", "lon")
        assert written["hus"].attrs == {"units": "g kg-1", "long_name": "specific humidity"}
        np.testing.assert_array_equal(written["time"].values, humidity["time"].values)
        assert written["time"].attrs == {"standard_name": "time", "long_name": "day"}
        for name in ("lat", "lon"):
            np.testing.assert_array_equal(written[name].values, humidity[name].values)
            assert written[name].attrs == humidity[name].attrs
        assert written["area"].dims == ("lat", "lon")
        assert written["area"].attrs["units"] == "km2"
        assert written["area"].values[4, 5] == 29.0
        assert written.attrs == {"title": "a test", "licence": "CC0", "Conventions": "CF-1.7"}


def test_masked_cells_are_missing_and_the_others_unchanged(
    series: FieldSeries, humidity: xr.Dataset, tmp_path: Path
) -> None:
    write_netcdf(series, tmp_path / "out.nc")

    with xr.open_dataset(tmp_path / "out.nc", engine="h5netcdf") as written:
        values = written["hus"].values
    assert np.isnan(values[:, :, 0]).all()
    np.testing.assert_array_equal(values, humidity["hus"].values)


def test_packing_of_the_source_does_not_round_what_is_written(
    humidity: xr.Dataset, tmp_path: Path
) -> None:
    source = tmp_path / "packed.nc"
    packing = {"dtype": "int16", "scale_factor": 0.5, "_FillValue": -1}
    humidity.to_netcdf(source, engine="h5netcdf", encoding={"hus": packing, "lat": packing})
    packed = read_series(DataSettings(path=str(source)))
    lat = packed.grid["lat"].variable.copy(data=np.array([50.0, 51.1, 52.2, 53.3, 54.4]))
    grid = packed.grid.assign_coords(lat=lat)
    values = np.full_like(packed.values_TCHW, 7.13)

    write_netcdf(replace(packed, values_TCHW=values, grid=grid), tmp_path / "out.nc")

    with xr.open_dataset(tmp_path / "out.nc", engine="h5netcdf") as written:
        assert written["hus"].values[0, 1, 1] == np.float32(7.13)
        assert written["lat"].values.tolist() == pytest.approx([50.0, 51.1, 52.2, 53.3, 54.4])


def test_what_is_written_reads_back_as_the_same_series(series: FieldSeries, tmp_path: Path) -> None:
    write_netcdf(series, tmp_path / "out.nc")

    again = read_series(DataSettings(path=str(tmp_path / "out.nc")))

    np.testing.assert_array_equal(again.values_TCHW, series.values_TCHW)
    np.testing.assert_array_equal(again.mask_HW, series.mask_HW)
    np.testing.assert_array_equal(again.time, series.time)
    assert (again.name, again.units, again.dims) == (series.name, series.units, series.dims)


def test_times_of_a_calendar_without_leap_days_are_written_as_such(
    humidity: xr.Dataset, saved: Saver, tmp_path: Path
) -> None:
    pytest.importorskip("cftime")
    noleap = {"units": "days since 2000-02-26", "calendar": "noleap"}
    humidity["time"] = ("time", np.arange(8), noleap)

    write_netcdf(read_series(DataSettings(path=str(saved(humidity)))), tmp_path / "out.nc")

    with xr.open_dataset(tmp_path / "out.nc", engine="h5netcdf") as written:
        assert written["time"].dt.calendar == "noleap"
        assert str(written["time"].values[3])[:10] == "2000-03-01"


def test_a_field_without_units_or_coordinates_is_written_without_inventing_them() -> None:
    bare = FieldSeries(
        values_TCHW=np.ones((2, 1, 2, 2), dtype=np.float32),
        mask_HW=np.ones((2, 2), dtype=np.bool_),
        time=np.arange(2),
        units="",
        name="rain",
        filled_T=np.zeros(2, dtype=np.float32),
    )

    dataset = to_dataset(bare)

    assert dataset["rain"].attrs == {}
    assert set(dataset.coords) == {"time"}


def test_an_existing_file_is_replaced_and_nothing_else_is_left(
    series: FieldSeries, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "forecast.nc").write_text("old")

    write_netcdf(series, folder / "forecast.nc")

    assert [path.name for path in folder.iterdir()] == ["forecast.nc"]
    assert (folder / "forecast.nc").read_bytes() != b"old"


def test_a_folder_that_is_not_there_is_refused_and_not_made(
    series: FieldSeries, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"cannot write .*out\.nc.*choose a folder"):
        write_netcdf(series, tmp_path / "nowhere" / "out.nc")

    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_is_a_file_is_refused(series: FieldSeries, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("kept")

    with pytest.raises(DataError, match="cannot write"):
        write_netcdf(series, tmp_path / "note" / "out.nc")

    assert (tmp_path / "note").read_text() == "kept"


def test_no_partial_file_is_left_when_the_last_step_fails(
    series: FieldSeries, tmp_path: Path
) -> None:
    taken = tmp_path / "out" / "forecast.nc"
    taken.mkdir(parents=True)

    with pytest.raises(DataError, match=r"cannot write .*forecast\.nc"):
        write_netcdf(series, taken)

    assert list((tmp_path / "out").iterdir()) == [taken]


def test_attributes_netcdf_cannot_hold_become_text_and_dangling_names_are_left_out(
    series: FieldSeries, tmp_path: Path
) -> None:
    attrs = {"units": "K", "flag": True, "extra": {"a": 1}, "nothing": None, "grid_mapping": "crs"}
    time_attrs = {"bounds": "time_bnds", "axis": "T"}

    write_netcdf(replace(series, attrs=attrs, time_attrs=time_attrs), tmp_path / "out.nc")

    with xr.open_dataset(tmp_path / "out.nc", engine="h5netcdf") as written:
        found = written["hus"].attrs
        assert {k: found[k] for k in ("flag", "extra")} == {"flag": "True", "extra": "{'a': 1}"}
        assert not {"nothing", "grid_mapping"} & found.keys()
        assert written["time"].attrs == {"axis": "T"}


def test_no_link_is_written_through_beside_the_target(series: FieldSeries, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / ".out.nc.partial").symlink_to(victim)
    write_netcdf(series, tmp_path / "out.nc")
    assert victim.read_text() == "kept"
    assert (tmp_path / "out.nc").is_file()


def test_a_forecast_has_the_usual_mode(series: FieldSeries, tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        write_netcdf(series, tmp_path / "out.nc")
    finally:
        os.umask(mask)
    assert (tmp_path / "out.nc").stat().st_mode & 0o777 == 0o640


def test_members_of_several_variables_are_stacked_left_of_time_and_space(
    series: FieldSeries, tmp_path: Path
) -> None:
    other = replace(series, name="t", units="K", attrs={"long_name": "temperature"})
    members = [
        tuple(replace(one, values_TCHW=one.values_TCHW + number) for one in (series, other))
        for number in range(3)
    ]

    write_dataset(members_together(members), tmp_path / "m.nc")

    with xr.open_dataset(tmp_path / "m.nc", engine="h5netcdf") as written:
        assert list(written.data_vars) == ["hus", "t"]
        assert written["t"].attrs == {"units": "K", "long_name": "temperature"}
        assert written["hus"].attrs == {"units": "g kg-1", "long_name": "specific humidity"}
        assert written["t"].dims == written["hus"].dims == ("realization", "time", "lat", "lon")
        assert written["realization"].attrs["standard_name"] == "realization"
        assert written["area"].dims == ("lat", "lon")
        for number, (one, _) in enumerate(members):
            expected = np.where(one.mask_HW, one.values_TCHW[:, 0], np.nan)
            np.testing.assert_array_equal(written["hus"].values[number], expected)


@pytest.mark.parametrize("name", ["number", "realization", "analysis"])
def test_the_member_that_the_data_are_is_no_member_of_the_forecast(
    name: str, humidity: xr.Dataset, saved: Saver, tmp_path: Path
) -> None:
    """Files of ERA5 have a single value with the name of a member."""
    said = {"standard_name": "realization"} if name == "analysis" else {}
    source = humidity.assign_coords({name: ((), 7, said), "height": ((), 2.0, {"units": "m"})})
    one = read_series(DataSettings(path=str(saved(source))))
    assert name in one.grid.coords

    write_dataset(members_together([(one,), (one,)]), tmp_path / "m.nc")

    with xr.open_dataset(tmp_path / "m.nc", engine="h5netcdf") as written:
        assert {str(coordinate) for coordinate in written.coords} == {
            *("realization", "time", "lat", "lon", "height")
        }
        assert written["realization"].values.tolist() == [0, 1]
    read = read_series(DataSettings(path=str(tmp_path / "m.nc"), select={"realization": 1}))
    np.testing.assert_array_equal(read.values_TCHW, one.values_TCHW)
