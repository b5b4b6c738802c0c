"""What a training leaves behind, and how it is taken up again."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml

from fields.errors import ConfigError
from fields.windows import load_forecast_data
from sweep.results.run_folder import TrainedRun, load_run, make_run_folder
from sweep.running.judging import Judge


def test_a_loaded_run_forecasts_as_well_as_it_was_trained(
    run_folder: Path, trained: TrainedRun
) -> None:
    data = load_forecast_data(trained.run.data)
    again = Judge(data, data.validation).judge(trained.predictor).overall
    written = json.loads((run_folder / "metrics.json").read_text())
    assert again == pytest.approx(written, rel=1e-9)
    assert not trained.predictor.training
    assert trained.scaling == data.scaling


def test_the_history_has_a_line_for_every_epoch_and_ends_with_the_metrics(
    run_folder: Path,
) -> None:
    with (run_folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    metrics = json.loads((run_folder / "metrics.json").read_text())
    assert {name: float(rows[-1][name]) for name in metrics} == metrics
    assert all(float(row["loss"]) > 0 for row in rows)


def test_the_configuration_in_the_folder_tells_where_it_comes_from(run_folder: Path) -> None:
    tree = yaml.safe_load((run_folder / "config.yaml").read_text())
    assert tree["metrics"] == json.loads((run_folder / "metrics.json").read_text())
    assert len(tree["exported"]["data_sha256"]) == 64
    assert tree["exported"]["device"] == "cpu"
    assert tree["data"]["stride"] == 2


def test_a_folder_with_a_training_is_not_overwritten(run_folder: Path) -> None:
    with pytest.raises(ConfigError, match="holds a training already; choose another folder"):
        make_run_folder(run_folder)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot write into .*; choose another folder with -o"):
        make_run_folder(tmp_path / "file" / "run")


def test_making_a_folder_leaves_it_empty(tmp_path: Path) -> None:
    make_run_folder(tmp_path / "a" / "run")
    assert list((tmp_path / "a" / "run").iterdir()) == []


def test_an_unfinished_run_is_refused_with_what_is_missing(
    run_folder: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(run_folder, tmp_path / "run")
    (copy / "metrics.json").unlink()
    (copy / "weights.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"weights\.safetensors, metrics\.json missing; make one"):
        load_run(copy)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("weights.safetensors", b"not weights at all"),
        ("field.json", b"{"),
        ("field.json", b"{}"),
        ("field.json", b'{"scaling": {"low": 1}, "shape": {}}'),
    ],
)
def test_a_damaged_run_is_refused(
    run_folder: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    copy = shutil.copytree(run_folder, tmp_path / "run")
    (copy / name).write_bytes(content)
    with pytest.raises(ConfigError, match=r"cannot be loaded \(.+\); train it again"):
        load_run(copy)


def test_weights_of_another_width_are_refused(run_folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run_folder, tmp_path / "run")
    text = (copy / "config.yaml").read_text()
    (copy / "config.yaml").write_text(text.replace("width: 4", "width: 8", 1))
    with pytest.raises(ConfigError, match=r"cannot be loaded \(RuntimeError: .*; train it again"):
        load_run(copy)


def test_loading_draws_no_weights_of_chance(run_folder: Path) -> None:
    first, second = load_run(run_folder).predictor, load_run(run_folder).predictor
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)
