"""Forecasts of scripts under sharpeners that are fitted on the files they write."""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fieldsharp.model.registry import BEST_SHARPENER, SHARPENERS
from fieldsharp.sweep.configuration.presets import BASELINE
from fieldsharp.sweep.study.trial_events import TrialDone, TrialFailed
from tests.sweep.execution.script.scripts import Ran, run_script

TRAIN = """
import numpy as np
r = np.random.default_rng(0)
field = r.normal(size=(30, 12, 12))
forecast = 0.5 * field + 0.3 * r.normal(size=field.shape)
def save(name, values, first):
    np.save(name, values)
"""
WITH_TIMES = """
import xarray as xr
def save(name, values, first):
    hours = np.arange(first, first + len(values)).astype("datetime64[h]")
    coords = {"time": hours.astype("datetime64[ns]")}
    array = xr.Dataset({"q": (("time", "y", "x"), values)}, coords=coords)
    array.to_netcdf(name.replace(".npy", ".nc"), engine="h5netcdf")
"""
JUDGED = "save('t.npy', field[20:], 20)\nsave('f.npy', forecast[20:], 20)\n"
TRAINING = "save('tt.npy', field[:20], 0)\nsave('tf.npy', forecast[:20], 0)\n"
FILES: dict[str, Any] = {
    "forecast": "f.npy",
    "truth": "t.npy",
    "training_forecast": "tf.npy",
    "training_truth": "tt.npy",
    "patterns": {},
}
IN_NETCDF = {k: v.replace(".npy", ".nc") if isinstance(v, str) else v for k, v in FILES.items()}


def _run(folder: Path, source: str = TRAIN + JUDGED + TRAINING, **more: Any) -> Ran:
    return run_script(folder, source, **{**FILES, **more})


def test_the_baseline_is_tried_under_every_sharpener(tmp_path: Path) -> None:
    ran = _run(tmp_path, preset=BASELINE)
    (report,) = ran.reports
    assert list(report.sharpened) == list(SHARPENERS)
    random = np.random.default_rng(0)
    field = random.normal(size=(30, 12, 12))
    forecast = 0.5 * field + 0.3 * random.normal(size=field.shape)
    climatology = field[:20].mean(axis=0)
    factor = math.sqrt(
        ((field[:20] - climatology) ** 2).mean() / ((forecast[:20] - climatology) ** 2).mean()
    )
    error = climatology + factor * (forecast[20:] - climatology) - field[20:]
    inflated = report.sharpened["inflate"]
    assert inflated.overall["rmse"] == pytest.approx(math.sqrt((error**2).mean()))
    assert inflated.by_lead["rmse"] == [pytest.approx(inflated.overall["rmse"])]
    assert report.metrics["rmse"] == pytest.approx(
        math.sqrt(((forecast[20:] - field[20:]) ** 2).mean())
    )


@pytest.mark.parametrize(
    ("sharpening", "tried"),
    [(BEST_SHARPENER, list(SHARPENERS)), ("inflate", ["inflate"]), ("none", [])],
)
def test_another_trial_is_tried_under_those_of_its_settings(
    tmp_path: Path, sharpening: str, tried: list[str]
) -> None:
    (report,) = _run(tmp_path, sharpening=sharpening).reports
    assert list(report.sharpened) == tried


def test_without_training_files_nothing_is_tried(tmp_path: Path) -> None:
    none: dict[str, Any] = {"training_forecast": None, "training_truth": None}
    ran = _run(tmp_path, TRAIN + JUDGED, preset=BASELINE, **none)
    assert isinstance(ran.end, TrialDone), ran.reason
    assert ran.reports[0].sharpened == {}


def test_epochs_before_the_last_have_none(tmp_path: Path) -> None:
    printed = "print('epoch 1 gradient 1 peak 1 rmse 1', flush=True)\n"
    progress = (
        r"epoch (?P<epoch>\d+) gradient (?P<gradient>\S+) peak (?P<peak>\S+) rmse (?P<rmse>.+)"
    )
    source = printed + TRAIN + JUDGED + TRAINING
    first, last = _run(tmp_path, source, preset=BASELINE, epochs=2, progress=progress).reports
    assert first.sharpened == {}
    assert len(last.sharpened) == len(SHARPENERS)


def test_the_truth_of_training_frames_may_lie_in_the_project(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    field = np.random.default_rng(0).normal(size=(30, 12, 12))
    np.save(tmp_path / "project" / "observed.npy", field[:20])
    source = TRAIN + JUDGED + "save('tf.npy', forecast[:20], 0)\n"
    truth = "{project}/observed.npy"
    ran = _run(tmp_path, source, sharpening="inflate", training_truth=truth)
    assert isinstance(ran.end, TrialDone), ran.reason
    expected = _run(tmp_path / "b", sharpening="inflate").reports[0].sharpened
    assert ran.reports[0].sharpened == expected


def test_a_guard_that_the_script_tells_of_still_holds_under_a_sharpener(tmp_path: Path) -> None:
    told = "import json\njson.dump({'change_ratio': 0.25, 'mine': 3}, open('m.json', 'w'))\n"
    source = TRAIN + JUDGED + TRAINING + told
    (report,) = _run(tmp_path, source, preset=BASELINE, metrics="m.json").reports
    assert report.metrics["change_ratio"] == 0.25
    assert report.metrics["mine"] == 3
    for values in report.sharpened.values():
        assert values.by_lead["change_ratio"] == [0.25]
        assert "mine" not in values.overall, "it was measured without the sharpener"


FLAT = "save('tt.npy', field[:20], 0)\nsave('tf.npy', 0.0 * field[:20] + 1.0, 0)\n"


def test_what_cannot_be_fitted_is_left_out_where_it_was_not_asked_for(tmp_path: Path) -> None:
    ran = _run(tmp_path / "a", TRAIN + JUDGED + FLAT, sharpening=BEST_SHARPENER)
    assert set(ran.reports[0].sharpened) == {"calibrate", "inflate", "spectral"}
    ran = _run(tmp_path / "b", TRAIN + JUDGED + FLAT, sharpening="quantile")
    assert isinstance(ran.end, TrialFailed)
    assert "the sharpener 'quantile' cannot be fitted: the forecasts of a lead are" in ran.reason


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        ("", "ended without an error and there is no file tf.npy; it wrote .*write it"),
        ("save('tf.npy', field[:20], 0)", "ended without an error and there is no file tt.npy"),
        (
            "save('tt.npy', field[:3], 0)\nsave('tf.npy', forecast[:3], 0)",
            "^f.npy cannot be evaluated: tf.npy and tt.npy have 3 frames to fit sharpeners on",
        ),
        (
            "save('tt.npy', field[:20], 0)\nsave('tf.npy', forecast[:20, :8], 0)",
            "no sharpener can be fitted on tf.npy: the forecast has a grid of 8 x 12 cells",
        ),
        (
            "save('tt.npy', field[:20, :8], 0)\nsave('tf.npy', forecast[:20, :8], 0)",
            "the training truth has a grid of 8 x 12 cells and the truth 12 x 12",
        ),
        (
            "save('tt.npy', field[:20], 0)\nimport os\nos.symlink('tt.npy', 'tf.npy')",
            "tf.npy and the truth are the same file; write the forecast to another",
        ),
    ],
)
def test_training_files_can_be_wrong_in_many_ways(tmp_path: Path, write: str, reason: str) -> None:
    ran = _run(tmp_path, f"{TRAIN}{JUDGED}{write}\n", preset=BASELINE)
    assert isinstance(ran.end, TrialFailed)
    assert re.search(reason, ran.reason), ran.reason
    assert "\n" not in ran.reason


def test_no_sharpener_is_fitted_on_what_it_is_judged_on(tmp_path: Path) -> None:
    source = TRAIN + WITH_TIMES + JUDGED
    late = "save('tt.npy', field[2:22], 2)\nsave('tf.npy', forecast[2:22], 2)\n"
    ran = _run(tmp_path / "a", source + late, preset=BASELINE, **IN_NETCDF)
    assert ran.reason.startswith("tf.nc has 2 times of f.nc, and a sharpener is not fitted on what")
    ran = _run(tmp_path / "b", source + TRAINING, preset=BASELINE, **IN_NETCDF)
    assert isinstance(ran.end, TrialDone), ran.reason
    assert len(ran.reports[0].sharpened) == len(SHARPENERS)


def test_a_training_forecast_that_stood_there_before_is_not_taken_for_a_new_one(
    tmp_path: Path,
) -> None:
    (tmp_path / "project").mkdir()
    field = np.random.default_rng(0).normal(size=(20, 12, 12))
    np.save(tmp_path / "project" / "tf.npy", field)
    source = TRAIN + JUDGED + "save('tt.npy', field[:20], 0)\n"
    ran = _run(tmp_path, source, preset=BASELINE)
    assert "there is no file tf.npy" in ran.reason
    assert (tmp_path / "project" / "tf.npy").exists()


def test_reports_with_sharpened_metrics_are_plain_values(tmp_path: Path) -> None:
    (report,) = _run(tmp_path, sharpening="unsharp").reports
    values = report.sharpened["unsharp"]
    assert json.loads(values.model_dump_json())["overall"].keys() == report.metrics.keys()
