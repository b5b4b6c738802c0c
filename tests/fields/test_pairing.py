"""Frames of two files paired by time, grid, units and known cells."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.baseline_pairing import pair_baseline
from fieldsharp.fields.field_matching import in_grid_and_units
from fieldsharp.fields.pairing import FramePairs, pair_frames
from fieldsharp.fields.reading import RawField, read_raw, read_series
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.writing import write_netcdf
from tests.fields.forecast_files import HOURS, Array, random_field, write


def _read(path: Path) -> RawField:
    return read_raw(DataSettings(path=str(path)))


def _pairs(forecast: Path, truth: Path) -> FramePairs:
    return pair_frames(forecast, _read(forecast), truth, _read(truth))


def test_frames_are_paired_by_their_times(tmp_path: Path) -> None:
    truth, pred = random_field(0), random_field(1, frames=2)
    late = np.array([HOURS[3], HOURS[4] + np.timedelta64(1, "h")])
    pairs = _pairs(write(tmp_path / "f.nc", pred, late), write(tmp_path / "t.nc", truth))
    assert (pairs.frames, pairs.common, pairs.frames_missing) == ([3], 1, 4)
    np.testing.assert_array_equal(pairs.pred_THW, pred[:1])
    np.testing.assert_array_equal(pairs.target_THW, truth[3:4])


def test_cells_are_known_where_both_have_a_value(tmp_path: Path) -> None:
    truth, pred = random_field(0), random_field(1)
    truth[3, 6, 0] = np.nan
    pred[1, 2, 8] = np.nan
    pairs = _pairs(write(tmp_path / "f.nc", pred), write(tmp_path / "t.nc", truth))
    np.testing.assert_array_equal(pairs.known_THW, np.isfinite(pred + truth))
    assert pairs.missing == 1


def test_a_baseline_must_have_the_frames_and_cells_of_the_forecast(tmp_path: Path) -> None:
    truth = write(tmp_path / "t.nc", random_field(0))
    pairs, observed = _pairs(truth, truth), _read(truth)
    path = write(tmp_path / "b.nc", random_field(1))
    np.testing.assert_array_equal(
        pair_baseline(pairs, path, _read(path), observed).pred_THW, random_field(1)
    )
    short = write(tmp_path / "short.nc", random_field(1)[:3])
    with pytest.raises(DataError, match="lacks 2 of the 5 frames"):
        pair_baseline(pairs, short, _read(short), observed)
    holed = random_field(1)
    holed[2, 6, 6] = np.nan
    hole = write(tmp_path / "hole.nc", holed)
    with pytest.raises(DataError, match="lacks values in 1 of the cells"):
        pair_baseline(pairs, hole, _read(hole), observed)


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    truth = write(tmp_path / "t.nc", random_field(0))
    late = write(tmp_path / "late.nc", random_field(0), HOURS + np.timedelta64(90, "D"))
    with pytest.raises(DataError, match="no time in common: the forecast runs from 2020-03-31"):
        _pairs(late, truth)
    coarser = write(tmp_path / "small.nc", random_field(0)[:, :, :8], first_lat=20.0)
    with pytest.raises(DataError, match="a grid of 7 x 8 cells and the truth 7 x 9; bring them"):
        _pairs(coarser, truth)
    shifted = write(tmp_path / "shifted.nc", random_field(0), first_lat=51.0)
    with pytest.raises(DataError, match="differ in their coordinate 'lat': it runs from 51 to 54"):
        _pairs(shifted, truth)
    other = write(tmp_path / "other.nc", random_field(0), units="g kg-1")
    with pytest.raises(DataError, match="forecast is in 'g kg-1' and the truth in 'K', and they"):
        _pairs(other, truth)
    strange = write(tmp_path / "strange.nc", random_field(0), units="kelvins of old")
    with pytest.raises(DataError, match="and 'kelvins of old' is not a known unit"):
        _pairs(strange, truth)
    untimed = write(tmp_path / "untimed.nc", random_field(0)[:4], time=None)
    with pytest.raises(DataError, match="the forecast has 4 frames and the truth 5, and without"):
        _pairs(untimed, truth)


def test_files_without_a_common_cell_are_refused(tmp_path: Path) -> None:
    west, east = random_field(0), random_field(0)
    west[:, :, 4:] = np.nan
    east[:, :, :4] = np.nan
    with pytest.raises(
        DataError, match="have no cell with a value in common in any of their 5 common frames"
    ):
        _pairs(write(tmp_path / "w.nc", west), write(tmp_path / "e.nc", east))


def test_frames_that_follow_those_of_a_file_without_times_are_paired_by_number(
    tmp_path: Path,
) -> None:
    truth, pred = random_field(0), random_field(1, frames=2)
    np.save(tmp_path / "t.npy", truth)
    source = read_series(DataSettings(path=str(tmp_path / "t.npy")))
    ahead = replace(
        source,
        values_TCHW=pred[:, None].astype(np.float32),
        time=np.array([3, 4]),
        filled_T=source.filled_T[:2],
    )
    write_netcdf(ahead, tmp_path / "f.nc")
    pairs = _pairs(tmp_path / "f.nc", tmp_path / "t.npy")
    assert pairs.frames == [3, 4]
    np.testing.assert_array_equal(pairs.target_THW, truth[3:])
    np.save(tmp_path / "f.npy", pred)
    with pytest.raises(DataError, match="2 frames and the truth 5"):
        _pairs(tmp_path / "f.npy", tmp_path / "t.npy")


def _dataset(path: Path) -> xr.Dataset:
    with xr.open_dataset(path, engine="h5netcdf") as dataset:
        return dataset.load()


def test_a_part_of_the_truth_is_refused_with_a_command_that_cuts_it(tmp_path: Path) -> None:
    truth = write(tmp_path / "the truth's.nc", random_field(0))
    part = tmp_path / "part.nc"
    _dataset(truth).isel(lat=slice(5, 1, -1), lon=slice(3, 8)).to_netcdf(part, engine="h5netcdf")
    with pytest.raises(DataError, match="the forecast is a part; cut the truth with") as refused:
        _pairs(part, truth)
    text = str(refused.value)
    command = text.split("cut the truth with  ")[1].split("  and give ")[0]
    program, *arguments = shlex.split(command)
    assert program == "python"
    subprocess.run([sys.executable, *arguments], check=True, timeout=180)
    pairs = _pairs(part, Path(text.split("  and give ")[1]))
    np.testing.assert_array_equal(pairs.target_THW, random_field(0)[:, 2:6, 3:8])
    np.testing.assert_array_equal(pairs.pred_THW, pairs.target_THW)


@pytest.mark.parametrize("change", ["latitude", "roll", "both"])
def test_cells_are_matched_by_the_values_of_their_coordinates(tmp_path: Path, change: str) -> None:
    truth = write(tmp_path / "t.nc", random_field(0))
    whole = _dataset(truth).assign_coords(lon=-180.0 + 40.0 * np.arange(9))
    whole.to_netcdf(tmp_path / "world.nc", engine="h5netcdf")
    changed = whole + random_field(1)
    if change in ("roll", "both"):
        changed = changed.assign_coords(lon=changed["lon"] % 360).sortby("lon")
    if change in ("latitude", "both"):
        changed = changed.isel(lat=slice(None, None, -1))
    changed["t2m"].attrs["units"] = "K"
    changed.astype("f4").to_netcdf(tmp_path / "f.nc", engine="h5netcdf")
    pairs = _pairs(tmp_path / "f.nc", tmp_path / "world.nc")
    unrolled = changed.assign_coords(lon=(changed["lon"] + 180) % 360 - 180)
    by_hand = unrolled.reindex(lat=whole["lat"], lon=whole["lon"])["t2m"].astype("f4")
    np.testing.assert_array_equal(pairs.pred_THW, by_hand.values)


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_a_curved_grid_that_is_turned_is_matched_by_its_coordinates(
    tmp_path: Path, axes: tuple[int, ...]
) -> None:
    rows, columns = np.meshgrid(np.linspace(50, 56, 7), np.arange(9.0), indexing="ij")
    dims = ("south_north", "west_east")

    def curved(values: Array) -> xr.Dataset:
        coords = {
            "time": HOURS,
            "XLAT": (dims, (rows + 0.1 * columns).astype("f4")),
            "XLONG": (dims, (columns - 0.1 * rows).astype("f4")),
        }
        return xr.Dataset({"t2m": (("time", *dims), values, {"units": "K"})}, coords=coords)

    curved(random_field(0)).to_netcdf(tmp_path / "t.nc", engine="h5netcdf")
    back = {dims[axis]: slice(None, None, -1) for axis in axes}
    turned = curved(random_field(1)).isel(back)
    turned.to_netcdf(tmp_path / "f.nc", engine="h5netcdf")
    pairs = _pairs(tmp_path / "f.nc", tmp_path / "t.nc")
    np.testing.assert_array_equal(pairs.pred_THW, random_field(1))
    shifted = turned.assign_coords(XLAT=turned["XLAT"] + 0.02)
    shifted.to_netcdf(tmp_path / "shifted.nc", engine="h5netcdf")
    with pytest.raises(DataError, match="differ in their coordinate 'XLAT'"):
        _pairs(tmp_path / "shifted.nc", tmp_path / "t.nc")


def test_coordinates_are_paired_by_meaning_and_in_one_unit(tmp_path: Path) -> None:
    truth = _dataset(write(tmp_path / "t.nc", random_field(0)))
    metres = truth.rename(lat="y", lon="x").assign_coords(
        y=("y", 1000.0 * np.arange(7), {"units": "m"}),
        x=("x", 1000.0 * np.arange(9), {"units": "m"}),
    )
    metres.to_netcdf(tmp_path / "m.nc", engine="h5netcdf")
    for units, factor, same in (("km", 1.0, True), ("km", 1000.0, False), ("s", 1000.0, False)):
        other = metres.assign_coords(
            y=("y", factor * np.arange(7.0), {"units": units}),
            x=("x", factor * np.arange(9.0), {"units": units}),
        )
        other.to_netcdf(tmp_path / "f.nc", engine="h5netcdf")
        if same:
            pairs = _pairs(tmp_path / "f.nc", tmp_path / "m.nc")
            np.testing.assert_array_equal(pairs.pred_THW, random_field(0))
        else:
            with pytest.raises(DataError, match="coordinate 'y'"):
                _pairs(tmp_path / "f.nc", tmp_path / "m.nc")
    named = truth.rename(lat="latitude", lon="longitude").isel(latitude=slice(None, None, -1))
    named.to_netcdf(tmp_path / "n.nc", engine="h5netcdf")
    pairs = _pairs(tmp_path / "n.nc", tmp_path / "t.nc")
    np.testing.assert_array_equal(pairs.pred_THW, random_field(0))


def test_cells_that_are_paired_by_position_are_said(tmp_path: Path) -> None:
    truth = write(tmp_path / "t.nc", random_field(0))
    np.save(tmp_path / "f.npy", random_field(1))
    pairs = _pairs(tmp_path / "f.npy", truth)
    assert [sentence[:25] for sentence in pairs.by_position] == [
        "the rows of the forecast ",
        "the columns of the foreca",
    ]
    assert _pairs(truth, truth).by_position == ()


@pytest.mark.parametrize(
    ("units", "truth_units", "by_hand"),
    [
        ("degC", "K", lambda v: v + 273.15),
        ("deg C", "K", lambda v: v + 273.15),
        ("K", "degF", lambda v: v * 9 / 5 - 459.67),
        ("hPa", "Pa", lambda v: v * 100),
        ("g/kg", "1", lambda v: v / 1000),
        ("g kg-1", "kg kg**-1", lambda v: v / 1000),
        ("mm/day", "m s-1", lambda v: v / 86_400_000),
    ],
)
def test_a_forecast_is_converted_into_the_units_of_the_truth(
    tmp_path: Path, units: str, truth_units: str, by_hand: Callable[[Array], Array]
) -> None:
    forecast = write(tmp_path / "f.nc", random_field(1), units=units)
    truth = write(tmp_path / "t.nc", random_field(0), units=truth_units)
    pairs = _pairs(forecast, truth)
    np.testing.assert_allclose(pairs.pred_THW, by_hand(random_field(1)), rtol=1e-12)
    assert pairs.converted == (f"the forecast was converted from {units} to {truth_units}",)
    baseline = pair_baseline(pairs, forecast, _read(forecast), _read(truth))
    np.testing.assert_array_equal(baseline.pred_THW, pairs.pred_THW)
    assert baseline.converted[1].startswith("the baseline was converted from")


def test_the_truth_of_training_frames_is_taken_in_the_cells_and_units_of_the_truth(
    tmp_path: Path,
) -> None:
    truth = _read(write(tmp_path / "t.nc", random_field(0)))
    path = write(tmp_path / "h.nc", random_field(1) - 273.15, units="degC")
    turned = _dataset(path).isel(lat=slice(None, None, -1))
    turned.to_netcdf(tmp_path / "turned.nc", engine="h5netcdf")
    field, said = in_grid_and_units(_read(tmp_path / "turned.nc"), path, truth)
    np.testing.assert_allclose(field.values_THW, random_field(1), rtol=1e-12)
    assert said == ("the training truth was converted from degC to K",)
    assert field.array.attrs["units"] == "K"
    xr.testing.assert_equal(field.grid, truth.grid)


def test_coordinates_that_cannot_be_told_to_be_the_same_are_refused(tmp_path: Path) -> None:
    rows, columns = np.meshgrid(np.arange(7.0), np.arange(9.0), indexing="ij")
    for name, names in (("t", ("lat", "lon")), ("f", ("north", "east"))):
        coords = {"time": HOURS, names[0]: (("y", "x"), 50 + rows), names[1]: (("y", "x"), columns)}
        dataset = xr.Dataset({"t2m": (("time", "y", "x"), random_field(0))}, coords=coords)
        dataset.to_netcdf(tmp_path / f"{name}.nc", engine="h5netcdf")
    with pytest.raises(DataError, match="cannot be told to be the same"):
        _pairs(tmp_path / "f.nc", tmp_path / "t.nc")


def test_that_frames_were_paired_by_the_start_of_a_forecast_is_said(tmp_path: Path) -> None:
    def of_starts(name: str, seed: int) -> Path:
        path = write(tmp_path / "valid.nc", random_field(seed))
        dataset = _dataset(path)
        dataset["time"].attrs["standard_name"] = "forecast_reference_time"
        dataset.to_netcdf(tmp_path / name, engine="h5netcdf")
        return tmp_path / name

    truth = of_starts("t.nc", 0)
    pairs = _pairs(of_starts("f.nc", 1), truth)
    (sentence,) = pairs.by_position
    assert sentence.startswith("the dates of both files are those a forecast starts from")
    with pytest.raises(DataError, match=r"the dates of the truth are .* standard_name 'time'"):
        _pairs(write(tmp_path / "f2.nc", random_field(1)), truth)
