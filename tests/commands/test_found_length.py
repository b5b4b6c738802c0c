"""A sweep whose baseline finds how long is trained, from the command line, with real workers."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.configuration.safe_yaml import read_yaml

STORAGE = "sqlite:///x.db"
AUTO = [
    argument
    for setting in (
        "training.length=auto",
        "training.least_steps=9",
        "training.most_steps=36",
        "training.patience_steps=6",
        "training.learning_rate=3e-2",
        "search.presets=baseline",
    )
    for argument in ("--set", setting)
]
SCHEDULE_FREE = ["--set", "training.schedule=schedule_free"]


def _exported(number: int) -> Any:
    path = f"{number}.yaml"
    assert main(["export", "tiny", "--storage", STORAGE, "--trial", str(number), "-o", path]) == 0
    return read_yaml(Path(path))


def _repeated(number: int, capsys: pytest.CaptureFixture[str]) -> float:
    """Return the largest difference of a training of an export from its trial."""
    capsys.readouterr()
    assert main(["train", f"{number}.yaml", "-o", f"run-{number}", "--json"]) == 0
    return float(json.loads(capsys.readouterr().out)["largest_difference"])


@pytest.mark.outside
@pytest.mark.parametrize("schedule", ["schedule_free", "cosine"])
def test_an_export_has_the_length_that_was_found_and_repeats_its_trial(
    tiny_yaml: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    schedule: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    start = ["start", str(tiny_yaml), "--storage", STORAGE, "--trials", "2", "--workers", "2"]
    assert main([*start, *AUTO, "--set", f"training.schedule={schedule}"]) == 0
    for number in (0, 1):
        tree = _exported(number)
        training, exported = tree["training"], tree["exported"]
        assert training["length"] == "fixed"
        assert training["schedule"] == schedule
        assert exported["steps"] == 3 * training["epochs"]
        assert 9 <= exported["steps"] <= 36
        assert training["least_steps"] == 9
        assert training["most_steps"] is None
        assert _repeated(number, capsys) == 0.0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            ["training.least_steps=500", "training.most_steps=400"],
            "least_steps is 500 and most_steps 400, where every training ends; lower least_steps",
        ),
        (
            ["training.patience_steps=401", "training.most_steps=400"],
            "patience_steps is 401 and most_steps 400",
        ),
        (["search.rungs=[1]", "search.pruner=promotion"], "search.rungs is 1 and training.length"),
        (
            ["search.space.training.epochs={low: 1, high: 3}"],
            "search.space.training.epochs is searched and training.length is auto",
        ),
        (
            ["search.space.training.least_steps={low: 1, high: 3}"],
            "search.space.training.least_steps would give the trials of a study different lengths",
        ),
        (
            ["training.epoch_windows=1", "training.most_steps=200000"],
            "training.epoch_windows is 1, with which training.most_steps, 200000, are 200000",
        ),
        (["data.score_every=50"], "training.length is auto, and the validation part has 1 window"),
    ],
)
def test_what_cannot_be_found_is_refused_in_one_sentence_by_check_and_start(
    tiny_yaml: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [argument for setting in settings for argument in ("--set", setting)]
    plain = ["--set", "training.length=auto", *SCHEDULE_FREE, *given]
    for command in (["check"], ["start", "--storage", STORAGE]):
        assert main([command[0], str(tiny_yaml), *command[1:], *plain]) == 2
        error = capsys.readouterr().err
        assert sentence in error
        assert error.count("\n") == 1
    assert not Path("x.db").exists()


def test_a_file_with_both_lengths_is_refused_and_an_override_wins_over_the_file(
    tiny_yaml: Path,
    plume_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    from fieldsharp.sweep.configuration.config_file import load_config

    monkeypatch.chdir(tmp_path)
    text = tiny_yaml.read_text(encoding="utf-8").replace("plumes.nc", str(plume_file))
    both = Path("both.yaml")
    both.write_text(text.replace("epochs: 2", "epochs: 2, length: auto"), encoding="utf-8")
    assert main(["check", str(both)]) == 2
    expected = "training.epochs is 2 and training.length auto, which finds the epochs; leave one"
    assert expected in capsys.readouterr().err

    auto = Path("auto.yaml")
    auto.write_text(
        text.replace("epochs: 2", "length: auto, least_steps: 9, schedule: schedule_free"),
        encoding="utf-8",
    )
    assert load_config(auto).config.training.length == "auto"
    with caplog.at_level(logging.INFO):
        training = load_config(auto, ["training.epochs=5"]).config.training
    assert (training.length, training.epochs, training.least_steps) == ("fixed", 5, None)
    assert caplog.messages == ["training.epochs=5 replaces training.length auto of the file"]
    caplog.clear()
    with caplog.at_level(logging.INFO):
        training = load_config(tiny_yaml, ["training.length=auto"]).config.training
    assert (training.length, training.least_steps, training.most_steps) == ("auto", 250, 3000)
    assert caplog.messages == ["training.length=auto replaces training.epochs of the file"]


@pytest.mark.outside
def test_check_says_how_many_steps_are_likely_and_that_few_epochs_are_few(
    tiny_yaml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def length(*settings: str) -> str:
        given = [argument for setting in settings for argument in ("--set", setting)]
        main(["check", str(tiny_yaml), "--json", *given])
        checks = json.loads(capsys.readouterr().out)["checks"]
        return next(str(check["detail"]) for check in checks if check["name"] == "length")

    few = length()
    assert "training.epochs is 2, which are 6 steps on this file" in few
    assert length("training.epochs=200") == "200 epochs are 600 steps"
    found = length("training.length=auto", "training.schedule=schedule_free")
    assert "likely 63 to 1000 steps" in found
    assert "passes over the" in found
    one = ["training.length=auto", "training.batch_size=1000", "training.most_steps=24"]
    assert "likely 24 steps, which are 24 passes" in length(*one, *SCHEDULE_FREE[1:])
