"""What a training leaves behind, and how it is taken up again."""

import csv
import json
import os
import pickle  # noqa: TID251 - to make what must be refused
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from fieldsharp.core.errors import ConfigError
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.model.checkpoint import save_weights
from fieldsharp.sweep.results.run_folder import TrainedRun, load_run, make_run_folder
from fieldsharp.sweep.trials.evaluator import Evaluator


def _header(tensors: dict[str, Any]) -> bytes:
    text = json.dumps(tensors).encode()
    return struct.pack("<Q", len(text)) + text


def _tensor(shape: list[int], offsets: list[int]) -> dict[str, Any]:
    return {"dtype": "F32", "shape": shape, "data_offsets": offsets}


def test_a_loaded_run_forecasts_as_well_as_it_was_trained(
    run_folder: Path, trained: TrainedRun
) -> None:
    data = load_forecast_data(trained.run.data)
    again = Evaluator(data, data.validation).evaluate(trained.predictor).overall
    written = json.loads((run_folder / "metrics.json").read_text())
    assert again == pytest.approx(written, rel=1e-9)
    assert not trained.predictor.training
    assert trained.scaling == data.scaling


def test_the_history_has_a_line_for_every_epoch_and_ends_with_the_metrics(run_folder: Path) -> None:
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
        ("field.json", b"[]"),
        ("field.json", b"\xff"),
        ("field.json", b'{"coordinates": []}'),
        ("field.json", b"[" * 100_000),
        ("weights.safetensors", b""),
        ("weights.safetensors", b"\xff" * 8),  # a header longer than memory
        ("weights.safetensors", _header({"w": _tensor([2**40, 2**20], [0, 2**62])})),
        ("weights.safetensors", _header({"w": _tensor([2**62, 2**62], [0, 0])})),
        ("weights.safetensors", pickle.dumps({"w": [1.0]})),
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


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("shape", "history", 10**12),
        ("shape", "history", 3),
        ("shape", "horizon", 1000),
        ("shape", "height", 10**400),
        ("shape", "width", -1),
        ("shape", "channels", 0),
        ("shape", "channels", True),
        ("shape", "height", "12"),
        ("scaling", "low", "0"),
        ("scaling", "high", float("nan")),
        (None, "step_s", [1]),
        (None, "step_s", 10**400),
        (None, "coordinates", {"y": [10**400]}),
    ],
)
def test_absurd_facts_of_the_field_are_refused(
    run_folder: Path, tmp_path: Path, section: str | None, name: str, value: object
) -> None:
    copy = shutil.copytree(run_folder, tmp_path / "run")
    facts = json.loads((copy / "field.json").read_text())
    (facts[section] if section else facts)[name] = value
    (copy / "field.json").write_text(json.dumps(facts))
    with pytest.raises(ConfigError, match=r"cannot be loaded \(.+\); train it again") as caught:
        load_run(copy)
    assert len(str(caught.value)) < 600


def test_a_pipe_in_place_of_a_file_is_not_waited_for(run_folder: Path, tmp_path: Path) -> None:
    for name in ("weights.safetensors", "field.json", "config.yaml"):
        copy = shutil.copytree(run_folder, tmp_path / name)
        (copy / name).unlink()
        os.mkfifo(copy / name)
        with pytest.raises(ConfigError, match=f"is no finished run: {name} missing"):
            load_run(copy)


def test_a_folder_and_all_in_it_are_of_this_user_alone(run_folder: Path) -> None:
    assert run_folder.stat().st_mode & 0o777 == 0o700
    assert {
        path.name: path.stat().st_mode & 0o777 for path in run_folder.iterdir()
    } == dict.fromkeys(
        ("config.yaml", "weights.safetensors", "field.json", "history.csv", "metrics.json"), 0o600
    )


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o750)
    (folder / ".probe").write_text("mine")
    make_run_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o750
    assert (folder / ".probe").read_text() == "mine"


def test_the_metrics_are_written_last(run_folder: Path) -> None:
    times = {path.name: path.stat().st_mtime_ns for path in run_folder.iterdir()}
    assert max(times, key=lambda name: times[name]) == "metrics.json"


def test_a_link_that_leads_nowhere_is_refused_and_a_link_to_a_folder_is_followed(
    tmp_path: Path,
) -> None:
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    with pytest.raises(ConfigError, match=r"cannot write into .*nowhere"):
        make_run_folder(tmp_path / "nowhere")
    assert not (tmp_path / "missing").exists()
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    make_run_folder(tmp_path / "link")


def test_a_run_folder_may_be_a_link_and_no_link_in_it_is_written_through(tmp_path: Path) -> None:
    real, victim = tmp_path / "real", tmp_path / "victim"
    real.mkdir()
    real.chmod(0o777)
    victim.write_text("kept")
    (tmp_path / "run").symlink_to(real)
    make_run_folder(tmp_path / "run")
    assert real.stat().st_mode & 0o777 == 0o777
    for name in ("weights.safetensors", ".weights.safetensors.partial"):
        (real / name).symlink_to(victim)
    save_weights(torch.nn.Linear(2, 2), tmp_path / "run" / "weights.safetensors")
    assert victim.read_text() == "kept"
    written = real / "weights.safetensors"
    assert not written.is_symlink()
    assert written.stat().st_mode & 0o777 == 0o600


def test_a_run_folder_that_is_a_link_to_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="run is a link"):
        make_run_folder(tmp_path / "run")
