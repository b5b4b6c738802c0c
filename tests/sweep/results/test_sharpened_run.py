"""From a sweep with sharpeners to an export, a run folder and a forecast."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from fieldsharp.core.errors import ConfigError
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.results.export import export_tree, render, write
from fieldsharp.sweep.results.prediction import forecast
from fieldsharp.sweep.results.run_folder import load_run
from fieldsharp.sweep.results.train_run import TrainingOutcome, train_into
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.status.report import study_status
from fieldsharp.sweep.trials.evaluator import Evaluator


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, finished_url: str) -> Path:
    """The export of the complete trial of the finished study with a sharpener."""
    study = load_study(open_database(finished_url, "read"), "tiny")
    trials = study.get_trials(deepcopy=False)
    sharpened = next(
        t
        for t in trials
        if t.user_attrs["record"]["sharpening"]["name"] not in ("none", "calibrate")
    )
    path = tmp_path_factory.mktemp("exported") / "best.yaml"
    write(render(export_tree(study, sharpened), "yaml"), path)
    return path


@pytest.fixture(scope="module")
def outcome(exported: Path) -> tuple[TrainingOutcome, Path]:
    folder = exported.parent / "run"
    return train_into(load_config(exported), folder), folder


def test_a_study_has_a_reference_of_each_sharpener(finished_url: str) -> None:
    study = load_study(open_database(finished_url, "read"), "tiny")

    status = json.loads(json.dumps(study_status(study, finished_url).as_json()))

    names = [reference["name"] for reference in status["references"]]
    assert names == ["calibrate", "inflate", "quantile", "spectral", "unsharp"]
    assert status["references_note"] is None
    for reference in status["references"]:
        assert reference.keys() >= {
            "name", "score", "gradient", "peak", "rmse", "feasible", "guards",
        }  # fmt: skip
        learned = {"gradient_correlation", "fss_gradient_90", "csi_99", "potential_crps"}
        assert learned <= reference["metrics"].keys()
        holds = all(guard["ok"] for guard in reference["guards"].values())
        assert reference["feasible"] == holds
    assert status["baseline"]["sharpening"]["name"] == "none"
    without = status["best"]["sharpening"]["without"]
    assert without.keys() == {"score", "gradient", "peak", "rmse", "feasible"}


def test_an_export_names_the_sharpener_that_was_chosen(exported: Path) -> None:
    tree = yaml.safe_load(exported.read_text())

    assert tree["sharpening"] == {"name": tree["exported"]["sharpening"]["name"]}
    assert tree["sharpening"]["name"] not in ("auto", "none")
    assert tree["metrics"]["gradient"] != tree["exported"]["sharpening"]["without"]["gradient"]


def test_a_training_of_it_is_equal_to_the_bit(
    exported: Path, outcome: tuple[TrainingOutcome, Path]
) -> None:
    trained, folder = outcome
    tree = yaml.safe_load(exported.read_text())

    assert trained.largest_difference == 0.0
    assert trained.sharpening == tree["sharpening"]["name"]
    assert json.loads((folder / "metrics.json").read_text()) == tree["metrics"]
    assert yaml.safe_load((folder / "config.yaml").read_text())["sharpening"] == tree["sharpening"]
    description = json.loads((folder / "sharpener.json").read_text())
    assert description["name"] == tree["sharpening"]["name"]


def test_a_loaded_run_sharpens_as_it_was_evaluated(outcome: tuple[TrainingOutcome, Path]) -> None:
    trained, folder = outcome
    run = load_run(folder)
    assert run.sharpener is not None
    data = load_forecast_data(run.run.data)

    found = Evaluator(data, data.validation).evaluate_sharpened(
        run.predictor, {"again": run.sharpener}
    )

    assert found["again"].overall == pytest.approx(dict(trained.metrics), rel=1e-9)


def test_a_forecast_is_sharpened_lead_by_lead_unless_it_is_asked_for_as_it_is(
    outcome: tuple[TrainingOutcome, Path],
) -> None:
    run = load_run(outcome[1])
    assert run.sharpener is not None

    sharp, raw = forecast(run, 4), forecast(run, 4, sharpening="none")

    assert sharp.file_attrs["sharpening"] == run.sharpener.name
    assert raw.file_attrs["sharpening"] == "none"
    # The horizon is 2: beyond it a frame is sharpened as at the last lead.
    expected = run.sharpener(torch.from_numpy(raw.values_TCHW[None]).double(), [0, 1, 1, 1])[0]
    inside = raw.mask_HW
    np.testing.assert_allclose(
        sharp.values_TCHW[..., inside], expected.numpy()[..., inside], rtol=1e-5
    )
    assert not np.allclose(sharp.values_TCHW[..., inside], raw.values_TCHW[..., inside])


def test_a_sharpener_that_was_not_fitted_is_refused(outcome: tuple[TrainingOutcome, Path]) -> None:
    run = load_run(outcome[1])

    with pytest.raises(ConfigError, match=r"--sharpening is 'magic', which was not fitted on this"):
        forecast(run, 2, sharpening="magic")


def test_a_run_folder_without_its_sharpener_is_refused(
    outcome: tuple[TrainingOutcome, Path], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(outcome[1], tmp_path / "run"))
    (copy / "sharpener.safetensors").unlink()

    with pytest.raises(ConfigError, match=r"is no finished run: sharpener\.safetensors missing"):
        load_run(copy)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("sharpener.json", b"{"),
        ("sharpener.json", b'{"name": "magic"}'),
        ("sharpener.safetensors", b"not tensors"),
    ],
)
def test_a_damaged_sharpener_is_refused_in_a_sentence(
    outcome: tuple[TrainingOutcome, Path], tmp_path: Path, file: str, content: bytes
) -> None:
    copy = Path(shutil.copytree(outcome[1], tmp_path / "run"))
    (copy / file).write_bytes(content)

    with pytest.raises(ConfigError, match=r"cannot be loaded \(.*\); train it again"):
        load_run(copy)


def test_a_written_configuration_takes_the_best_and_names_it(
    tiny_yaml: Path, tmp_path: Path
) -> None:
    trained = train_into(load_config(tiny_yaml), tmp_path / "run")

    tree = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert tree["sharpening"]["name"] == trained.sharpening != "auto"


def test_a_training_without_a_sharpener_leaves_none(tiny_yaml: Path, tmp_path: Path) -> None:
    file = load_config(tiny_yaml, ["sharpening.name=none"])

    trained = train_into(file, tmp_path / "run")

    assert trained.sharpening == "none"
    assert not (tmp_path / "run" / "sharpener.json").exists()
    assert load_run(tmp_path / "run").sharpener is None
