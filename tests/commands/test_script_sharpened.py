"""A sweep over a script that writes forecasts of training frames: judged with sharpeners."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from fieldsharp.model.registry import SHARPENERS
from fieldsharp.sweep.command_line import main

pytestmark = pytest.mark.outside

TRAIN = """
import argparse
import numpy as np
from scipy.ndimage import gaussian_filter

parser = argparse.ArgumentParser()
parser.add_argument("--gradient-weight", type=float)
weight = parser.parse_args().gradient_weight
r = np.random.default_rng(0)
field = 10 + np.stack([gaussian_filter(r.normal(size=(24, 24)), 1.5) for _ in range(150)]) * 20
smooth = np.stack([gaussian_filter(frame, 1.5 - weight) for frame in field])
for name, part in (("training_", slice(0, 120)), ("", slice(120, None))):
    np.save(name + "truth.npy", field[part])
    np.save(name + "forecast.npy", smooth[part])
"""
SWEEP = """
study: mine
trainer:
  command: [python, train.py]
  given: {gradient_weight: 0.2}
  forecast: forecast.npy
  truth: truth.npy
  training_forecast: training_forecast.npy
  training_truth: training_truth.npy
training: {epochs: 1}
objective: {targets: {gradient: 1.95, peak: 21.9}}
search:
  sampler: random
  space:
    gradient_weight: {low: 0.1, high: 0.3}
workers: {count: 1}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN, encoding="utf-8")
    (folder / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    return folder


def _started(
    project: Path, url: str, capsys: pytest.CaptureFixture[str], *more: str
) -> dict[str, Any]:
    path = str(project / "sweep.yaml")
    assert main(["start", path, "--storage", url, "--trials", "3", "--json", *more]) == 0
    status: dict[str, Any] = json.loads(capsys.readouterr().out)
    return status


def test_the_study_has_references_and_trials_their_best_sharpener(
    project: Path, storage_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = _started(project, storage_url, capsys)
    assert status["states"]["COMPLETE"] == 3
    assert [one["name"] for one in status["references"]] == list(SHARPENERS)
    assert status["references_note"] is None
    baseline, best = status["baseline"], status["best"]
    assert baseline["sharpening"]["name"] == "none"
    by_name = {one["name"]: one for one in status["references"]}
    assert by_name["inflate"]["gradient"] > 1.05 * baseline["gradient"]
    assert best["trial"] != 0
    assert best["sharpening"]["name"] in SHARPENERS
    assert best["score"] < best["sharpening"]["without"]["score"]
    assert math.isfinite(best["score"])


def test_one_sharpener_or_none_can_be_chosen(
    project: Path, storage_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    of_one = _started(project, storage_url, capsys, "--set", "sharpening.name=inflate")
    assert of_one["best"]["sharpening"]["name"] == "inflate"
    more = ("--set", "sharpening.name=none", "--study", "other")
    of_none = _started(project, storage_url, capsys, *more)
    assert of_none["best"]["sharpening"]["name"] == "none"
    assert len(of_none["references"]) == len(SHARPENERS), "of the baseline they are always there"


def test_without_the_files_there_are_no_references_and_it_says_which_to_name(
    project: Path, storage_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "\n".join(line for line in SWEEP.splitlines() if "  training_" not in line)
    (project / "sweep.yaml").write_text(text, encoding="utf-8")
    status = _started(project, storage_url, capsys)
    assert status["references"] == []
    note = status["references_note"]
    assert "trainer.training_forecast and trainer.training_truth" in note
    assert status["best"]["sharpening"]["name"] == "none"
    named = ["--set", "sharpening.name=inflate", "--study", "other", "--storage", storage_url]
    assert main(["start", str(project / "sweep.yaml"), *named]) == 2
    said = capsys.readouterr().err
    assert "sharpening.name is inflate, which is fitted on a forecast of training frames" in said
    assert said.count("\n") == 1


def test_check_says_what_sharpeners_are_fitted_on(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(project / "sweep.yaml"), "--json"]) == 0
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    detail = checks["what comes back"]["detail"]
    assert "sharpeners are fitted on training_forecast.npy beside training_truth.npy" in detail
