"""Every mark of missing values is read as NaN, compared with NumPy by hand and with netCDF4."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldsharp.core.errors import DataError
from fieldsharp.fields.reading import RawField, read_raw, read_series
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.writing import write_netcdf

SHAPE = (3, 4, 5)
Writer = Callable[[npt.NDArray[Any], dict[str, Any], Path], Path]


def _write_classic(values: npt.NDArray[Any], attrs: dict[str, Any], folder: Path) -> Path:
    return _with_netcdf4(values, attrs, folder / "v.nc", "NETCDF3_CLASSIC")


def _write_netcdf4(values: npt.NDArray[Any], attrs: dict[str, Any], folder: Path) -> Path:
    return _with_netcdf4(values, attrs, folder / "v.nc", "NETCDF4")


def _with_netcdf4(values: npt.NDArray[Any], attrs: dict[str, Any], path: Path, kind: Any) -> Path:
    with netCDF4.Dataset(path, "w", format=kind) as file:
        for name, size in zip(("time", "y", "x"), SHAPE, strict=True):
            file.createDimension(name, size)
        variable = file.createVariable(
            "v", values.dtype.str[1:], ("time", "y", "x"), fill_value=attrs.get("_FillValue")
        )
        variable.set_auto_maskandscale(False)
        variable.setncatts({n: v for n, v in attrs.items() if n != "_FillValue"})
        variable[:] = values
    return path


def _write_zarr(values: npt.NDArray[Any], attrs: dict[str, Any], folder: Path, kind: Any) -> Path:
    path = folder / "v.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=kind)
    plain = {n: np.asarray(v).tolist() for n, v in attrs.items()}
    names: dict[str, Any] = {"dimension_names": ("time", "y", "x")} if kind == 3 else {}
    array = group.create_array("v", shape=SHAPE, dtype=values.dtype, fill_value=0, **names)
    array[:] = values
    array.attrs.update(plain | ({"_ARRAY_DIMENSIONS": ["time", "y", "x"]} if kind == 2 else {}))
    return path


def _write_zarr2(values: npt.NDArray[Any], attrs: dict[str, Any], folder: Path) -> Path:
    return _write_zarr(values, attrs, folder, 2)


def _write_zarr3(values: npt.NDArray[Any], attrs: dict[str, Any], folder: Path) -> Path:
    return _write_zarr(values, attrs, folder, 3)


WRITERS = [_write_classic, _write_netcdf4, _write_zarr2, _write_zarr3]


def _read(path: Path, **more: Any) -> RawField:
    return read_raw(DataSettings(path=str(path), variable="v", **more))


def _field(dtype: str, *marks: float) -> npt.NDArray[Any]:
    """Return numbers from 100 on, the first of which are replaced by marks."""
    values = np.arange(100, 100 + np.prod(SHAPE)).astype(dtype)
    values[: len(marks)] = np.array(marks, dtype)
    return values.reshape(SHAPE)


def _is_missing(path: Path) -> list[int]:
    return np.flatnonzero(np.isnan(_read(path).values_THW)).tolist()


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("dtype", "marks", "attrs"),
    [
        ("f4", [-9999], {"_FillValue": np.float32(-9999)}),
        ("f4", [-9999], {"missing_value": np.float32(-9999)}),
        ("f4", [-9999, -8888], {"missing_value": np.array([-9999, -8888], "f4")}),
        (
            "f4",
            [-9999, -8888],
            {"_FillValue": np.float32(-9999), "missing_value": np.float32(-8888)},
        ),
        ("f4", [1e20], {"missing_value": np.float64(1e20)}),
        ("f8", [np.float32(-99.9)], {"missing_value": np.float32(-99.9)}),
        ("f8", [-99.9], {"missing_value": np.float32(-99.9)}),
        ("i2", [-9999], {"missing_value": np.float32(-9999)}),
        ("i2", [-9999], {"missing_value": "-9999"}),
        ("f4", [-9999], {"missing_value": "-9999.0f"}),
        ("f4", [9.96921e36], {"missing_value": "9.96921e+36"}),
        ("f4", [-9999, -8888], {"missing_value": "-9999, -8888"}),
        ("f4", [-5], {"fill_value": np.float32(-5)}),
        ("f4", [-5], {"FillValue": np.float32(-5)}),
        ("f4", [-5], {"missingValue": np.float32(-5)}),
        ("f4", [-5], {"CodeMissingValue": "-5"}),
        ("f4", [netCDF4.default_fillvals["f4"]], {}),
        ("f8", [netCDF4.default_fillvals["f8"]], {}),
        ("f4", [np.nan], {}),
        ("f4", [-7, 500], {"valid_range": np.array([100, 200], "f4")}),
        ("f4", [-7, 500], {"valid_min": np.float32(100), "valid_max": np.float32(200)}),
        ("f4", [-7], {"valid_range": "100, 200"}),
        ("f4", [9999], {"GRIB_missingValue": np.int32(9999)}),
        ("f4", [np.nan], {"missing_value": "none"}),
    ],
)
def test_each_mark_is_missing_and_nothing_else(
    write: Writer, dtype: str, marks: list[float], attrs: dict[str, Any], tmp_path: Path
) -> None:
    if write is _write_zarr3 and dtype == "f4" and "_FillValue" in attrs:
        attrs = attrs | {"_FillValue": "-9999"}
    values = _field(dtype, *marks)
    found = _read(write(values, attrs, tmp_path)).values_THW

    expected = values.astype(float)
    expected.ravel()[: len(marks)] = np.nan
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("scale", [0.5, -0.5])
def test_a_range_of_whole_numbers_is_in_units_of_packed_data(
    write: Writer, scale: float, tmp_path: Path
) -> None:
    values = _field("i2", -7, 500)
    attrs = {"scale_factor": scale, "add_offset": 20.0}
    attrs_in = attrs | {"valid_range": np.array([100, 200], "i2")}
    expected = values * scale + 20.0
    expected.ravel()[:2] = np.nan
    np.testing.assert_array_equal(_read(write(values, attrs_in, tmp_path)).values_THW, expected)


def test_one_end_in_packed_units_is_the_other_end_under_a_negative_scale(tmp_path: Path) -> None:
    attrs = {"scale_factor": -0.5, "valid_min": np.int16(100)}
    assert _is_missing(_write_netcdf4(_field("i2", -7, 500), attrs, tmp_path)) == [0]


@pytest.mark.parametrize("write", WRITERS)
def test_a_range_of_another_type_is_in_units_of_the_field(write: Writer, tmp_path: Path) -> None:
    values = _field("i2", -7, 500)
    attrs = {"scale_factor": 0.01, "valid_range": np.array([1.0, 2.0]) + 1e-9}
    expected = values * 0.01
    expected.ravel()[:2] = np.nan
    found = _read(write(values, attrs, tmp_path)).values_THW
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_bytes_read_without_a_sign_have_marks_and_ranges_without_one(tmp_path: Path) -> None:
    values = _field("u1", 255, 250, 3).view("i1")
    attrs = {
        "_Unsigned": "true",
        "_FillValue": np.int8(-1),
        "missing_value": np.int8(-6),
        "valid_range": np.array([5, -3], "i1"),
    }
    found = _read(_write_netcdf4(values, attrs, tmp_path)).values_THW
    expected = values.view("u1").astype(float)
    expected.ravel()[:3] = np.nan
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["i1", "u1"])
def test_bytes_have_no_fill_value_that_is_not_declared(dtype: str, tmp_path: Path) -> None:
    values = _field(dtype, float(netCDF4.default_fillvals[dtype]))
    assert _is_missing(_write_netcdf4(values, {}, tmp_path)) == []


def test_codes_stay_numbers(tmp_path: Path) -> None:
    attrs = {"flag_values": np.array([-9999, 1], "i2"), "flag_meanings": "land sea"}
    values = _field("i2", *[-9999] * 30)
    assert _is_missing(_write_netcdf4(values, attrs, tmp_path)) == []


def test_a_hint_at_a_number_among_the_data_leaves_it(tmp_path: Path) -> None:
    values = (_field("f4") + 9880).astype("f4")
    assert 9999 in values
    attrs = {"GRIB_missingValue": np.int32(9999)}
    assert _is_missing(_write_netcdf4(values, attrs, tmp_path)) == []


@pytest.mark.parametrize(
    ("zarr_format", "fill", "attrs", "missing"),
    [
        (2, 0, {}, False),  # what writers put there unless told otherwise
        (2, 0, {"scale_factor": 1.0}, True),  # packed by xarray, which writes _FillValue there
        (2, 7, {}, True),
        (3, 0, {}, False),
        (3, 0, {"_FillValue": "AAAAAAAAAAA="}, True),  # 0, as xarray writes it
    ],
)
def test_a_zarr_chunk_never_written_is_missing_where_its_fill_value_is_declared(
    zarr_format: Any, fill: int, attrs: dict[str, Any], missing: bool, tmp_path: Path
) -> None:
    group = zarr.open_group(tmp_path / "v.zarr", mode="w", zarr_format=zarr_format)
    names: dict[str, Any] = {"dimension_names": ("time", "y", "x")} if zarr_format == 3 else {}
    array = group.create_array(
        "v", shape=SHAPE, dtype="f4", chunks=(1, 4, 5), fill_value=fill, **names
    )
    array.attrs.update(attrs | {"_ARRAY_DIMENSIONS": ["time", "y", "x"]})
    array[1:] = _field("f4")[1:]
    found = _read(tmp_path / "v.zarr").values_THW
    np.testing.assert_array_equal(found[0], np.nan if missing else fill)
    np.testing.assert_array_equal(found[1:], _field("f4")[1:])


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_what_xarray_writes_to_zarr_is_read_as_xarray_reads_it(
    zarr_format: Any, tmp_path: Path
) -> None:
    values = np.where(_field("f8") < 105, np.nan, _field("f8"))
    data = xr.Dataset({"v": (("time", "y", "x"), values)})
    packed = {"dtype": "i2", "scale_factor": 0.5, "_FillValue": -32768}
    for number, encoding in enumerate(({}, {"_FillValue": -9999.0}, packed)):
        path = tmp_path / f"{number}.zarr"
        data.to_zarr(path, zarr_format=zarr_format, encoding={"v": encoding}, consolidated=False)
        np.testing.assert_array_equal(_read(path).values_THW, values)


def test_a_range_that_no_value_is_in_is_named(tmp_path: Path) -> None:
    path = _write_netcdf4(_field("f4"), {"valid_range": np.array([0, 1], "f4")}, tmp_path)
    with pytest.raises(DataError, match=r"from 0 to 1 as valid \(valid_range\), and 100%"):
        _read(path)


def test_a_range_that_excludes_most_of_a_field_is_named_and_its_advice_works(
    tmp_path: Path,
) -> None:
    path = _write_netcdf4(_field("f4"), {"valid_max": np.float32(110)}, tmp_path)
    with pytest.raises(DataError, match=r"82% of them are not, such as 111 and 159") as refusal:
        _read(path)
    code = shlex.split(str(refusal.value).partition("with python -c ")[2])[0]
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    np.testing.assert_array_equal(_read(tmp_path / "v_mended.nc").values_THW, _field("f4"))


def test_a_range_that_excludes_land_of_one_number_is_no_mistake(tmp_path: Path) -> None:
    values = _field("f4", *[-5] * 50)
    path = _write_netcdf4(values, {"valid_min": np.float32(0)}, tmp_path)
    assert _is_missing(path) == list(range(50))


def test_a_forecast_does_not_carry_marks_of_the_packed_source(tmp_path: Path) -> None:
    attrs = {"scale_factor": 0.5, "valid_range": np.array([100, 200], "i2"), "units": "K"}
    source = _write_netcdf4(_field("i2"), attrs, tmp_path)
    series = read_series(DataSettings(path=str(source)))
    write_netcdf(series, tmp_path / "forecast.nc")
    assert series.attrs == {"units": "K"}
    np.testing.assert_array_equal(
        read_series(DataSettings(path=str(tmp_path / "forecast.nc"))).values_TCHW,
        series.values_TCHW,
    )


@st.composite
def _tables(draw: st.DrawFn) -> tuple[npt.NDArray[Any], dict[str, Any]]:
    """Draw values of any type with any marks that netCDF knows."""
    dtype = draw(st.sampled_from(["i1", "i2", "i4", "u1", "f4", "f8"]))
    default = netCDF4.default_fillvals[dtype]
    # netCDF4 takes -127 for missing where bytes were filled, against the library's own advice.
    few = [0, 1, 2, 50, 60, 100, 101, 120, 3 if dtype in ("i1", "u1") else default]
    drawn = draw(st.lists(st.sampled_from(few), min_size=60, max_size=60))
    values = np.array(drawn, dtype).reshape(SHAPE)
    number = st.sampled_from(few[:-1]).map(np.dtype(dtype).type)
    attrs: dict[str, Any] = {}
    if draw(st.booleans()):
        attrs["_FillValue"] = draw(number)
    if draw(st.booleans()):
        attrs["missing_value"] = draw(number)
    elif draw(st.booleans()):
        attrs["missing_value"] = np.array([draw(number), draw(number)])
    if draw(st.booleans()):
        attrs["valid_range"] = np.sort([draw(number), draw(number)])
    else:
        ends = np.sort([draw(number), draw(number)])
        both = zip(("valid_min", "valid_max"), ends, strict=True)
        attrs |= {name: end for name, end in both if draw(st.booleans())}
    if draw(st.booleans()):
        attrs["scale_factor"] = draw(st.sampled_from([0.5, -0.25, 2.0]))
        attrs["add_offset"] = draw(st.sampled_from([0.0, 10.0]))
    # Without one netCDF4 fails on its own default fill value of bytes.
    if dtype == "i1" and "_FillValue" in attrs and draw(st.booleans()):
        attrs["_Unsigned"] = "true"
    return values, attrs


@settings(max_examples=25, deadline=None)
@given(_tables(), st.sampled_from([_write_classic, _write_netcdf4]))
def test_values_and_gaps_are_those_of_the_netcdf_library(
    table: tuple[npt.NDArray[Any], dict[str, Any]], write: Writer
) -> None:
    values, attrs = table
    if write is _write_classic and values.dtype == np.uint8:
        write = _write_netcdf4  # classic files have no unsigned bytes
    with tempfile.TemporaryDirectory() as folder:
        path = write(values, attrs, Path(folder))
        with netCDF4.Dataset(path) as file:
            file.set_auto_maskandscale(True)
            oracle = np.ma.filled(np.ma.asarray(file["v"][:]).astype(float), np.nan)
        try:
            found = _read(path, allow_fill_like=True).values_THW
        except DataError:  # a range that contradicts the field
            assert np.isnan(oracle).mean() > 0.5
            return
    np.testing.assert_allclose(found, oracle, rtol=1e-6)


def test_the_table_of_fill_values_is_that_of_the_netcdf_library() -> None:
    from fieldsharp.fields.files.missing_marks import FLOAT_FILL, INTEGER_FILLS

    known = netCDF4.default_fillvals
    assert {n: known[n] for n in INTEGER_FILLS} == INTEGER_FILLS
    assert known["f4"] == known["f8"] == FLOAT_FILL


def test_a_declared_mark_of_a_zarr_is_not_lost_beside_the_fill_value_of_its_chunks(
    tmp_path: Path,
) -> None:
    path = _write_zarr2(_field("f4", -9999), {"_FillValue": -9999.0}, tmp_path)
    assert json.loads((path / "v" / ".zarray").read_text())["fill_value"] == 0.0
    assert _is_missing(path) == [0]
