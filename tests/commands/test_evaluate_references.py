"""References of two files: the baseline under sharpeners fitted on a pair of training files."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fieldsharp.model.registry import SHARPENERS
from fieldsharp.sweep.command_line import main
from tests.fields.forecast_files import Array, random_field, write

HOUR = np.timedelta64(1, "h")
TRAINING_TIMES = np.datetime64("2019-12-01", "ns") + np.arange(30) * HOUR
TIMES = np.datetime64("2020-01-01", "ns") + np.arange(8) * HOUR


def _smoothed(truth: Array, seed: int) -> Array:
    """Return the mean of what may happen, half of whose variance it foretells."""
    error = 2.5 * np.random.default_rng(seed).standard_normal(truth.shape)
    return 280.0 + 0.5 * (truth - 280.0) + error


@dataclass
class Files:
    """A training pair and a pair to evaluate, with gaps that differ from frame to frame."""

    folder: Path
    training_truth: Array
    training_pred: Array
    truth: Array
    pred: Array

    @classmethod
    def written(cls, folder: Path) -> "Files":
        training_truth, truth = random_field(0, frames=30), random_field(1, frames=8)
        training_pred, pred = _smoothed(training_truth, 2), _smoothed(truth, 3)
        training_truth[7, 6, 1] = np.nan  # known in the other training frames
        pred[2, 1, 7] = np.nan
        truth[3, 6, 5:] = np.nan
        files = cls(folder, training_truth, training_pred, truth, pred)
        files.write()
        return files

    def write(self) -> None:
        """Write all of them anew."""
        write(self.folder / "train-truth.nc", self.training_truth, TRAINING_TIMES)
        write(self.folder / "train.nc", self.training_pred, TRAINING_TIMES)
        write(self.folder / "truth.nc", self.truth, TIMES)
        write(self.folder / "pred.nc", self.pred, TIMES)

    def arguments(self, training: str = "train.nc", truth: str = "train-truth.nc") -> list[str]:
        """Return the words of the command."""
        names = ("pred.nc", "truth.nc", "--sharpen-with", training, truth)
        return ["evaluate", *(n if n.startswith("--") else str(self.folder / n) for n in names)]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files.written(tmp_path)


def _json(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def _references(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in found["references"]}


def _inflated(files: Files) -> Array:
    """Return the forecast with its anomalies times the factor, from the definition."""
    count = np.isfinite(files.training_truth).sum(axis=0)  # of no frame at sea
    climatology = np.nansum(files.training_truth, axis=0) / np.where(count, count, np.nan)
    known = np.isfinite(files.training_truth + files.training_pred).all(axis=0)
    observed = (files.training_truth - climatology)[:, known]
    predicted = (files.training_pred - climatology)[:, known]
    factor = math.sqrt((observed**2).mean() / (predicted**2).mean())
    inflated: Array = climatology + factor * (files.pred - climatology)
    return inflated


def _gradient(frame: Array) -> float:
    """Return the mean length of Sobel's gradient over 8; NaN beside a missing cell."""
    across, down = frame[:, 2:] - frame[:, :-2], frame[2:, :] - frame[:-2, :]
    gx = (across[:-2] + 2 * across[1:-1] + across[2:]) / 8
    gy = (down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]) / 8
    # The middle cell itself must be known too.
    return float(np.nanmean(np.hypot(gx, gy) + 0.0 * frame[1:-1, 1:-1]))


def _distance(value: float, observed: float) -> float:
    return max(0.0, math.log(0.95 * observed / value), math.log(value / (1.05 * observed)))


def _measured(pred: Array, truth: Array) -> dict[str, float]:
    known = np.isfinite(pred + truth)
    pred, truth = np.where(known, pred, np.nan), np.where(known, truth, np.nan)
    return {
        "gradient": float(np.mean([_gradient(frame) for frame in pred])),
        "peak": float(np.nanmax(pred, axis=(1, 2)).mean()),
        "rmse": math.sqrt(float(np.nanmean((pred - truth) ** 2, axis=(1, 2)).mean())),
        "mean": float(np.nanmean(pred, axis=(1, 2)).mean()),
    }


def test_inflation_agrees_with_a_calculation_by_hand(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _json(capsys, files.arguments())
    assert [one["name"] for one in found["references"]] == list(SHARPENERS)
    keys = {"name", "score", "gradient", "peak", "rmse", "feasible", "guards"}
    assert all(set(one) >= keys for one in found["references"])
    assert found["references_note"] is None
    reference = _references(found)["inflate"]
    by_hand = _measured(_inflated(files), files.truth)
    for name in ("gradient", "peak", "rmse"):
        assert reference[name] == pytest.approx(by_hand[name], rel=1e-6), name
    plain = _measured(files.pred, files.truth)
    observed = _measured(np.where(np.isfinite(files.pred), files.truth, np.nan), files.truth)
    assert by_hand["rmse"] > plain["rmse"]
    above = observed["peak"] - observed["mean"]
    score = (
        _distance(by_hand["gradient"], observed["gradient"])
        + _distance(by_hand["peak"] - observed["mean"], above)
        + 0.25 * (by_hand["rmse"] / plain["rmse"] - 1.0)
    )
    assert reference["score"] == pytest.approx(score, rel=1e-5)
    assert reference["guards"]["rmse"]["limit"] == pytest.approx(1.25 * plain["rmse"])
    assert reference["feasible"] == all(g["ok"] for g in reference["guards"].values())
    assert found["rmse"] == pytest.approx(plain["rmse"]), "the forecast stays as it is"


def test_a_value_where_the_other_file_has_none_changes_no_reference(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _json(capsys, files.arguments())
    files.training_pred[7, 6, 1] = 1e6
    files.training_pred[:, 0, 0] = -1e6
    files.training_truth[:, 0, 1] = 1e5
    files.pred[3, 6, 5:] = 1e6
    files.truth[2, 1, 7] = 1e5
    files.write()
    after = _json(capsys, files.arguments())
    for name, one in _references(after).items():
        for key in ("gradient", "peak", "rmse"):
            assert one[key] == pytest.approx(_references(before)[name][key], rel=1e-9), (name, key)


def test_with_a_baseline_it_is_the_baseline_that_is_sharpened(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    of_forecast = _json(capsys, files.arguments())
    sharper = files.folder / "sharper.nc"
    write(sharper, np.where(np.isfinite(files.pred), files.truth + 0.1, np.nan), TIMES)
    _, baseline, *others = files.arguments()
    found = _json(capsys, ["evaluate", str(sharper), *others, "--baseline", baseline])
    assert found["references"] == of_forecast["references"]
    assert found["rmse"] == pytest.approx(0.1, rel=1e-4)
    assert main(["evaluate", str(sharper), *others, "--baseline", baseline]) == 0
    assert "references: the baseline under a sharpener" in capsys.readouterr().out


def test_without_training_files_there_are_none_and_it_says_so(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _json(capsys, files.arguments()[:3])
    assert found["references"] == []
    assert "give them with --sharpen-with" in found["references_note"]
    assert main(files.arguments()[:3]) == 0
    assert "references" not in capsys.readouterr().out


def test_the_table_has_a_line_for_each(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    found = _references(_json(capsys, files.arguments()))
    assert main(files.arguments()) == 0
    shown = capsys.readouterr().out.partition("references: the forecast under a sharpener")[2]
    lines = {line.split()[0]: line for line in shown.splitlines() if line}
    assert list(lines) == ["sharpener", *SHARPENERS]
    for name, one in found.items():
        assert f"{one['score']:.4g}" in lines[name]
        broken = [guard for guard, outcome in one["guards"].items() if not outcome["ok"]]
        assert lines[name].rstrip().endswith(", ".join(broken) or "none")


def test_one_truth_file_may_have_both_parts_and_its_evaluated_frames_are_no_climatology(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _references(_json(capsys, files.arguments()))
    times = np.concatenate([TRAINING_TIMES, TIMES])
    whole = np.concatenate([files.training_truth, files.truth])
    write(files.folder / "truth.nc", whole, times)
    after = _json(capsys, files.arguments(truth="truth.nc"))
    assert after["frames"] == 8
    assert after["references_note"] is None
    for name, one in _references(after).items():
        assert one["rmse"] == pytest.approx(before[name]["rmse"], rel=1e-9), name


def test_a_fit_on_frames_that_are_evaluated_is_told(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _json(capsys, files.arguments("pred.nc", "truth.nc"))
    assert found["frames_fitted_on"] == 8
    assert "8 of the 8 frames are among those that sharpeners were" in found["references_note"]
    assert len(found["references"]) == len(SHARPENERS)


def test_what_cannot_be_fitted_is_left_out_with_its_reason(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    files.training_pred[:] = np.where(np.isfinite(files.training_pred), 281.0, np.nan)
    files.write()
    found = _json(capsys, files.arguments())
    assert set(_references(found)) == {"calibrate", "inflate", "spectral"}
    note = found["references_note"]
    assert "the sharpener 'quantile' cannot be fitted: the forecasts of a lead are all" in note
    assert "the sharpener 'unsharp' cannot be fitted: the forecasts of a lead are flat" in note
    assert "sharpening.name" not in note
    assert main(files.arguments()) == 0
    assert "beware: the sharpener 'quantile' cannot be fitted" in capsys.readouterr().out


def test_training_files_in_other_units_give_the_same_references(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = _references(_json(capsys, files.arguments()))
    for name, values in (
        ("train.nc", files.training_pred),
        ("train-truth.nc", files.training_truth),
    ):
        write(files.folder / name, values - 273.15, TRAINING_TIMES, units="degC")
    found = _json(capsys, files.arguments())
    assert found["converted"] == [
        "the training truth was converted from degC to K",
        "to fit sharpeners, the forecast was converted from degC to K",
    ]
    for name, reference in _references(found).items():
        assert reference["rmse"] == pytest.approx(expected[name]["rmse"], rel=1e-6), name
    assert main(files.arguments()) == 0
    assert "the training truth was converted from degC to K" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("few", "have 3 frames to fit sharpeners on, and at least 4 are needed; give a forecast"),
        ("late", "no sharpener can be fitted on "),
        ("small", "the training truth has a grid of 7 x 8 cells and the truth 7 x 9; bring them"),
        ("shifted", "training truth and truth differ in their coordinate 'lat': it runs from 51"),
        (
            "humidity",
            "the training truth is in 'g kg-1' and the truth in 'K', and they are units of",
        ),
        ("sparse", "cells are known in all 30 frames of "),
        ("other cells", "has no training value in 2 of the 59 cells that are evaluated"),
        ("missing", "does not exist"),
    ],
)
def test_training_files_that_do_not_fit_are_one_sentence(
    files: Files, capsys: pytest.CaptureFixture[str], change: str, sentence: str
) -> None:
    pred, truth, folder = files.training_pred, files.training_truth, files.folder
    options: dict[str, Any] = {}
    times = TRAINING_TIMES
    match change:
        case "few":
            pred = pred[:3]
        case "late":
            times = TRAINING_TIMES + 365 * 24 * HOUR
        case "small":
            pred, truth = pred[:, :, :8], truth[:, :, :8]
        case "shifted":
            options = {"first_lat": 51.0}
        case "humidity":
            options = {"units": "g kg-1"}
        case "sparse":
            for frame in range(30):
                pred[frame, frame % 7, :4] = np.nan
                pred[frame, frame % 7, 5:] = np.nan
        case "other cells":
            truth[:, 6, :2] = np.nan
        case "missing":
            (folder / "train.nc").unlink()
    if change != "missing":
        write(folder / "train.nc", pred, times, **options)
        write(folder / "train-truth.nc", truth, TRAINING_TIMES, **options)
    assert main(files.arguments()) == 2
    said = capsys.readouterr().err
    assert sentence in said, said
    assert said.count("\n") == 1, said


def test_a_truth_without_any_gradient_gives_no_targets(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    files.truth[:] = np.where(np.isfinite(files.truth), 280.0, np.nan)
    files.write()
    assert main(files.arguments()) == 2
    said = capsys.readouterr().err
    assert "the truth has a mean gradient of 0 and a peak 0 above its mean" in said
    assert said.count("\n") == 1
