"""What evaluate makes of frames in another order, and of few frames: real fields, short files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from data.plume_settings import PlumeSettings
from data.plumes import simulate
from fieldsharp.core.checkout import PROJECT
from fieldsharp.objectives.guards import broken
from fieldsharp.sweep.trials.file_evaluation import Evaluation, evaluate_files

UK_FILE = PROJECT / "data" / "uk_wfde5_hourly_2018_jun_jul.nc"
Frames = NDArray[np.float64]
FIELDS = ("humidity", "temperature", "plumes")
FIRST = 300


@pytest.fixture(scope="module")
def fields() -> dict[str, Frames]:
    """Hourly frames of each field."""
    with xr.open_dataset(UK_FILE, engine="h5netcdf") as dataset:
        uk = {
            name: dataset[variable].to_numpy().astype(np.float64)
            for name, variable in {"humidity": "Qair", "temperature": "Tair"}.items()
        }
    plumes = simulate(PlumeSettings(frames=460, seed=3))["plume"].to_numpy().astype(np.float64)
    return {**uk, "plumes": plumes}


def _evaluate(folder: Path, forecast: Frames, truth: Frames) -> Evaluation:
    paths = folder / "forecast.npy", folder / "truth.npy"
    for path, frames in zip(paths, (forecast, truth), strict=True):
        np.save(path, frames)
    return evaluate_files(*paths)


def _names(evaluation: Evaluation) -> set[str]:
    return {guard.name for guard in broken(evaluation.guards)}


def _blurred(departures: Frames) -> Frames:
    known = np.isfinite(departures)
    width = (0.0, 1.0, 1.0)
    weight = gaussian_filter(1.0 * known, width)
    total = gaussian_filter(np.where(known, departures, 0.0), width)
    return np.where(known, total / np.maximum(weight, 1e-9), np.nan)


def _shuffled(frames: Frames) -> Frames:
    return frames[np.random.default_rng(1).permutation(len(frames))]


def _exchanged(frames: Frames) -> Frames:
    return np.roll(frames, len(frames) // 2, axis=0)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("count", [20, 40, 60, 99])
def test_frames_in_reverse_or_with_halves_exchanged_are_refused(
    fields: dict[str, Frames], tmp_path: Path, field: str, count: int
) -> None:
    truth = fields[field][FIRST : FIRST + count]
    for reordered in (truth[::-1], _exchanged(truth)):
        assert "order" in _names(_evaluate(tmp_path, reordered, truth))


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("count", [40, 60, 99])
def test_frames_shuffled_are_refused(
    fields: dict[str, Frames], tmp_path: Path, field: str, count: int
) -> None:
    truth = fields[field][FIRST : FIRST + count]
    assert _names(_evaluate(tmp_path, _shuffled(truth), truth)) & {"order", "correlation"}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("count", [60, 99])
def test_frames_of_the_day_before_are_refused(
    fields: dict[str, Frames], tmp_path: Path, field: str, count: int
) -> None:
    truth = fields[field][FIRST : FIRST + count]
    yesterday = fields[field][FIRST - 24 : FIRST - 24 + count]
    assert "order" in _names(_evaluate(tmp_path, yesterday, truth))


PLACES = [(FIRST, count) for count in (3, 20, 60, 150)] + [(FIRST - 60, n) for n in (10, 40, 99)]
FURTHER = [(first, n) for first in (FIRST, FIRST - 60) for n in (3, 10, 20, 40, 60, 99, 150)]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    ("first", "count"),
    PLACES + [pytest.param(*p, marks=pytest.mark.slow) for p in FURTHER if p not in PLACES],
)
def test_an_honest_forecast_of_the_same_frames_breaks_no_guard(
    fields: dict[str, Frames], tmp_path: Path, field: str, first: int, count: int
) -> None:
    """Late by an hour or two and blurred as well."""
    known, usual = fields[field], fields[field].mean(axis=0)
    truth = known[first : first + count]
    late = known[first - 1 : first - 1 + count]
    later = usual + _blurred(known[first - 2 : first - 2 + count] - usual)
    for forecast in (truth, usual + _blurred(truth - usual), late, later):
        assert _names(_evaluate(tmp_path, forecast, truth)) == set()


@pytest.mark.parametrize(
    ("count", "left_out"),
    [
        (10, {"correlation", "climatology", "order"}),
        (30, {"correlation", "climatology"}),
        (40, set()),
    ],
)
def test_what_cannot_be_told_from_few_frames_is_left_out_and_named(
    fields: dict[str, Frames], tmp_path: Path, count: int, left_out: set[str]
) -> None:
    truth = fields["humidity"][FIRST : FIRST + count]
    evaluation = _evaluate(tmp_path, _blurred(truth), truth)
    taken = {guard.name for guard in evaluation.guards}
    assert {"correlation", "climatology", "order"} - taken == left_out
    assert all(name in evaluation.climatology for name in left_out)
    if not left_out:
        assert "left out" not in evaluation.climatology


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("start", [12, pytest.param(28, marks=pytest.mark.slow)])
def test_a_single_window_breaks_no_guard_by_chance(
    fields: dict[str, Frames], tmp_path: Path, field: str, start: int
) -> None:
    """Three frames, which decorrelate in many hours, of 12 starts; blurred, and late."""
    usual = fields[field].mean(axis=0)
    for first in range(start, 396, 32):
        truth = fields[field][first : first + 3]
        late = fields[field][first - 2 : first + 1]
        for forecast in (usual + _blurred(truth - usual), late):
            assert _names(_evaluate(tmp_path, forecast, truth)) == set()


@pytest.mark.parametrize("field", FIELDS)
def test_noise_is_refused_however_few_the_frames(
    fields: dict[str, Frames], tmp_path: Path, field: str
) -> None:
    truth = fields[field][FIRST : FIRST + 3]
    noise = np.nanstd(truth) * np.random.default_rng(2).standard_normal(truth.shape)
    assert {"spectrum_small", "roughness"} <= _names(_evaluate(tmp_path, truth + noise, truth))


def test_few_common_frames_of_a_long_truth_leave_the_order_out_and_say_so(
    fields: dict[str, Frames], tmp_path: Path
) -> None:
    truth = fields["plumes"][FIRST : FIRST + 60]
    dims, hours = ("time", "y", "x"), np.arange(60) * np.timedelta64(1, "h")
    times = np.datetime64("2020-01-01", "ns") + hours
    series = xr.DataArray(truth, {"time": times}, dims, "plume")
    series.to_netcdf(tmp_path / "truth.nc", engine="h5netcdf")
    series[:10].to_netcdf(tmp_path / "forecast.nc", engine="h5netcdf")
    few = evaluate_files(tmp_path / "forecast.nc", tmp_path / "truth.nc")
    assert "order" not in {guard.name for guard in few.guards}
    assert "the guard order is left out, which needs 20 frames in both files" in few.climatology
