from __future__ import annotations

import gc
import io
import math
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5netcdf
import h5py
import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.formats import open_dataset, pick_variable
from fieldsharp.fields.reading import read_series
from fieldsharp.fields.series import FieldSeries
from fieldsharp.fields.settings import DataSettings

Saver = Callable[[xr.Dataset], Path]


def read(path: Path, **more: object) -> FieldSeries:
    return read_series(DataSettings.model_validate({"path": str(path), **more}))


def refusal_of(path: Path, **more: object) -> str:
    """The message of the refusal: one sentence."""
    with pytest.raises(DataError) as refusal:
        read(path, **more)
    message = str(refusal.value)
    assert "\n" not in message
    return message


def save_netcdf4(dataset: xr.Dataset, folder: Path) -> Path:
    dataset.to_netcdf(folder / "field.nc", engine="h5netcdf")
    return folder / "field.nc"


def save_netcdf3(dataset: xr.Dataset, folder: Path) -> Path:
    dataset.to_netcdf(folder / "field.nc", engine="scipy")
    return folder / "field.nc"


def save_zarr(dataset: xr.Dataset, folder: Path) -> Path:
    dataset.to_zarr(folder / "field.zarr", zarr_format=2, consolidated=True)
    return folder / "field.zarr"


class TestFormats:
    @pytest.mark.parametrize("save", [save_netcdf4, save_netcdf3, save_zarr])
    def test_a_self_describing_file_gives_values_and_all_that_describes_them(
        self, humidity: xr.Dataset, tmp_path: Path, save: Callable[[xr.Dataset, Path], Path]
    ) -> None:
        series = read(save(humidity, tmp_path))

        np.testing.assert_array_equal(series.values_TCHW[:, 0], humidity["hus"].values)
        assert series.values_TCHW.dtype == np.float32
        assert series.mask_HW.all()
        np.testing.assert_array_equal(series.time, humidity["time"].values)
        assert series.step_s == 86_400.0
        assert (series.name, series.units) == ("hus", "g kg-1")
        assert series.dims == ("time", "lat", "lon")
        assert series.attrs["long_name"] == "specific humidity"
        assert series.time_attrs == {"standard_name": "time", "long_name": "day"}
        assert series.file_attrs == {"title": "a test", "licence": "CC0"}
        np.testing.assert_array_equal(series.grid["lat"], humidity["lat"])
        assert series.grid["lon"].attrs == {"units": "degrees_east"}
        assert set(series.grid.coords) == {"lat", "lon"}

    @pytest.mark.parametrize("suffix", [".npy", ".npz"])
    @pytest.mark.parametrize("has_channel", [False, True])
    def test_a_bare_array_gives_values_at_numbered_frames(
        self, tmp_path: Path, suffix: str, has_channel: bool
    ) -> None:
        values_TYX = np.random.default_rng(0).normal(size=(6, 3, 4))
        array = values_TYX[:, None] if has_channel else values_TYX
        path = tmp_path / f"rain{suffix}"
        if suffix == ".npy":
            np.save(path, array)
        else:
            np.savez(path, rain=array, scalar=np.array(3))

        series = read(path)

        np.testing.assert_array_equal(series.values_TCHW[:, 0], values_TYX.astype(np.float32))
        assert series.name == "rain"
        assert series.units == ""
        assert series.time.tolist() == [0, 1, 2, 3, 4, 5]

    def test_one_of_several_arrays_is_chosen_by_name(self, tmp_path: Path) -> None:
        path = tmp_path / "both.npz"
        np.savez(path, rain=np.ones((4, 2, 2)), wind=np.full((4, 2, 2), 7.0))

        assert (read(path, variable="wind").values_TCHW == 7.0).all()
        assert "choose one with data.variable=rain (evaluate: --variable" in refusal_of(path)

    def test_one_of_several_channels_is_chosen_by_index(self, tmp_path: Path) -> None:
        path = tmp_path / "channels.npy"
        np.save(path, np.arange(3.0)[None, :, None, None] * np.ones((4, 3, 2, 2)))

        assert (read(path, select={"channel": 2}).values_TCHW == 2.0).all()
        assert "data.select.channel=0" in refusal_of(path)

    def test_the_suffix_may_be_in_capitals(self, tmp_path: Path) -> None:
        np.save(tmp_path / "rain.npy", np.ones((4, 2, 2)))
        (tmp_path / "rain.npy").rename(tmp_path / "RAIN.NPY")

        assert read(tmp_path / "RAIN.NPY").values_TCHW.shape == (4, 1, 2, 2)


class TestContents:
    def test_a_transposed_grid_is_turned(self, humidity: xr.Dataset, saved: Saver) -> None:
        series = read(saved(humidity.transpose("lon", "time", "lat")))

        np.testing.assert_array_equal(series.values_TCHW[:, 0], humidity["hus"].values)
        assert series.dims == ("time", "lat", "lon")

    def test_a_level_and_a_member_are_selected(self, humidity: xr.Dataset, saved: Saver) -> None:
        plain = humidity["hus"]
        levels = xr.concat([plain, plain + 100], dim=xr.Variable("level", [850.0, 500.0]))
        field = xr.concat([levels, levels + 1000], dim="member").to_dataset(name="hus")

        series = read(saved(field), select={"level": 500, "member": 1})

        np.testing.assert_allclose(series.values_TCHW[:, 0], plain.values + 1100, rtol=1e-6)
        assert set(series.grid.coords) == {"lat", "lon"}

    def test_packed_integers_become_physical_values_and_gaps(
        self, humidity: xr.Dataset, saved: Saver
    ) -> None:
        packed = np.arange(8 * 5 * 6, dtype=np.int16).reshape(8, 5, 6)
        packed[:, 0, 0] = -999
        humidity["hus"] = (
            ("time", "lat", "lon"),
            packed,
            {"scale_factor": 0.5, "add_offset": 20.0, "_FillValue": np.int16(-999)},
        )

        series = read(saved(humidity))

        assert not series.mask_HW[0, 0]
        assert series.mask_HW.sum() == 29
        expected = np.where(series.mask_HW, packed * 0.5 + 20.0, 0.0)
        np.testing.assert_allclose(series.values_TCHW[:, 0], expected)

    def test_land_is_masked_and_a_passing_gap_is_filled_in_time(
        self, humidity: xr.Dataset, saved: Saver
    ) -> None:
        original = humidity["hus"].values.copy()
        humidity["hus"].values[:, :, 0] = np.nan  # land
        humidity["hus"].values[3, 2, 2] = np.nan  # a cloud

        series = read(saved(humidity), min_valid_share=0.8)

        assert not series.mask_HW[:, 0].any()
        assert series.mask_HW[:, 1:].all()
        assert series.values_TCHW[3, 0, 2, 2] == pytest.approx(original[2, 2, 2])
        np.testing.assert_array_equal(series.values_TCHW[4, 0, :, 1:], original[4, :, 1:])
        assert series.filled_T.tolist() == pytest.approx([0, 0, 0, 1 / 25, 0, 0, 0, 0])
        assert np.isfinite(series.values_TCHW).all()

    def test_a_cell_with_too_many_gaps_is_masked_for_good(
        self, humidity: xr.Dataset, saved: Saver
    ) -> None:
        humidity["hus"].values[:3, 1, 1] = np.nan

        assert not read(saved(humidity), min_valid_share=0.9).mask_HW[1, 1]
        assert read(saved(humidity), min_valid_share=0.6).mask_HW[1, 1]

    def test_a_calendar_without_leap_days_has_even_steps(
        self, humidity: xr.Dataset, saved: Saver
    ) -> None:
        pytest.importorskip("cftime")
        # 26 February 2000 and seven days more: the 29th does not exist in this calendar.
        humidity["time"] = (
            "time",
            np.arange(8),
            {"units": "days since 2000-02-26", "calendar": "noleap"},
        )

        series = read(saved(humidity))

        assert series.steps_s.tolist() == [86_400.0] * 7
        assert [str(t)[:10] for t in series.time[2:4]] == ["2000-02-28", "2000-03-01"]

    def test_bounds_and_fixed_maps_are_not_taken_for_the_field(
        self, humidity: xr.Dataset, saved: Saver
    ) -> None:
        humidity["time_bnds"] = (("time", "side"), np.zeros((8, 2)))
        humidity["lat"].attrs["bounds"] = "lat_bnds"
        humidity["lat_bnds"] = (("lat", "lon", "corner"), np.zeros((5, 6, 4)))
        humidity["orography"] = (("lat", "lon"), np.zeros((5, 6)))
        humidity["crs"] = ((), 0)

        assert read(saved(humidity)).name == "hus"

    def test_coordinates_on_both_axes_are_kept_and_those_of_time_are_not(
        self, humidity: xr.Dataset, saved: Saver
    ) -> None:
        field = humidity.assign_coords(
            area=(("lat", "lon"), np.arange(30.0).reshape(5, 6), {"units": "km2"}),
            height=((), 2.0, {"units": "m"}),
            season=("time", np.arange(8)),
        )

        grid = read(saved(field)).grid

        assert set(grid.coords) == {"lat", "lon", "area", "height"}
        assert grid["area"].attrs["units"] == "km2"


class TestRefusals:
    def test_a_missing_file(self, tmp_path: Path) -> None:
        assert "nowhere.nc does not exist" in refusal_of(tmp_path / "nowhere.nc")

    def test_an_unknown_suffix_lists_the_formats(self, tmp_path: Path) -> None:
        (tmp_path / "field.csv").write_text("time,y,x")

        message = refusal_of(tmp_path / "field.csv")

        assert "unknown data format '.csv'" in message
        assert all(known in message for known in (".nc", ".zarr", ".npy", ".npz"))

    @pytest.mark.parametrize("name", ["field.nc", "field.npy", "field.npz", "field.zarr"])
    def test_a_file_that_is_not_what_its_suffix_says(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(b"this is no array")

        message = refusal_of(tmp_path / name)

        assert f"{name} cannot be read as {Path(name).suffix}" in message

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.parametrize("save", [save_netcdf4, save_netcdf3])
    def test_a_file_cut_short(
        self, humidity: xr.Dataset, tmp_path: Path, save: Callable[[xr.Dataset, Path], Path]
    ) -> None:
        path = save(humidity, tmp_path)
        path.write_bytes(path.read_bytes()[:-400])

        assert "field.nc cannot be read as .nc" in refusal_of(path)
        gc.collect()  # SciPy warns when the file it gave up on is collected: here, not later

    def test_a_file_whose_values_are_damaged(self, humidity: xr.Dataset, tmp_path: Path) -> None:
        path = tmp_path / "field.nc"
        humidity.to_netcdf(path, engine="h5netcdf", encoding={"hus": {"zlib": True}})
        with h5py.File(path) as file:
            chunk = file["hus"].id.get_chunk_info(0)
        content = bytearray(path.read_bytes())
        content[chunk.byte_offset : chunk.byte_offset + chunk.size] = b"\xff" * chunk.size
        path.write_bytes(content)

        assert "field.nc cannot be read as .nc (OSError" in refusal_of(path)

    def test_a_pipe_nobody_writes_to_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.nc")
        with pytest.raises(DataError, match=r"pipe\.nc is no regular file"):
            read_series(DataSettings(path=str(tmp_path / "pipe.nc")))

    @pytest.mark.parametrize("frames", [10**9, 10**6])
    def test_a_small_file_of_absurd_dimensions_is_refused_before_it_is_read(
        self, tmp_path: Path, frames: int
    ) -> None:
        path = tmp_path / "absurd.nc"
        with h5netcdf.File(path, "w") as file:
            file.dimensions = {"time": frames, "y": 10**4, "x": 10**4}
            file.create_variable("v", ("time", "y", "x"), "f4", chunks=(1, 100, 100))
        assert path.stat().st_size < 100_000
        with pytest.raises(DataError, match=r"variable 'v' in .* GiB of memory; cut out a region"):
            read_series(DataSettings(path=str(path)))

    def test_an_archive_that_unpacks_to_more_than_there_is_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "bomb.npz"
        with zipfile.ZipFile(path, "w") as archive:
            header = io.BytesIO()
            shape = {"descr": "<f8", "fortran_order": False, "shape": (2**20, 2**10, 2**10)}
            np.lib.format.write_array_header_1_0(header, shape)
            archive.writestr("v.npy", header.getvalue())
            archive.infolist()[0].file_size = 2**50  # as its table of contents will say
        with pytest.raises(DataError, match=r"GiB of memory; cut out a region or a period"):
            read_series(DataSettings(path=str(path)))

    def test_a_file_with_holes_of_more_than_there_is_memory_is_refused(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "holes.npy"
        shape = (10**4, 10**4, 10**4)
        with path.open("wb") as file:
            header = {"descr": "<f8", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            file.truncate(file.tell() + 8 * math.prod(shape))
        with pytest.raises(DataError, match=r"GiB of memory; cut out a region or a period"):
            read_series(DataSettings(path=str(path)))

    def test_names_and_units_are_safe_to_show(self, tmp_path: Path) -> None:
        path = tmp_path / "field.nc"
        values = np.random.default_rng(0).random((3, 4, 4))
        units = {"units": "\x1b[31mK\x07"}
        xr.Dataset({"v": (("time", "y", "x"), values, units)}).to_netcdf(path, engine="h5netcdf")
        assert read_series(DataSettings(path=str(path))).units == r"\x1b[31mK\x07"

    def test_an_array_of_objects_is_not_unpickled(self, tmp_path: Path) -> None:
        np.save(tmp_path / "field.npy", np.array([[[{}]]]), allow_pickle=True)

        assert "field.npy cannot be read as .npy" in refusal_of(tmp_path / "field.npy")

    def test_an_unknown_variable_gets_the_nearest_and_all_there_are(
        self, humidity: xr.Dataset, saved: Saver
    ) -> None:
        humidity["tas"] = humidity["hus"]

        message = refusal_of(saved(humidity), variable="huss")

        assert "unknown variable 'huss': did you mean 'hus'? choose one of hus, tas" in message
        assert "field.nc" in message

    def test_several_variables_and_none_chosen(self, humidity: xr.Dataset, saved: Saver) -> None:
        humidity["tas"] = humidity["hus"]

        assert "of the truth --truth-variable): hus, tas" in refusal_of(saved(humidity))

    def test_a_file_without_a_variable(self) -> None:
        with pytest.raises(DataError, match=r"holds 0 variables.*\(none there\)"):
            pick_variable(xr.Dataset(), None, "empty.nc")

    def test_no_time(self, humidity: xr.Dataset, saved: Saver) -> None:
        message = refusal_of(saved(humidity.isel(time=0, drop=True)), variable="hus")

        assert "variable 'hus' has no time dimension: its dimensions are lat=5, lon=6" in message

    @pytest.mark.parametrize(
        ("order", "frame"), [([0, 1, 3, 2, 4, 5, 6, 7], 3), ([0, 1, 1, 2, 3, 4, 5, 6], 2)]
    )
    def test_time_that_goes_back_or_stands_still(
        self, humidity: xr.Dataset, saved: Saver, order: list[int], frame: int
    ) -> None:
        message = refusal_of(saved(humidity.isel(time=order)))

        assert f"time does not increase: frame {frame} (2001-02-2" in message
        assert f"is not after frame {frame - 1} " in message

    def test_time_as_text(self, humidity: xr.Dataset, saved: Saver) -> None:
        humidity["time"] = [f"day {day}" for day in range(1, 9)]

        assert "'day 1', neither dates nor numbers" in refusal_of(saved(humidity))

    def test_all_cells_missing(self, humidity: xr.Dataset, saved: Saver) -> None:
        humidity["hus"].values[:] = np.nan

        assert "all cells of variable 'hus' are missing in every frame" in refusal_of(
            saved(humidity)
        )

    @pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39])
    def test_values_that_no_single_precision_number_can_hold(
        self, tmp_path: Path, value: float
    ) -> None:
        values = np.ones((6, 2, 2))
        values[4, 1, 0] = value
        values[5, 1, 1] = value
        np.save(tmp_path / "rain.npy", values)

        message = refusal_of(tmp_path / "rain.npy")

        assert "'rain' holds 2 infinite values" in message
        assert "the first in frame 4" in message

    @pytest.mark.parametrize("dtype", ["complex128", "bool", "U3"])
    def test_values_that_are_no_real_numbers(self, tmp_path: Path, dtype: str) -> None:
        np.save(tmp_path / "rain.npy", np.ones((4, 2, 2)).astype(dtype))

        assert re.search(
            r"variable 'rain' holds \S+, not real numbers", refusal_of(tmp_path / "rain.npy")
        )

    def test_no_frames_at_all(self, tmp_path: Path) -> None:
        np.save(tmp_path / "rain.npy", np.ones((0, 2, 2)))

        assert "'rain' holds no values: its shape is (0, 2, 2)" in refusal_of(tmp_path / "rain.npy")

    @pytest.mark.parametrize("shape", [(4, 4), (2, 2, 2, 2, 2)])
    def test_an_array_of_too_few_or_too_many_dimensions(
        self, tmp_path: Path, shape: tuple[int, ...]
    ) -> None:
        np.save(tmp_path / "rain.npy", np.ones(shape))

        assert f"array 'rain' has the shape {shape}" in refusal_of(tmp_path / "rain.npy")

    def test_an_archive_without_a_field(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "rain.npz", lat=np.ones(4))

        assert "no array of three dimensions (time, y, x), only lat (4,)" in refusal_of(
            tmp_path / "rain.npz"
        )

    def test_an_archive_of_arrays_that_differ_in_shape_is_chosen_from(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "both.npz", rain=np.ones((4, 2, 2)), wind=np.ones((4, 3, 3)))

        assert ": rain, wind" in refusal_of(tmp_path / "both.npz")
        assert read(tmp_path / "both.npz", variable="wind").values_TCHW.shape == (4, 1, 3, 3)

    def test_a_folder_with_the_name_of_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "field.nc").mkdir()

        with pytest.raises(DataError, match=r"field\.nc cannot be read"):
            open_dataset(tmp_path / "field.nc")
