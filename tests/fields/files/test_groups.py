"""Variables in groups of NetCDF 4, HDF5 and Zarr files, and arrays without named dimensions."""

from pathlib import Path
from typing import Any

import h5py
import netCDF4
import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.formats import holds_variable
from fieldsharp.fields.reading import RawField, read_raw, read_series
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.writing import write_netcdf
from fieldsharp.sweep.trials.file_evaluation import evaluate_files

VALUES = np.random.default_rng(1).random((6, 3, 4)).astype(np.float32)
HOURS = np.datetime64("2001-01-01", "ns") + np.arange(6) * np.timedelta64(1, "h")


def read(path: Path, variable: str | None = None) -> RawField:
    return read_raw(DataSettings(path=str(path), variable=variable))


def refusal_of(path: Path, variable: str | None = None) -> str:
    with pytest.raises(DataError) as refusal:
        read(path, variable)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def in_netcdf(path: Path) -> Path:
    """Time and latitude in the root, one group with two variables and one with one."""
    with netCDF4.Dataset(path, "w") as file:
        for name, size in (("time", 6), ("lat", 3), ("lon", 4)):
            file.createDimension(name, size)
        time = file.createVariable("time", "f8", ("time",))
        time.units, time[:] = "hours since 2001-01-01", np.arange(6)
        file.createVariable("lat", "f8", ("lat",))[:] = [50.0, 51.0, 52.0]
        for factor, name in enumerate(("forecast/t2m", "forecast/u10", "analysis/t2m"), start=1):
            variable = file.createVariable(name, "f4", ("time", "lat", "lon"))
            variable[:] = factor * VALUES
    return path


def in_zarr(path: Path) -> Path:
    coords = {"time": HOURS, "lat": [50.0, 51.0, 52.0]}
    xr.Dataset(coords=coords).to_zarr(path, zarr_format=3, consolidated=False)
    dims = ("time", "lat", "lon")
    for group, names in (("forecast", ("t2m", "u10")), ("analysis", ("t2m",))):
        fields = {
            name: (dims, VALUES * (1 + index if group == "forecast" else 3))
            for index, name in enumerate(names)
        }
        xr.Dataset(fields).to_zarr(path, group=group, mode="a", zarr_format=3, consolidated=False)
    return path


WRITERS = {"nc": in_netcdf, "zarr": in_zarr}


@pytest.mark.parametrize("suffix", WRITERS)
class TestGroups:
    @pytest.mark.parametrize(
        ("variable", "factor"),
        [("forecast/t2m", 1), ("/forecast/u10", 2), ("analysis/t2m", 3), ("u10", 2)],
    )
    def test_a_variable_is_reached_by_its_group_and_has_the_coordinates_around_it(
        self, tmp_path: Path, suffix: str, variable: str, factor: int
    ) -> None:
        found = read(WRITERS[suffix](tmp_path / f"a.{suffix}"), variable)
        np.testing.assert_array_equal(found.values_THW, factor * VALUES)
        np.testing.assert_array_equal(found.time, HOURS)
        assert found.dims == ("time", "lat", "lon")
        assert found.grid["lat"].values.tolist() == [50.0, 51.0, 52.0]
        assert found.array.name == variable.rpartition("/")[2]

    def test_names_are_listed_and_each_of_them_can_be_typed(
        self, tmp_path: Path, suffix: str
    ) -> None:
        path = WRITERS[suffix](tmp_path / f"a.{suffix}")
        message = refusal_of(path)
        assert "choose one with data.variable=" in message
        listed = message.rpartition(": ")[2].split(", ")
        assert sorted(listed) == ["analysis/t2m", "forecast/t2m", "forecast/u10"]
        assert all(read(path, name).values_THW.shape == (6, 3, 4) for name in listed)

    def test_a_name_of_two_groups_is_refused_and_an_unknown_one_gets_the_nearest(
        self, tmp_path: Path, suffix: str
    ) -> None:
        path = WRITERS[suffix](tmp_path / f"a.{suffix}")
        assert "'t2m' is in several groups" in refusal_of(path, "t2m")
        assert "did you mean 'forecast/u10'?" in refusal_of(path, "forecast/u100")
        assert [holds_variable(path, n) for n in ("analysis/t2m", "u10", "t2m", "no")] == [
            *(True, True, False, False)
        ]


def test_a_dimension_that_a_group_defines_itself_has_no_times_of_the_root(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w") as file:
        for place in (file, file.createGroup("own")):
            for name, size in (("time", 6), ("lat", 3), ("lon", 4)):
                place.createDimension(name, size)
        file.createVariable("time", "f8", ("time",))[:] = np.arange(6)
        file["own"].createVariable("v", "f4", ("time", "lat", "lon"))[:] = VALUES
    assert not read(path, "own/v").has_time


def test_a_field_of_a_group_is_written_and_evaluated_under_its_own_name(tmp_path: Path) -> None:
    truth = in_netcdf(tmp_path / "truth.nc")
    series = read_series(DataSettings(path=str(truth), variable="forecast/u10"))
    write_netcdf(series, tmp_path / "forecast.nc")
    with xr.open_dataset(tmp_path / "forecast.nc") as written:
        assert list(written.data_vars) == ["u10"]
    assert evaluate_files(tmp_path / "forecast.nc", truth).metrics["rmse"] == 0.0
    found = evaluate_files(truth, truth, "forecast/u10", "forecast/t2m")
    expected = float(np.sqrt((VALUES.astype(np.float64) ** 2).mean()))
    assert found.metrics["rmse"] == pytest.approx(expected, rel=1e-6)


class TestPlainHDF5:
    def test_arrays_have_dimensions_by_position_and_coordinates_by_name(
        self, tmp_path: Path
    ) -> None:
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["run/rain"], file["run/wind"] = VALUES, 2 * VALUES
            file["run/time"] = np.arange(6.0)
            file["run/time"].attrs["units"] = "hours since 2001-01-01"
        found = read(tmp_path / "a.h5", "run/wind")
        np.testing.assert_array_equal(found.values_THW, 2 * VALUES)
        np.testing.assert_array_equal(found.time, HOURS)
        assert found.dims == ("time", "y", "x")
        assert "run/rain, run/wind" in refusal_of(tmp_path / "a.h5")

    def test_a_cube_is_read_in_the_order_of_the_file(self, tmp_path: Path) -> None:
        cube = np.random.default_rng(0).random((4, 4, 4))
        with h5py.File(tmp_path / "a.hdf5", "w") as file:
            file["v"] = cube
        np.testing.assert_array_equal(read(tmp_path / "a.hdf5").values_THW, cube)

    def test_labels_of_dimensions_name_them(self, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["v"] = VALUES.transpose(1, 2, 0)
            for dim, label in zip(file["v"].dims, ("y", "x", "time"), strict=True):
                dim.label = label
        np.testing.assert_array_equal(read(tmp_path / "a.h5").values_THW, VALUES)

    def test_a_file_with_dimension_scales_is_as_netcdf(self, tmp_path: Path) -> None:
        in_netcdf(tmp_path / "a.nc").rename(tmp_path / "a.he5")
        assert read(tmp_path / "a.he5", "u10").dims == ("time", "lat", "lon")


@pytest.mark.parametrize(
    ("shape", "coordinates", "dims"),
    [
        ((6, 3, 4), {"time": 6, "lat": 3, "lon": 4}, ("time", "lat", "lon")),
        ((3, 4, 6), {"time": 6}, ("y", "x", "time")),
        ((6, 4, 3), {"latitude": 3, "longitude": 4}, ("time", "longitude", "latitude")),
        ((4, 4, 4), {"time": 4, "lat": 4, "lon": 4}, ("time", "lat", "lon")),
        ((6, 3, 4), {"y": 3, "lat": 3, "other": 9}, ("time", "lat", "x")),
    ],
)
def test_arrays_beside_a_field_are_its_coordinates_where_names_and_lengths_fit(
    tmp_path: Path, shape: tuple[int, ...], coordinates: dict[str, int], dims: tuple[str, ...]
) -> None:
    values = np.random.default_rng(0).random(shape)
    arrays: dict[str, Any] = {n: np.arange(float(size)) for n, size in coordinates.items()}
    np.savez(tmp_path / "a.npz", rain=values, **arrays)
    found = read(tmp_path / "a.npz")
    expected = xr.DataArray(values, dims=dims).transpose(*found.dims)
    np.testing.assert_array_equal(found.values_THW, expected.values)
    assert set(found.dims) == set(dims)
    assert found.has_time == ("time" in coordinates)
