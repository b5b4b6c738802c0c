"""Several files as one field, checked against xarray's own joining and NumPy by hand."""

from __future__ import annotations

import logging
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from fieldsharp.core.errors import DataError
from fieldsharp.fields.coordinates.selection import FORECAST_SELECT
from fieldsharp.fields.files.formats import open_dataset
from fieldsharp.fields.reading import RawField, read_forecast, read_raw, read_series
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.sources import joined_source, joining
from fieldsharp.fields.sources.opening import open_field

Part = Callable[..., xr.Dataset]
HOURS = np.datetime64("2020-01-01", "ns") + np.arange(24) * np.timedelta64(6, "h")
LATITUDES = np.linspace(52.0, 50.0, 5)
LONGITUDES = np.linspace(-1.0, 2.0, 7)
VALUES = np.random.default_rng(5).normal(280.0, 6.0, (24, 5, 7)).astype(np.float32)


def era5(first: int, last: int, name: str = "t2m", **attrs: object) -> xr.Dataset:
    """Frames of a field as the Climate Data Store writes it."""
    dims = ("time", "latitude", "longitude")
    return xr.Dataset(
        {name: (dims, VALUES[first:last].copy(), {"units": "K", **attrs})},
        coords={
            "time": HOURS[first:last],
            "latitude": ("latitude", LATITUDES, {"units": "degrees_north"}),
            "longitude": ("longitude", LONGITUDES, {"units": "degrees_east"}),
        },
    )


def write(dataset: xr.Dataset, path: Path, **encoding: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.to_netcdf(path, engine="h5netcdf", encoding=encoding or None)  # type: ignore[call-overload]
    return path


def read(path: object, **more: object) -> RawField:
    paths = [str(one) for one in path] if isinstance(path, list) else str(path)
    return read_raw(DataSettings.model_validate({"path": paths, **more}))


def refusal_of(path: object, **more: object) -> str:
    """The message of the refusal: one sentence."""
    with pytest.raises(DataError) as refusal:
        read(path, **more)
    message = str(refusal.value)
    assert "\n" not in message
    return message


def require_whole(field: RawField, frames: slice = slice(None)) -> None:
    np.testing.assert_array_equal(field.values_THW, VALUES[frames].astype(np.float64))
    np.testing.assert_array_equal(field.time, HOURS[frames])


class TestWhichFiles:
    def test_a_pattern_is_read_in_the_order_of_times_whatever_names_say(
        self, tmp_path: Path
    ) -> None:
        for name, first, last in (("c", 0, 10), ("a", 10, 11), ("b", 11, 24)):
            write(era5(first, last), tmp_path / f"{name}.nc")

        field = read(tmp_path / "*.nc")

        require_whole(field)
        parts = [xr.load_dataset(path, engine="h5netcdf") for path in tmp_path.glob("*.nc")]
        whole = xr.concat(parts, "time").sortby("time")
        np.testing.assert_array_equal(field.values_THW, whole["t2m"].values)
        np.testing.assert_array_equal(field.time, whole["time"].values)
        assert field.dims == ("time", "latitude", "longitude")
        assert field.array.attrs["units"] == "K"

    def test_a_list_may_hold_patterns_and_name_a_file_twice(self, tmp_path: Path) -> None:
        one = write(era5(0, 8), tmp_path / "2019" / "a.nc")
        write(era5(8, 16), tmp_path / "2020" / "a.nc")
        write(era5(16, 24), tmp_path / "2020" / "b.nc")

        require_whole(read([tmp_path / "2020" / "?.nc", one, one]))
        require_whole(read(tmp_path / "**" / "*.nc"))
        require_whole(read(tmp_path / "20*" / "[ab].nc"))

    def test_what_is_advised_about_other_files_in_a_folder_works(self, tmp_path: Path) -> None:
        write(era5(0, 8), tmp_path / "a.nc")
        write(era5(8, 24), tmp_path / "b.nc")
        for stray in ("notes.txt", "a.nc.5b7b6.idx", "folder.d"):
            if stray == "folder.d":
                (tmp_path / stray).mkdir()
            else:
                (tmp_path / stray).write_bytes(b"\x80\x04\x95")

            message = refusal_of(tmp_path / "*")
            assert stray in message
            require_whole(read(message.split("leave it out, as with data.path=")[1]))
            (tmp_path / stray).rename(tmp_path.parent / stray)

        message = refusal_of(tmp_path)
        require_whole(read(message.split("give what is in it, such as data.path=")[1]))

    def test_a_damaged_file_is_not_said_to_be_no_data(self, tmp_path: Path) -> None:
        write(era5(0, 8), tmp_path / "a.nc")
        (tmp_path / "b.nc").write_bytes(b"")

        assert refusal_of(tmp_path / "*.nc").endswith("it is empty; fetch or write it again")

    def test_a_file_whose_name_holds_signs_of_a_pattern_is_that_file(self, tmp_path: Path) -> None:
        write(era5(0, 8), tmp_path / "a[1].nc")
        write(era5(8, 16), tmp_path / "a1.nc")

        require_whole(read(tmp_path / "a[1].nc"), slice(0, 8))
        (tmp_path / "a[1].nc").unlink()
        require_whole(read(tmp_path / "a[1].nc"), slice(8, 16))

    def test_no_file_and_a_missing_file_are_said(self, tmp_path: Path) -> None:
        one = write(era5(0, 8), tmp_path / "a.nc")

        assert refusal_of(tmp_path / "*.grib").startswith(f"no file fits data.path {tmp_path}/*")
        assert f"data file {tmp_path}/b.nc does not exist" in refusal_of([one, tmp_path / "b.nc"])

    def test_files_of_other_variables_are_left_out(self, tmp_path: Path) -> None:
        for month, (first, last) in enumerate(((0, 12), (12, 24))):
            write(era5(first, last), tmp_path / f"t2m_{month}.nc")
            write(era5(first, last, "u10", units="m s-1"), tmp_path / f"u10_{month}.nc")
        write(era5(0, 1, "z").isel(time=0), tmp_path / "orography.nc")

        require_whole(read(tmp_path / "*.nc", variable="t2m"))
        assert read(tmp_path / "*.nc", variable="u10").array.attrs["units"] == "m s-1"
        message = refusal_of(tmp_path / "*.nc", variable="t3m")
        assert "unknown variable 't3m': did you mean 't2m'? choose one of t2m, u10, z" in message
        assert "choose one with data.variable=t2m" in refusal_of(tmp_path / "*_?.nc")

    def test_the_only_variable_of_all_files_needs_no_name(self, tmp_path: Path) -> None:
        write(era5(0, 12), tmp_path / "a.nc")
        write(era5(12, 24), tmp_path / "b.nc")

        require_whole(read(tmp_path / "*.nc"))

    def test_zarr_stores_and_netcdf_files_are_joined(self, tmp_path: Path) -> None:
        era5(0, 9).to_zarr(tmp_path / "a.zarr", zarr_format=3, consolidated=False)
        era5(9, 17).to_zarr(tmp_path / "b.zarr", zarr_format=2, consolidated=True)
        era5(17, 24).to_netcdf(tmp_path / "c.nc", engine="scipy")

        require_whole(read([tmp_path / "b.zarr", tmp_path / "a.zarr", tmp_path / "c.nc"]))

    def test_a_link_in_one_of_the_stores_is_refused(self, tmp_path: Path) -> None:
        era5(0, 9).to_zarr(tmp_path / "a.zarr", zarr_format=2, consolidated=False)
        era5(9, 24).to_zarr(tmp_path / "b.zarr", zarr_format=2, consolidated=False)
        chunk = tmp_path / "b.zarr" / "t2m" / "0.0.0"
        chunk.rename(tmp_path / "elsewhere")
        chunk.symlink_to(tmp_path / "elsewhere")

        assert "is a link, and a store that reads other files" in refusal_of(tmp_path / "*.zarr")


class TestTimes:
    def test_months_with_epochs_and_packing_of_their_own(self, tmp_path: Path) -> None:
        expected = []
        for number, (first, last) in enumerate(((0, 10), (10, 17), (17, 24))):
            part = era5(first, last)
            scale = 0.001 * (number + 1)
            offset = float(VALUES[first:last].mean())
            packed = np.rint((VALUES[first:last].astype(np.float64) - offset) / scale)
            expected.append(packed * scale + offset)
            packing = {"dtype": "i2", "scale_factor": scale, "add_offset": offset}
            time = {"units": f"hours since 20{10 + number}-01-01", "dtype": "i4"}
            write(part, tmp_path / f"{number}.nc", t2m={**packing, "_FillValue": -32767}, time=time)

        field = read(tmp_path / "*.nc")

        np.testing.assert_allclose(field.values_THW, np.concatenate(expected), rtol=0, atol=1e-6)
        np.testing.assert_array_equal(field.time, HOURS)

    def test_interleaved_files_are_read_in_order(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(joined_source, "MOST_OPEN", 2)
        for hour in range(4):
            write(era5(0, 24).isel(time=slice(hour, None, 4)), tmp_path / f"{hour}.nc")

        require_whole(read(tmp_path / "*.nc"))

    def test_a_frame_in_each_of_many_files_each_opened_twice(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for frame in range(24):
            write(era5(frame, frame + 1), tmp_path / f"{(frame * 7) % 24:02d}.nc")
        opened: list[str] = []

        def counted(path: Path, variable: str | None) -> xr.Dataset:
            opened.append(str(path))
            return open_dataset(path, variable)

        monkeypatch.setattr(joined_source, "open_dataset", counted)
        monkeypatch.setattr(joining, "open_dataset", counted)

        require_whole(read(tmp_path / "*.nc"))

        assert sorted(opened) == sorted([str(path) for path in tmp_path.glob("*.nc")] * 2)

    def test_frames_without_times_are_refused_with_the_command_that_joins_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for number in range(2):
            np.save(tmp_path / f"{number}.npy", VALUES[12 * number : 12 * number + 12])

        message = refusal_of(tmp_path / "*.npy")

        assert "has no times, by which files are joined" in message
        _, _, command = message.partition("join them into one with ")
        python, *arguments = shlex.split(command)
        assert python == "python"
        subprocess.run([sys.executable, *arguments], check=True)
        np.testing.assert_array_equal(read("joined.npy").values_THW, VALUES)

    def test_other_calendars_and_kinds_of_time_are_refused(self, tmp_path: Path) -> None:
        one = write(era5(0, 8), tmp_path / "a.nc")
        noleap = era5(8, 16)
        noleap["time"] = xr.date_range(
            "2020-02-01", periods=8, freq="6h", calendar="noleap", use_cftime=True
        )
        numbers = era5(8, 16).assign_coords(time=np.arange(8.0))

        calendars = refusal_of([one, write(noleap, tmp_path / "b.nc")])
        assert "on the calendar 'noleap'" in calendars
        kinds = refusal_of([one, write(numbers, tmp_path / "c.nc")])
        assert f"file {tmp_path}/c.nc are numbers and those of file {one} dates" in kinds

    def test_dates_beyond_those_of_numpy_go_on_from_those_before(self, tmp_path: Path) -> None:
        units = {"units": "days since 2000-01-01", "calendar": "standard", "dtype": "f8"}
        early, late = era5(0, 12), era5(12, 24)
        early["time"] = xr.date_range("2261-12-01", periods=12, freq="MS")
        late["time"] = xr.date_range("2262-12-01", periods=12, freq="MS", use_cftime=True)
        write(early, tmp_path / "a.nc", time=units)
        write(late, tmp_path / "b.nc", time=units)

        field = read(tmp_path / "*.nc")

        np.testing.assert_array_equal(field.values_THW, VALUES)
        months = [(time.year, time.month, time.day) for time in field.time]
        assert months == [(2261 + (11 + m) // 12, (11 + m) % 12 + 1, 1) for m in range(24)]

    def test_a_forecast_with_leads_is_read_from_one_file(self, tmp_path: Path) -> None:
        write(era5(0, 12), tmp_path / "a.nc")
        write(era5(12, 24), tmp_path / "b.nc")

        with pytest.raises(DataError, match=r"is 2 files, and a forecast .* give one of them"):
            read_forecast(DataSettings(path=str(tmp_path / "*.nc")), FORECAST_SELECT)


class TestOverlap:
    def test_equal_frames_are_taken_once(self, tmp_path: Path) -> None:
        write(era5(0, 14), tmp_path / "b.nc")
        write(era5(9, 24), tmp_path / "a.nc")
        write(era5(10, 12), tmp_path / "c.nc")

        require_whole(read(tmp_path / "*.nc"))

    def test_equal_times_in_single_precision_are_the_same(self, tmp_path: Path) -> None:
        later = era5(9, 24)
        later["time"] = later["time"] + np.timedelta64(7, "s")  # of 6 h
        write(era5(0, 14), tmp_path / "a.nc")
        write(later, tmp_path / "b.nc")

        field = read(tmp_path / "*.nc")

        np.testing.assert_array_equal(field.values_THW, VALUES)
        np.testing.assert_array_equal(field.time[:14], HOURS[:14])

    def test_frames_that_differ_by_their_packing_alone_are_the_same(self, tmp_path: Path) -> None:
        packing = {"dtype": "i2", "add_offset": 280.0, "_FillValue": -32767}
        write(era5(0, 14), tmp_path / "a.nc", t2m={**packing, "scale_factor": 0.002})
        write(era5(9, 24), tmp_path / "b.nc", t2m={**packing, "scale_factor": 0.003})

        values_THW = read(tmp_path / "*.nc").values_THW

        assert np.abs(values_THW - VALUES).max() < 0.0016
        other = era5(9, 24)
        other["t2m"].values[2, 1, 1] += 0.02
        write(other, tmp_path / "b.nc", t2m={**packing, "scale_factor": 0.003})
        assert "at 1 of the 5 times that both hold, first at 2020-01-03T18:00" in refusal_of(
            tmp_path / "*.nc"
        )

    def test_different_values_are_refused_with_both_files_and_when(self, tmp_path: Path) -> None:
        other = era5(9, 24)
        other["t2m"].values[1:3, 2, 3] += 1.0
        other["t2m"].values[4, 2, 3] = np.nan
        write(era5(0, 14), tmp_path / "a.nc")
        write(other, tmp_path / "b.nc")

        message = refusal_of(tmp_path / "*.nc")

        assert message.startswith(
            f"{tmp_path}/a.nc and {tmp_path}/b.nc hold different values of 't2m' at 3 of the 5 "
            "times that both hold, first at 2020-01-03T12:00; leave one of them out"
        )


class TestGridAndUnits:
    def test_the_cells_of_other_orders_are_turned_to_those_of_the_first_file(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        write(era5(0, 8), tmp_path / "a.nc")
        write(era5(8, 16).isel(latitude=slice(None, None, -1)), tmp_path / "b.nc")
        circle = era5(16, 24).assign_coords(longitude=LONGITUDES % 360.0).sortby("longitude")
        circle["longitude"].attrs["units"] = "degrees_east"
        write(circle, tmp_path / "c.nc")

        field = read(tmp_path / "*.nc")

        require_whole(field)
        np.testing.assert_array_equal(field.grid["longitude"], LONGITUDES)
        assert "the cells of 2 files are taken in the order of" in caplog.text

    def test_other_cells_and_levels_are_refused(self, tmp_path: Path) -> None:
        one = write(era5(0, 8), tmp_path / "a.nc")
        shifted = era5(8, 16).assign_coords(latitude=LATITUDES + 0.25)
        larger = era5(8, 16).isel(latitude=slice(1, None))
        bare = era5(8, 16).drop_vars(["latitude", "longitude"])

        message = refusal_of([one, write(shifted, tmp_path / "b.nc")])
        assert "differ in their coordinate 'latitude'" in message
        assert f"file {tmp_path}/b.nc" in message
        assert "a grid of 4 x 7 cells" in refusal_of([one, write(larger, tmp_path / "c.nc")])
        assert "one alone has coordinates" in refusal_of([one, write(bare, tmp_path / "d.nc")])

        levels = []
        for name, level, frames in (("e", 850.0, (0, 8)), ("f", 500.0, (8, 16))):
            at_level = era5(*frames).expand_dims(level=[level], axis=1)
            levels.append(write(at_level, tmp_path / f"{name}.nc"))
        assert f"{levels[1]} is at level=500 and {levels[0]} at 850" in refusal_of(levels)
        # Also where the first file does not say its level.
        unsaid = write(era5(0, 6), tmp_path / "0.nc")
        levels = [
            write(era5(6 * n, 6 * n + 6).assign_coords(level=level), tmp_path / f"{n}.nc")
            for n, level in ((1, 850), (2, 500))
        ]
        refusal = refusal_of([unsaid, *levels])
        assert f"{levels[1]} is at level=500 and {levels[0]} at 850" in refusal

    def test_units_are_converted_and_said(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        celsius = era5(8, 24, units="degC")
        celsius["t2m"].values[:] = VALUES[8:] - np.float32(273.15)
        write(era5(0, 8), tmp_path / "a.nc")
        write(celsius, tmp_path / "b.nc")

        field = read(tmp_path / "*.nc")

        np.testing.assert_allclose(field.values_THW, VALUES, rtol=0, atol=1e-4)
        assert field.array.attrs["units"] == "K"
        assert f"converted from degC to K, the units of {tmp_path}/a.nc" in caplog.text

    def test_units_of_another_quantity_and_no_units_are_refused(self, tmp_path: Path) -> None:
        one = write(era5(0, 8), tmp_path / "a.nc")
        pascal = write(era5(8, 16, units="Pa"), tmp_path / "b.nc")
        none = era5(8, 16)
        del none["t2m"].attrs["units"]

        assert f"{pascal} is in 'Pa' and {one} in 'K'" in refusal_of([one, pascal])
        message = refusal_of([one, write(none, tmp_path / "c.nc")])
        assert "states no units" in message
        assert '.attrs["units"] = "K"' in message


class TestMissingValues:
    def test_what_looks_like_a_fill_value_is_judged_over_all_files(self, tmp_path: Path) -> None:
        for number in range(3):
            part = era5(8 * number, 8 * number + 8)
            part["t2m"].values[2, 1, 1] = -9999.0 if number else 280.0
            write(part, tmp_path / f"{number}.nc")

        message = refusal_of(tmp_path / "*.nc")
        assert f"in {tmp_path}/*.nc holds -9999 2 times, in 1 of 35 cells" in message
        values_THW = read(tmp_path / "*.nc", missing_values=[-9999]).values_THW
        assert np.argwhere(np.isnan(values_THW)).tolist() == [[10, 1, 1], [18, 1, 1]]

    def test_marks_in_other_units_are_found(self, tmp_path: Path) -> None:
        celsius = era5(8, 24, units="degC")
        celsius["t2m"].values[:] = VALUES[8:] - np.float32(273.15)
        celsius["t2m"].values[3, 0, 0] = celsius["t2m"].values[4, 0, 0] = -9999.0
        write(era5(0, 8), tmp_path / "a.nc")
        write(celsius, tmp_path / "b.nc")

        assert "holds -9999 2 times, in 1 of 35 cells" in refusal_of(tmp_path / "*.nc")

    def test_each_file_is_read_by_its_own_range_and_fill_value(self, tmp_path: Path) -> None:
        for name, frames, fill in (("a", (0, 12), -1.0), ("b", (12, 24), -2.0)):
            part = era5(*frames)
            part["t2m"].values[0, 0, 0] = fill
            part["t2m"].values[1, 0, 0] = 500.0
            part["t2m"].attrs["valid_max"] = np.float32(400.0 if name == "a" else 600.0)
            part["t2m"].attrs["missing_value"] = np.float32(fill)
            write(part, tmp_path / f"{name}.nc")

        values_THW = read(tmp_path / "*.nc").values_THW

        expected = VALUES.astype(np.float64)
        expected[[0, 1, 12], 0, 0] = np.nan
        expected[13, 0, 0] = 500.0
        np.testing.assert_array_equal(values_THW, expected)

    def test_a_frame_without_any_value_in_a_file_of_its_own_is_a_gap(self, tmp_path: Path) -> None:
        for frame in range(24):
            part = era5(frame, frame + 1, valid_max=np.float32(400.0))
            if frame == 3:
                part["t2m"].values[:] = 1e3
            write(part, tmp_path / f"{frame:02d}.nc")

        series = read_series(DataSettings(path=str(tmp_path / "*.nc")))

        assert np.flatnonzero(series.filled_T).tolist() == [3]
        np.testing.assert_array_equal(series.values_TCHW[3, 0], VALUES[2])

    def test_a_range_that_most_values_are_outside_of_is_refused_with_a_command_for_a_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for number in range(2):
            part = era5(12 * number, 12 * number + 12, valid_max=np.float32(1.0))
            write(part, tmp_path / f"{number}.nc")

        message = refusal_of(tmp_path / "?.nc")

        assert "100% of them are not" in message
        assert message.endswith(", and the other files in the same way")
        code = shlex.split(message.partition("write the file without it with ")[2])[2].rstrip(",")
        subprocess.run([sys.executable, "-c", code], check=True)
        np.testing.assert_array_equal(read("0_mended.nc").values_THW, VALUES[:12])

    def test_an_infinite_value_names_its_file_in_the_command(self, tmp_path: Path) -> None:
        broken = era5(8, 16)
        broken["t2m"].values[2, 0, 0] = np.inf
        write(era5(0, 8), tmp_path / "a.nc")
        write(broken, tmp_path / "b.nc")

        message = refusal_of(tmp_path / "*.nc")
        assert "1 infinite values" in message
        assert "b_finite.nc" in message


class TestReleases:
    """ERA5's final release (expver 1) and its preliminary one (5)."""

    PRELIMINARY: NDArray[np.float32] = VALUES + np.float32(1.0)

    def as_dimension(self, path: Path) -> Path:
        """The old layout: no value where a frame is of the other release."""
        both = np.full((24, 2, 5, 7), np.nan, np.float32)
        both[:20, 0], both[18:, 1] = VALUES[:20], self.PRELIMINARY[18:]
        whole = era5(0, 24).assign_coords(expver=np.array([1, 5], np.int32))
        whole["t2m"] = (("time", "expver", "latitude", "longitude"), both, {"units": "K"})
        return write(whole, path)

    def new(self, first: int, last: int, release: str, path: Path) -> Path:
        values = VALUES if release == "0001" else self.PRELIMINARY
        part = era5(first, last).rename(time="valid_time")
        part["t2m"].values[:] = values[first:last]
        part = part.assign_coords(expver=("valid_time", np.array([release] * (last - first))))
        return write(part, path)

    def test_a_dimension_gives_the_final_values_where_there_are_some(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        path = self.as_dimension(tmp_path / "a.nc")

        values_THW = read(path).values_THW

        with xr.open_dataset(path, engine="h5netcdf") as whole:
            expected = whole["t2m"].sel(expver=1).combine_first(whole["t2m"].sel(expver=5))
            np.testing.assert_array_equal(values_THW, expected.values)
        assert "4 frames of" in caplog.text
        assert "have values of ERA5's preliminary release" in caplog.text
        chosen = read(path, select={"expver": 5}).values_THW
        assert np.isnan(chosen[:18]).all()

    def test_a_final_file_goes_before_a_preliminary_one(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        self.new(12, 24, "0005", tmp_path / "a.nc")
        self.new(0, 16, "0001", tmp_path / "b.nc")

        field = read(tmp_path / "*.nc")

        expected = np.concatenate([VALUES[:16], self.PRELIMINARY[16:]])
        np.testing.assert_array_equal(field.values_THW, expected)
        np.testing.assert_array_equal(field.time, HOURS)
        assert "4 frames of ERA5's preliminary release (expver 5) are replaced" in caplog.text

    def test_one_file_may_hold_frames_of_both(self, tmp_path: Path) -> None:
        part = era5(0, 16).rename(time="valid_time")
        releases = np.array(["0001"] * 10 + ["0005"] * 6)
        write(part.assign_coords(expver=("valid_time", releases)), tmp_path / "a.nc")
        self.new(8, 24, "0005", tmp_path / "b.nc")
        self.new(10, 16, "0001", tmp_path / "c.nc")

        values_THW = read(tmp_path / "*.nc").values_THW

        expected = np.concatenate([VALUES[:16], self.PRELIMINARY[16:]])
        np.testing.assert_array_equal(values_THW, expected)

    def test_two_preliminary_files_that_differ_are_refused(self, tmp_path: Path) -> None:
        self.new(0, 16, "0005", tmp_path / "a.nc")
        path = self.new(12, 24, "0005", tmp_path / "b.nc")
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            changed = opened.load()
        changed["t2m"].values[0] += 1.0
        write(changed, path)

        assert "hold different values of 't2m' at 1 of the 4 times" in refusal_of(tmp_path / "*.nc")


class TestBlocks:
    def test_blocks_come_in_the_order_of_frames_and_are_all_there(self, tmp_path: Path) -> None:
        for name, first, last in (("c", 0, 10), ("a", 8, 15), ("b", 15, 24)):
            write(era5(first, last), tmp_path / f"{name}.nc")
        settings = DataSettings(path=str(tmp_path / "*.nc"))

        with open_field(settings) as source:
            assert source.header.shape == (24, 5, 7)
            source.require_memory_for_blocks()
            blocks = [(first, block_THW.copy()) for first, block_THW in source.blocks()]

        firsts = [first for first, _ in blocks]
        ends = [first + len(block_THW) for first, block_THW in blocks]
        assert firsts == [0, *ends[:-1]]
        np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), VALUES)

    def test_a_memory_mapped_file_is_judged_in_place(self, tmp_path: Path) -> None:
        part = era5(0, 24)
        part["t2m"].values[[3, 9], 1, 1] = -9999.0
        part["t2m"].attrs["mask"] = 1
        write(part, tmp_path / "a.nc")
        settings = DataSettings(path=str(tmp_path / "a.nc"))
        stored_THW = np.memmap(tmp_path / "f4", np.float32, "w+", shape=(24, 5, 7))

        with open_field(settings) as source:
            for first, block_THW in source.blocks():
                stored_THW[first : first + len(block_THW)] = block_THW
            with pytest.raises(DataError, match="holds -9999 2 times, in 1 of 35 cells"):
                source.judge(stored_THW)
