"""Settings of a script that writes a forecast of training frames, each mistake in one sentence."""

from pathlib import Path
from typing import Any

import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.config_file import validate
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.script.preflight import require_script

FORECAST = {"forecast": "f.nc", "truth": "t.nc"}
TRAINING = {"training_forecast": "tf.nc", "training_truth": "tt.nc"}


def _config(
    project: Path, trainer: dict[str, Any], sharpening: str | None = None, **search: str
) -> SweepConfig:
    tree: dict[str, Any] = {
        "trainer": {
            "command": ["python", "train.py"],
            "project": str(project),
            "given": {"gradient_weight": 0.05},
            **trainer,
        },
        "objective": {"targets": {"gradient": 3.0, "peak": 140.0}},
        "search": {"space": {"gradient_weight": {"low": 0.01, "high": 1.0}}, **search},
        **({"sharpening": {"name": sharpening}} if sharpening else {}),
    }
    return validate(tree, "the test")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "train.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("trainer", "sentence"),
    [
        (
            {**FORECAST, "training_forecast": "tf.nc"},
            "trainer.training_forecast is set and trainer.training_truth is not, and sharpeners "
            "are fitted on both; name both files",
        ),
        (
            {**FORECAST, "training_truth": "tt.nc"},
            "trainer.training_truth is set and trainer.training_forecast is not",
        ),
        (
            {**TRAINING, "metrics": "m.json"},
            "trainer.training_forecast is set and trainer.forecast is not, and sharpeners change a "
            "forecast in a file, no numbers",
        ),
        ({**FORECAST, **TRAINING, "training_truth": " "}, "training_truth: must name a file"),
    ],
)
def test_files_of_training_frames_are_named_together_and_with_a_forecast(
    project: Path, trainer: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        _config(project, trainer)
    assert sentence in str(raised.value)


def test_a_sharpener_needs_files_of_training_frames_and_auto_and_none_do_not(project: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        _config(project, FORECAST, "inflate")
    assert (
        "sharpening.name is inflate, which is fitted on a forecast of training frames, and the "
        "script names none; set trainer.training_forecast and trainer.training_truth, or "
        "sharpening.name to none"
    ) in str(raised.value)
    for name in ("auto", "none"):
        assert _config(project, FORECAST, name).sharpening.name == name
    assert _config(project, {**FORECAST, **TRAINING}, "inflate").sharpening.name == "inflate"


@pytest.mark.parametrize(
    ("trainer", "sentence"),
    [
        (
            {"training_forecast": "../tf.nc"},
            "trainer.training_forecast is '../tf.nc', outside the folder of a trial; have the",
        ),
        ({"training_forecast": "."}, "is '.', which is not the name of a file; give one"),
        (
            {"training_forecast": "data/tf.nc", "links": ["data"]},
            "trainer.training_forecast is 'data/tf.nc', in 'data', which trainer.links shares",
        ),
        (
            {"training_forecast": "tt.nc"},
            "trainer.training_forecast and trainer.training_truth are both 'tt.nc', so that every",
        ),
        (
            {"training_forecast": "./f.nc"},
            "trainer.forecast and trainer.training_forecast are both './f.nc', and each is a",
        ),
    ],
)
def test_a_forecast_of_training_frames_is_written_where_a_forecast_may_be(
    project: Path, trainer: dict[str, Any], sentence: str
) -> None:
    (project / "data").mkdir()
    require_script(_config(project, {**FORECAST, **TRAINING}))
    with pytest.raises(ConfigError) as raised:
        require_script(_config(project, {**FORECAST, **TRAINING, **trainer}))
    assert sentence in str(raised.value)


def test_a_script_cannot_have_its_length_found(project: Path) -> None:
    tree = _config(project, FORECAST).model_dump()
    tree["training"] = {"length": "auto"}
    with pytest.raises(ConfigError) as refusal:
        validate(tree, "the test")
    assert str(refusal.value) == (
        "training.length is auto, and a script of trainer trains for as long as it likes; set "
        "training.epochs to the epochs it trains (in the test)"
    )


@pytest.mark.parametrize(
    ("objective", "trainer", "sentence"),
    [
        (
            {"per": "km"},
            FORECAST,
            "objective.per is km, and the gradients of a script are per cell",
        ),
        (
            {"area_weights": "auto"},
            {"metrics": "metrics.json"},
            "objective.area_weights is auto, which has no effect on numbers that a script tells",
        ),
    ],
)
def test_measures_of_the_grid_that_have_no_effect_on_a_script_are_refused(
    project: Path, objective: dict[str, Any], trainer: dict[str, Any], sentence: str
) -> None:
    tree: dict[str, Any] = {
        "trainer": {"command": ["python", "train.py"], "project": str(project), **trainer},
        "objective": {"targets": {"gradient": 3.0, "peak": 140.0}, **objective},
        "search": {"space": {"gradient_weight": {"low": 0.01, "high": 1.0}}},
    }
    tree["trainer"]["given"] = {"gradient_weight": 0.05}
    with pytest.raises(ConfigError, match=sentence):
        validate(tree, "the test")


def test_a_forecast_of_a_script_can_be_weighted_by_area(project: Path) -> None:
    tree: dict[str, Any] = {
        "trainer": {"command": ["python", "train.py"], "project": str(project), **FORECAST},
        "objective": {"targets": {"gradient": 3.0, "peak": 140.0}, "area_weights": "auto"},
        "search": {"space": {"gradient_weight": {"low": 0.01, "high": 1.0}}},
    }
    tree["trainer"]["given"] = {"gradient_weight": 0.05}
    assert validate(tree, "the test").objective.measures.area_weights == "auto"


def test_an_integer_of_a_command_is_the_word_that_is_written(project: Path) -> None:
    trainer = {**FORECAST, "command": ["python", "train.py", "--in_shape", 4, -1, "0.10", ""]}
    found = _config(project, trainer).trainer
    assert found is not None
    assert found.command == ("python", "train.py", "--in_shape", "4", "-1", "0.10", "")


@pytest.mark.parametrize(
    "pattern", [r"[^\n]* rmse (\S+)", r"rmse (\S+)(?:\n|$)", r"rmse (\S+)\n?", r"rmse\\n (\S+)"]
)
def test_a_pattern_that_may_match_within_a_line_is_taken(project: Path, pattern: str) -> None:
    assert _config(project, {**FORECAST, "patterns": {"rmse": pattern}}).trainer is not None


def test_leaders_of_a_script_get_no_further_seeds(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"search\.repeats is auto, and a script has seeds"):
        _config(project, FORECAST, repeats="auto")
    assert _config(project, FORECAST, repeats="none").search.repeats == "none"
