"""Frames of two files paired by time, grid, units and known cells."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.pairing import FramePairs, pair_baseline, pair_frames
from fieldsharp.fields.reading import RawField, read_raw
from fieldsharp.fields.settings import DataSettings

Array = npt.NDArray[np.float64]
HOURS = np.datetime64("2020-01-01", "ns") + np.arange(5) * np.timedelta64(1, "h")


def _field(seed: int, frames: int = 5) -> Array:
    rng = np.random.default_rng(seed)
    values = 280.0 + 5.0 * rng.standard_normal((frames, 7, 9))
    values[:, 0, :3] = np.nan  # a corner of sea
    values[:, 4, 4] = np.nan  # and a lake
    return values


def _write(
    path: Path,
    values: Array,
    time: npt.NDArray[np.datetime64] | None = HOURS,
    name: str = "t2m",
    units: str = "K",
    first_lat: float = 50.0,
) -> Path:
    frames, height, width = values.shape
    coords: dict[str, object] = {
        "lat": first_lat + 0.5 * np.arange(height),
        "lon": 0.5 * np.arange(width),
    }
    if time is not None:
        coords["time"] = time[:frames]
    array = xr.DataArray(values, dims=("time", "lat", "lon"), coords=coords, attrs={"units": units})
    array.to_dataset(name=name).to_netcdf(path, engine="h5netcdf")
    return path


def _read(path: Path) -> RawField:
    return read_raw(DataSettings(path=str(path)))


def _pairs(forecast: Path, truth: Path) -> FramePairs:
    return pair_frames(forecast, _read(forecast), truth, _read(truth))


def test_frames_are_paired_by_their_times(tmp_path: Path) -> None:
    truth, pred = _field(0), _field(1, frames=2)
    late = np.array([HOURS[3], HOURS[4] + np.timedelta64(1, "h")])
    pairs = _pairs(_write(tmp_path / "f.nc", pred, late), _write(tmp_path / "t.nc", truth))
    assert (pairs.frames, pairs.common, pairs.frames_missing) == ([3], 1, 4)
    np.testing.assert_array_equal(pairs.pred_THW, pred[:1])
    np.testing.assert_array_equal(pairs.target_THW, truth[3:4])


def test_cells_are_known_where_both_have_a_value(tmp_path: Path) -> None:
    truth, pred = _field(0), _field(1)
    truth[3, 6, 0] = np.nan
    pred[1, 2, 8] = np.nan
    pairs = _pairs(_write(tmp_path / "f.nc", pred), _write(tmp_path / "t.nc", truth))
    np.testing.assert_array_equal(pairs.known_THW, np.isfinite(pred + truth))
    assert pairs.missing == 1


def test_a_baseline_must_have_the_frames_and_cells_of_the_forecast(tmp_path: Path) -> None:
    truth = _write(tmp_path / "t.nc", _field(0))
    pairs, observed = _pairs(truth, truth), _read(truth)
    path = _write(tmp_path / "b.nc", _field(1))
    np.testing.assert_array_equal(
        pair_baseline(pairs, path, _read(path), observed).pred_THW, _field(1)
    )
    short = _write(tmp_path / "short.nc", _field(1)[:3])
    with pytest.raises(DataError, match="lacks 2 of the 5 frames"):
        pair_baseline(pairs, short, _read(short), observed)
    holed = _field(1)
    holed[2, 6, 6] = np.nan
    hole = _write(tmp_path / "hole.nc", holed)
    with pytest.raises(DataError, match="lacks values in 1 of the cells"):
        pair_baseline(pairs, hole, _read(hole), observed)


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    truth = _write(tmp_path / "t.nc", _field(0))
    late = _write(tmp_path / "late.nc", _field(0), HOURS + np.timedelta64(90, "D"))
    with pytest.raises(DataError, match="no time in common: the forecast runs from 2020-03-31"):
        _pairs(late, truth)
    smaller = _write(tmp_path / "small.nc", _field(0)[:, :, :8])
    with pytest.raises(DataError, match="a grid of 7 x 8 cells and the truth 7 x 9; bring them"):
        _pairs(smaller, truth)
    shifted = _write(tmp_path / "shifted.nc", _field(0), first_lat=51.0)
    with pytest.raises(DataError, match="differ in their coordinate 'lat': it runs from 51 to 54"):
        _pairs(shifted, truth)
    celsius = _write(tmp_path / "celsius.nc", _field(0), units="degC")
    with pytest.raises(DataError, match="forecast is in 'degC' and the truth in 'K'; convert one"):
        _pairs(celsius, truth)
    untimed = _write(tmp_path / "untimed.nc", _field(0)[:4], time=None)
    with pytest.raises(DataError, match="the forecast has 4 frames and the truth 5, and without"):
        _pairs(untimed, truth)


def test_files_without_a_common_cell_are_refused(tmp_path: Path) -> None:
    west, east = _field(0), _field(0)
    west[:, :, 4:] = np.nan
    east[:, :, :4] = np.nan
    with pytest.raises(
        DataError, match="have no cell with a value in common in any of their 5 common frames"
    ):
        _pairs(_write(tmp_path / "w.nc", west), _write(tmp_path / "e.nc", east))
