"""The spatial analysis of two files, against NumPy written out in loops."""

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.metrics import METRICS
from fieldsharp.sweep.trials.file_evaluation import Evaluation, evaluate_files
from tests.fields.forecast_files import HOURS, Array, random_field, write


def _gradient_by_hand(frame: Array, valid: npt.NDArray[np.bool_]) -> float:
    found = []
    for y in range(1, frame.shape[0] - 1):
        for x in range(1, frame.shape[1] - 1):
            if not valid[y - 1 : y + 2, x - 1 : x + 2].all():
                continue
            gx = gy = 0.0
            for step, weight in ((-1, 1), (0, 2), (1, 1)):
                gx += weight * (frame[y + step, x + 1] - frame[y + step, x - 1]) / 8
                gy += weight * (frame[y + 1, x + step] - frame[y - 1, x + step]) / 8
            found.append(math.sqrt(gx * gx + gy * gy))
    assert found
    return sum(found) / len(found)


def _by_hand(pred: Array, truth: Array) -> dict[str, float]:
    valid: npt.NDArray[np.bool_] = np.asarray(np.isfinite(pred + truth).all(axis=0))
    p, t = pred[:, valid], truth[:, valid]
    frames = range(len(pred))
    return {
        "gradient": sum(_gradient_by_hand(pred[i], valid) for i in frames) / len(pred),
        "gradient_observed": sum(_gradient_by_hand(truth[i], valid) for i in frames) / len(pred),
        "peak": sum(float(p[i].max()) for i in frames) / len(pred),
        "peak_observed": sum(float(t[i].max()) for i in frames) / len(pred),
        "mean_observed": float(t.mean()),
        "rmse": math.sqrt(float(((p - t) ** 2).mean())),
        "mae": float(np.abs(p - t).mean()),
        "bias": float((p - t).mean()),
        "correlation": float(np.corrcoef(p.ravel(), t.ravel())[0, 1]),
    }


def test_every_metric_agrees_with_a_calculation_by_hand(tmp_path: Path) -> None:
    truth = random_field(0)
    pred = truth + 2.0 * np.random.default_rng(1).standard_normal(truth.shape) + 0.5
    found = evaluate_files(write(tmp_path / "f.nc", pred), write(tmp_path / "t.nc", truth))
    by_hand = _by_hand(pred, truth)
    known = {name for name, metric in METRICS.items() if "persistence" not in metric.needs}
    assert set(found.metrics) == known
    for name, value in by_hand.items():
        assert found.metrics[name] == pytest.approx(value, rel=1e-5), name
    assert (found.frames, found.cells, found.variable, found.units) == (5, 59, "t2m", "K")


def test_a_cell_missing_in_one_frame_counts_in_the_others(tmp_path: Path) -> None:
    truth, pred = random_field(0), random_field(1)
    truth[3, 6, 0] = np.nan
    pred[1, 2, 8] = np.nan
    found = evaluate_files(write(tmp_path / "f.nc", pred), write(tmp_path / "t.nc", truth))
    assert found.cells == found.cells_least + 1
    frames = [_by_hand(pred[[t]], truth[[t]]) for t in range(len(truth))]
    for name in ("gradient", "peak_observed"):
        by_hand = np.mean([frame[name] for frame in frames])
        assert found.metrics[name] == pytest.approx(by_hand, rel=1e-5), name
    mean_square = np.mean([frame["rmse"] ** 2 for frame in frames])
    assert found.metrics["rmse"] == pytest.approx(np.sqrt(mean_square), rel=1e-5)


def test_frames_of_the_forecast_without_truth_are_counted(tmp_path: Path) -> None:
    truth, pred = random_field(0), random_field(1)
    forecast = write(tmp_path / "f.nc", pred, HOURS + np.timedelta64(3, "h"))
    found = evaluate_files(forecast, write(tmp_path / "t.nc", truth))
    assert (found.frames, found.frames_without_truth) == (2, 3)


def test_a_shorter_forecast_is_compared_at_its_own_times(tmp_path: Path) -> None:
    truth, pred = random_field(0), random_field(1, frames=2)
    forecast = write(tmp_path / "f.nc", pred, HOURS[[1, 4]])
    found = evaluate_files(forecast, write(tmp_path / "t.nc", truth))
    assert found.frames == 2
    assert found.metrics["rmse"] == pytest.approx(_by_hand(pred, truth[[1, 4]])["rmse"], rel=1e-5)


def test_frames_the_truth_does_not_have_are_left_out(tmp_path: Path) -> None:
    truth, pred = random_field(0), random_field(1)
    forecast = write(tmp_path / "f.nc", pred, HOURS + np.timedelta64(3, "h"))
    found = evaluate_files(forecast, write(tmp_path / "t.nc", truth))
    assert found.frames == 2
    by_hand = _by_hand(pred[:2], truth[3:])
    assert found.metrics["rmse"] == pytest.approx(by_hand["rmse"], rel=1e-5)


def test_a_perfect_forecast_has_no_error(tmp_path: Path) -> None:
    truth = write(tmp_path / "t.nc", random_field(0))
    metrics = evaluate_files(truth, truth).metrics
    assert metrics["rmse"] == metrics["bias"] == 0.0
    assert metrics["gradient"] == metrics["gradient_observed"]
    assert metrics["correlation"] == pytest.approx(1.0, abs=1e-9)


def test_a_bare_array_is_compared_frame_by_frame(tmp_path: Path) -> None:
    truth, pred = random_field(0), random_field(1)
    np.save(tmp_path / "f.npy", pred)
    found = evaluate_files(tmp_path / "f.npy", write(tmp_path / "t.nc", truth))
    assert found.metrics["rmse"] == pytest.approx(_by_hand(pred, truth)["rmse"], rel=1e-5)


def test_the_forecasts_variable_is_sought_in_a_truth_of_several(tmp_path: Path) -> None:
    truth, pred = random_field(0), random_field(1)
    both = write(tmp_path / "t.nc", truth)
    with xr.open_dataset(both, engine="h5netcdf") as dataset:
        dataset = dataset.load()
    dataset["other"] = dataset["t2m"] * 3
    dataset.to_netcdf(tmp_path / "both.nc", engine="h5netcdf")
    found = evaluate_files(write(tmp_path / "f.nc", pred), tmp_path / "both.nc")
    assert found.metrics["rmse"] == pytest.approx(_by_hand(pred, truth)["rmse"], rel=1e-5)


def test_a_metric_that_is_not_defined_is_null_in_json() -> None:
    evaluation = Evaluation(
        {"gradient": float("nan"), "rmse": 1.0},
        [],
        "the mean",
        "v",
        "K",
        frames=2,
        frames_too_sparse=0,
        frames_without_truth=0,
        cells=5,
        cells_least=5,
        metric_values=MetricValues(overall={}, by_lead={}),
        values_missing=0,
        frames_missing=0,
    )
    assert evaluation.as_json()["gradient"] is None
    assert evaluation.as_json()["rmse"] == 1.0


def test_a_level_and_another_name_of_the_truth_can_be_chosen(tmp_path: Path) -> None:
    truth, pred = random_field(0), random_field(1)
    levels = np.stack([truth - 5.0, truth], axis=1)
    array = xr.DataArray(
        levels,
        dims=("time", "level", "lat", "lon"),
        coords={
            "time": HOURS[: len(truth)],
            "level": [500.0, 850.0],
            "lat": 50.0 + 0.5 * np.arange(truth.shape[1]),
            "lon": 0.5 * np.arange(truth.shape[2]),
        },
    )
    array.to_dataset(name="temperature").to_netcdf(tmp_path / "t.nc", engine="h5netcdf")
    forecast = write(tmp_path / "f.nc", pred)
    with pytest.raises(DataError, match="level"):
        evaluate_files(forecast, tmp_path / "t.nc")
    found = evaluate_files(
        forecast, tmp_path / "t.nc", truth_variable="temperature", select={"level": 850.0}
    )
    assert found.metrics["rmse"] == pytest.approx(_by_hand(pred, truth)["rmse"], rel=1e-5)


def test_a_frame_with_a_few_cells_does_not_drown_the_others(tmp_path: Path) -> None:
    truth = random_field(0)
    pred = truth + 1.0
    truth[2] = np.nan
    truth[2, 0, 8], pred[2, 0, 8] = 0.0, 50.0
    found = evaluate_files(write(tmp_path / "f.nc", pred), write(tmp_path / "t.nc", truth))
    assert (found.frames, found.frames_too_sparse) == (4, 1)
    assert found.metrics["rmse"] == pytest.approx(1.0, rel=1e-5)
    assert math.isfinite(found.metrics["gradient"])


def test_a_frame_without_any_whole_stencil_does_not_hide_the_others(tmp_path: Path) -> None:
    truth, pred = random_field(0), random_field(1)
    pred[2, ::3, :] = np.nan  # two rows of three: no cell has all its neighbours
    found = evaluate_files(write(tmp_path / "f.nc", pred), write(tmp_path / "t.nc", truth))
    assert (found.frames, found.frames_too_sparse) == (4, 1)
    assert math.isfinite(found.metrics["gradient"])
    assert {"roughness", "forward_sobel"} <= {guard.name for guard in found.guards}


def test_a_forecast_in_other_units_and_turned_is_compared_as_by_hand(tmp_path: Path) -> None:
    truth, pred = random_field(0), random_field(1)
    celsius = write(tmp_path / "c.nc", pred - 273.15, units="degC")
    with xr.open_dataset(celsius, engine="h5netcdf") as dataset:
        turned = dataset.isel(lat=slice(None, None, -1)).load()
    turned.to_netcdf(tmp_path / "f.nc", engine="h5netcdf")
    found = evaluate_files(tmp_path / "f.nc", write(tmp_path / "t.nc", truth))
    for name, value in _by_hand(pred, truth).items():
        assert found.metrics[name] == pytest.approx(value, rel=1e-5), name
    assert list(found.as_json()["converted"]) == ["the forecast was converted from degC to K"]
    np.save(tmp_path / "f.npy", pred)
    bare = evaluate_files(tmp_path / "f.npy", tmp_path / "t.nc").as_json()
    assert list(bare["converted"]) == []
    assert bare["by_position"][0].startswith("the rows of the forecast were taken for those of")
