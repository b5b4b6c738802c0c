"""A file for each time or level, and forecasts among data, checked with NumPy by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import Use
from fieldsharp.fields.forecast_attributes import forecast_attributes
from fieldsharp.fields.reading import RawField, read_raw
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.static_fields import read_static
from fieldsharp.fields.variables import read_variables

VALUES = np.random.default_rng(3).normal(280.0, 6.0, (6, 4, 5)).astype(np.float32)
TIMES = np.datetime64("2020-01-01", "ns") + np.arange(6) * np.timedelta64(10, "m")


def image(frame: int) -> xr.Dataset:
    """A frame without dimension of time, as NOAA writes images of GOES."""
    packed = {"dtype": "i2", "scale_factor": 0.01, "add_offset": 280.0, "_FillValue": -1}
    cmi = ("y", "x"), VALUES[frame].copy(), {"units": "K", "coordinates": "t y x"}
    dataset = xr.Dataset(
        {"CMI": cmi},
        coords={
            "y": ("y", np.linspace(0.1, -0.1, 4), {"units": "rad"}),
            "x": ("x", np.linspace(-0.1, 0.1, 5), {"units": "rad"}),
        },
    )
    dataset["t"] = ((), TIMES[frame], {"standard_name": "time", "axis": "T"})
    dataset["creation_time"] = ((), TIMES[0] + np.timedelta64(90, "D"))
    dataset["CMI"].encoding = packed | {"chunksizes": (2, 5), "zlib": True}
    return dataset


def field(
    name: str = "t2m", first: int = 0, last: int = 6, attrs: Mapping[str, object] | None = None
) -> xr.Dataset:
    return xr.Dataset(
        {name: (("time", "lat", "lon"), VALUES[first:last].copy(), {"units": "K"})},
        coords={
            "time": TIMES[first:last],
            "lat": ("lat", np.linspace(50.0, 53.0, 4), {"units": "degrees_north"}),
            "lon": ("lon", np.linspace(0.0, 4.0, 5), {"units": "degrees_east"}),
        },
        attrs=attrs,
    )


def at_level(level: float, *, as_dimension: bool) -> xr.Dataset:
    dataset = field("t") + level
    if as_dimension:
        return dataset.expand_dims(level=[level], axis=1)
    return dataset.assign_coords(level=level)


def write(dataset: xr.Dataset, path: Path) -> None:
    dataset.to_netcdf(path, engine="h5netcdf")


def read(folder: Path, **settings: object) -> RawField:
    return read_raw(DataSettings.model_validate({"path": str(folder / "*.nc"), **settings}))


class TestAFileForEachTime:
    def test_the_only_time_of_a_file_is_that_of_its_frame(self, tmp_path: Path) -> None:
        for number, frame in enumerate((4, 0, 3, 1, 5, 2)):
            write(image(frame), tmp_path / f"{number}.nc")

        found = read(tmp_path, variable="CMI")

        np.testing.assert_allclose(found.values_THW, VALUES, atol=0.00501)
        np.testing.assert_array_equal(found.time, TIMES)

    @pytest.mark.parametrize("written", ["dimension", "text", "bytes", "digits"])
    def test_the_time_may_be_a_dimension_that_the_variable_lacks_or_text_or_digits(
        self, tmp_path: Path, written: str
    ) -> None:
        for frame in range(6):
            dataset = field(first=frame, last=frame + 1)
            alone = dataset["t2m"].isel(time=0, drop=True)
            dataset = dataset.assign(t2m=alone)
            text = str(TIMES[frame])[:19]
            if written != "dimension":
                digits = int("".join(c for c in text if c.isdigit())[:12])
                time = {"text": text, "bytes": np.bytes_(text), "digits": digits}[written]
                dataset = dataset.drop_vars("time").assign(time=((), time))
            write(dataset, tmp_path / f"{frame}.nc")

        found = read(tmp_path, variable="t2m")

        np.testing.assert_array_equal(found.values_THW, VALUES)
        np.testing.assert_array_equal(found.time, TIMES)

    def test_era5_of_both_releases_may_be_a_file_for_each_time(self, tmp_path: Path) -> None:
        for frame in range(6):
            final = field(first=frame, last=frame + 1).isel(time=0)
            none = final * np.nan
            parts = [none, final] if frame > 3 else [final, none]
            both = xr.concat(parts, "expver", coords="minimal", compat="override")
            write(both.assign_coords(expver=[1, 5]), tmp_path / f"{frame}.nc")

        np.testing.assert_array_equal(read(tmp_path).values_THW, VALUES)

    @pytest.mark.parametrize("other", ["creation_time", "start_time", "processing_time"])
    def test_another_time_than_that_of_the_image_is_not_taken(
        self, tmp_path: Path, other: str
    ) -> None:
        for frame in range(2):
            alone = field().isel(time=0, drop=True)
            write(alone.assign({other: ((), TIMES[frame])}), tmp_path / f"{frame}.nc")

        with pytest.raises(DataError, match="'t2m' has no time dimension"):
            read(tmp_path, variable="t2m")

    def test_a_file_of_several_times_does_not_say_which_is_that_of_a_map(
        self, tmp_path: Path
    ) -> None:
        dataset = field()
        write(dataset.assign(orog=dataset["t2m"].isel(time=0, drop=True)), tmp_path / "a.nc")

        with pytest.raises(DataError, match="'orog' has no time dimension"):
            read(tmp_path, variable="orog")


class TestAFileForEachLevel:
    @pytest.mark.parametrize("as_dimension", [True, False])
    def test_files_of_other_levels_are_left_out(self, tmp_path: Path, as_dimension: bool) -> None:
        write(field(), tmp_path / "t2m.nc")
        for level in (850.0, 500.0):
            write(at_level(level, as_dimension=as_dimension), tmp_path / f"t{level:.0f}.nc")
        settings = DataSettings(
            path=str(tmp_path / "*.nc"),
            inputs=("t2m", "t@level=850", "t@level=500"),
            predict=("t2m",),
        )

        found = read_variables(settings, Use(14)).others

        for one, level in zip(found, (850.0, 500.0), strict=True):
            np.testing.assert_array_equal(one.values_TCHW[:, 0], VALUES + np.float32(level))

    def test_a_level_that_no_file_has_is_refused(self, tmp_path: Path) -> None:
        for level in (850.0, 500.0):
            write(at_level(level, as_dimension=True), tmp_path / f"t{level:.0f}.nc")

        with pytest.raises(DataError, match=r"level=700, which does not exist; .* 500 \(in .*t500"):
            read(tmp_path, variable="t", select={"level": 700})
        settings = DataSettings(path=str(tmp_path / "*.nc"), predict=("t",))
        with pytest.raises(DataError, match=r"level='700', which does not exist; .* 500 \(in .*t5"):
            read_static(settings, "t@level=700")

    def test_a_static_field_is_found_at_its_level(self, tmp_path: Path) -> None:
        for level in (850.0, 500.0):
            dataset = at_level(level, as_dimension=True).isel(time=0, drop=True)
            write(dataset, tmp_path / f"t{level:.0f}.nc")

        found = read_static(DataSettings(path=str(tmp_path / "*.nc")), "t@level=850")

        np.testing.assert_array_equal(found.values_HW, VALUES[0] + np.float32(850.0))


class TestForecastsAmongData:
    def test_a_forecast_is_not_taken_for_data_that_follow(self, tmp_path: Path) -> None:
        write(field(last=4), tmp_path / "b.nc")
        said = forecast_attributes("unet", "2020-01-01T00:30", "none")
        for name in ("a", "c"):  # whichever is read first
            write(field(first=4, attrs=said), tmp_path / f"{name}.nc")
            with pytest.raises(DataError) as refusal:
                read(tmp_path)
            assert str(refusal.value).startswith(
                f"{tmp_path}/{name}.nc is a forecast that predict wrote, and {tmp_path}/b.nc is "
                "none: joined, they would be taken for one series of data; move it to another "
                "folder"
            )
            (tmp_path / f"{name}.nc").unlink()

    def test_forecasts_alone_are_joined(self, tmp_path: Path) -> None:
        said = forecast_attributes("unet", "2020-01-01T00:30", "none")
        write(field(last=4, attrs=said), tmp_path / "a.nc")
        write(field(first=4, attrs=said), tmp_path / "b.nc")

        np.testing.assert_array_equal(read(tmp_path).values_THW, VALUES)


class TestPlacesOfAGrid:
    """Variables of a C grid lie half a cell apart, on grids that may be as large."""

    def test_dimensions_of_other_names_without_coordinates_are_refused(
        self, tmp_path: Path
    ) -> None:
        heights = field("ssh").rename(lon="xh")
        flow = field("uo").rename(lon="xq").drop_vars("xq")
        write(xr.merge([heights, flow]), tmp_path / "a.nc")
        write(flow.isel(time=0, drop=True).rename(uo="mask"), tmp_path / "b.nc")
        path = str(tmp_path / "*.nc")

        for more in ({"inputs": ("ssh", "uo")}, {"static": ("mask",)}):
            settings = DataSettings.model_validate({"path": path, "predict": ("ssh",), **more})
            with pytest.raises(
                DataError, match=r"along 'xq' and variable 'ssh' along 'xh', and no"
            ):
                read_variables(settings, Use(14))

    def test_maps_of_numpy_archives_are_static_fields(self, tmp_path: Path) -> None:
        field().to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
        np.savez(tmp_path / "b.npz", mask=VALUES[0] > 280.0, height=VALUES[1], depth=VALUES[2:3])
        settings = DataSettings(
            path=(str(tmp_path / "a.nc"), str(tmp_path / "b.npz")),
            predict=("t2m",),
            static=("mask", "height", "depth"),
        )

        found = read_variables(settings, Use(14)).static

        for one, expected in zip(found, (VALUES[0] > 280.0, VALUES[1], VALUES[2]), strict=True):
            np.testing.assert_array_equal(one.values_HW, expected.astype(np.float32))

    def test_what_the_error_advises_works(self, tmp_path: Path) -> None:
        heights = field("ssh").rename(lon="xh")
        flow = field("uo").rename(lon="xq").drop_vars("xq").rename(xq="xh")
        write(xr.merge([heights, flow]), tmp_path / "a.nc")
        write(
            field("vo")
            .rename(lon="xv")
            .isel(time=0, drop=True)
            .assign_coords(xv=("xv", np.linspace(0.0, 4.0, 5), {"units": "degrees_east"})),
            tmp_path / "b.nc",
        )
        settings = DataSettings(
            path=str(tmp_path / "*.nc"), inputs=("ssh", "uo"), predict=("ssh",), static=("vo",)
        )

        found = read_variables(settings, Use(14))

        np.testing.assert_array_equal(found.others[0].values_TCHW[:, 0], VALUES)
        np.testing.assert_array_equal(found.static[0].values_HW, VALUES[0])
