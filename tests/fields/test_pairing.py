"""Frames of two files paired by time, grid, units and known cells."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fieldsharp.core.errors import DataError
from fieldsharp.fields.pairing import FramePairs, pair_baseline, pair_frames
from fieldsharp.fields.reading import RawField, read_raw, read_series
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.writing import write_netcdf
from tests.fields.forecast_files import HOURS, random_field, write


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
    smaller = write(tmp_path / "small.nc", random_field(0)[:, :, :8])
    with pytest.raises(DataError, match="a grid of 7 x 8 cells and the truth 7 x 9; bring them"):
        _pairs(smaller, truth)
    shifted = write(tmp_path / "shifted.nc", random_field(0), first_lat=51.0)
    with pytest.raises(DataError, match="differ in their coordinate 'lat': it runs from 51 to 54"):
        _pairs(shifted, truth)
    celsius = write(tmp_path / "celsius.nc", random_field(0), units="degC")
    with pytest.raises(DataError, match="forecast is in 'degC' and the truth in 'K'; convert one"):
        _pairs(celsius, truth)
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
