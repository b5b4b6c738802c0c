"""Variables without time, read beside those with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.static_fields import StaticField, read_static

HEIGHTS = np.random.default_rng(2).uniform(-5.0, 900.0, (5, 6)).astype(np.float32)
LATITUDES = ("latitude", np.linspace(54.0, 50.0, 5), {"units": "degrees_north"})
LONGITUDES = ("longitude", np.linspace(0.0, 5.0, 6), {"units": "degrees_east"})
DAYS = np.datetime64("2001-01-01", "ns") + np.arange(4) * np.timedelta64(1, "D")


def heights(dims: tuple[str, ...] = ("latitude", "longitude"), **attrs: object) -> xr.Dataset:
    values = HEIGHTS.copy().reshape((1,) * (len(dims) - 2) + (5, 6))
    return xr.Dataset(
        {"orog": (dims, values, {"units": "m", **attrs})},
        coords={"latitude": LATITUDES, "longitude": LONGITUDES},
    )


def field(first: int = 0, last: int = 4) -> xr.Dataset:
    values = np.random.default_rng(1).normal(280.0, 5.0, (4, 5, 6)).astype(np.float32)
    dims = ("time", "latitude", "longitude")
    return xr.Dataset(
        {"t2m": (dims, values[first:last], {"units": "K"})},
        coords={"time": DAYS[first:last], "latitude": LATITUDES, "longitude": LONGITUDES},
    )


def read(path: Path, name: str = "orog", **more: object) -> StaticField:
    return read_static(DataSettings.model_validate({"path": str(path), **more}), name)


def refusal_of(path: Path, name: str = "orog", **more: object) -> str:
    with pytest.raises(DataError) as refusal:
        read(path, name, **more)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_masks_of_true_and_false_are_ones_and_zeros(tmp_path: Path) -> None:
    heights().assign(land=lambda d: d["orog"] > 300.0).to_netcdf(tmp_path / "a.nc")

    found = read(tmp_path / "a.nc", "land")

    np.testing.assert_array_equal(found.values_HW, (HEIGHTS > 300.0).astype(np.float32))


@pytest.mark.parametrize(
    "case", ["alone", "beside times", "of one time", "of a scalar time", "turned"]
)
def test_a_map_is_read_however_it_is_stored(tmp_path: Path, case: str) -> None:
    dataset = {
        "alone": heights(),
        "beside times": xr.merge([field(), heights()]),
        "of one time": heights(("time", "latitude", "longitude")).assign_coords(time=DAYS[:1]),
        "of a scalar time": heights().assign_coords(time=DAYS[0], step=np.timedelta64(0, "h")),
        "turned": heights().transpose("longitude", "latitude"),
    }[case]
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")

    found = read(tmp_path / "a.nc")

    np.testing.assert_array_equal(found.values_HW, HEIGHTS)
    assert found.values_HW.dtype == np.float32
    assert (found.dims, found.units, found.name) == (("latitude", "longitude"), "m", "orog")
    np.testing.assert_array_equal(found.grid["latitude"], LATITUDES[1])
    assert set(found.grid.coords) == {"latitude", "longitude"}


def test_the_first_file_that_holds_it_is_read_beside_a_series(tmp_path: Path) -> None:
    field(0, 2).to_netcdf(tmp_path / "2001.nc", engine="h5netcdf")
    field(2, 4).to_netcdf(tmp_path / "2002.nc", engine="h5netcdf")
    heights().to_netcdf(tmp_path / "map.nc", engine="h5netcdf")

    np.testing.assert_array_equal(read(tmp_path / "*.nc").values_HW, HEIGHTS)
    assert "unknown variable 'orography'" in refusal_of(tmp_path / "*.nc", "orography")


def test_missing_marks_are_read_as_those_of_a_field(tmp_path: Path) -> None:
    packed = np.arange(30, dtype=np.int16).reshape(5, 6)
    packed[1, 2] = -9
    dataset = heights()
    attrs = {"scale_factor": 0.5, "add_offset": 3.0, "_FillValue": np.int16(-9)}
    dataset["orog"] = (("latitude", "longitude"), packed, attrs)
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")

    expected = np.where(packed == -9, np.nan, packed * 0.5 + 3.0)
    np.testing.assert_array_equal(read(tmp_path / "a.nc").values_HW, expected)

    dataset = heights()
    dataset["orog"].values[[0, 3], 1] = -9999.0
    dataset.to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    assert "holds -9999 2 times" in refusal_of(tmp_path / "b.nc")
    found = read(tmp_path / "b.nc", missing_values=[-9999])
    assert np.argwhere(np.isnan(found.values_HW)).tolist() == [[0, 1], [3, 1]]


def test_a_level_in_the_name_of_a_map_is_that_of_the_map_or_refused(tmp_path: Path) -> None:
    heights().assign_coords(layer=1).to_netcdf(tmp_path / "one.nc", engine="h5netcdf")
    both = xr.concat([heights(), heights() + 7.0], "layer").assign_coords(layer=[1, 2])
    both.to_netcdf(tmp_path / "both.nc", engine="h5netcdf")
    heights().to_netcdf(tmp_path / "none.nc", engine="h5netcdf")

    np.testing.assert_array_equal(read(tmp_path / "one.nc", "orog@layer=1").values_HW, HEIGHTS)
    found = read(tmp_path / "both.nc", "orog@layer=2").values_HW
    np.testing.assert_allclose(found, HEIGHTS + 7.0, rtol=1e-6)
    assert "asks for layer='2'" in refusal_of(tmp_path / "one.nc", "orog@layer=2")
    assert "the dimension 'layer'" in refusal_of(tmp_path / "none.nc", "orog@layer=2")
    # Selected of all variables it is of those that have it.
    found = read(tmp_path / "none.nc", select={"layer": 2}).values_HW
    np.testing.assert_array_equal(found, HEIGHTS)


def test_files_that_hold_the_same_are_one_and_others_refused(tmp_path: Path) -> None:
    heights().to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    upside_down = heights().isel(latitude=slice(None, None, -1))
    upside_down.to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    np.testing.assert_array_equal(read(tmp_path / "*.nc").values_HW, HEIGHTS)

    other = heights()
    other["orog"].values[2, 2] += 10.0
    other.to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    assert "different values of 'orog' in 1 of 30 cells" in refusal_of(tmp_path / "*.nc")


def test_a_variable_that_changes_in_time_is_refused(tmp_path: Path) -> None:
    field().to_netcdf(tmp_path / "a.nc", engine="h5netcdf")

    message = refusal_of(tmp_path / "a.nc", "t2m")
    assert "has 4 frames, and a static field has one; give it as one of data.inputs" in message
