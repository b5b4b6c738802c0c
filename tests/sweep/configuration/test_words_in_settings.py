"""Words of YAML 1.1 and numbers in settings, in a file and in ``--set``."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.safe_yaml import parse_yaml
from fieldsharp.sweep.configuration.settings import SweepConfig
from tests.sweep.configuration.yaml_words import SCRIPT, WORDS_OF_1_1, same


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sweep.yaml"
    path.write_text("data: {path: a.nc}\n")
    return path


def _with(path: Path, override: str) -> SweepConfig:
    return load_config(path, [override]).config


def _refusal(path: Path, override: str) -> str:
    with pytest.raises(ConfigError) as caught:
        _with(path, override)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("word", [word for word in WORDS_OF_1_1 if word != "<<"])
def test_names_and_labels_are_as_typed_in_an_override_and_in_a_file(word: str, path: Path) -> None:
    for setting in ("study", "data.variable", "data.select.member", "predictor.options.x"):
        config = _with(path, f"{setting}={word}")
        section, _, rest = setting.partition(".")
        found = config.model_dump()[section]
        for part in rest.split(".") if rest else ():
            found = found[part]
        assert found == word, setting
    assert _with(path, f"data.select={{{word}: {word}}}").data.select == {word: word}
    path.write_text(f"study: {word}\ndata: {{path: a.nc, variable: {word}, select: {{m: {word}}}}}")
    config = load_config(path).config
    assert (config.study, config.data.variable) == (word, word)
    assert config.data.select == {"m": word}


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("850", 850),
        ("-5", -5),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("6 hours", "6 hours"),
        ("'850'", "850"),
        ("'no'", "no"),
        ("500 hPa", "500 hPa"),
    ],
)
def test_a_selected_value_is_a_number_or_text(typed: str, value: Any, path: Path) -> None:
    assert same(_with(path, f"data.select.level={typed}").data.select["level"], value)


def test_words_reach_a_script_as_they_are_written(path: Path) -> None:
    path.write_text(SCRIPT)
    config = load_config(path).config
    assert config.trainer is not None
    assert config.trainer.given["country"] == "no"
    assert config.trainer.baseline["country"] == "off"
    searched = config.search.space["script.country"].model_dump()
    assert searched == {"choices": ("se", "no", "dk", "010", "1:30")}


@pytest.mark.parametrize(
    ("override", "said", "mended"),
    [
        ("training.epochs=010", "training.epochs must be a number, found '010'", "10"),
        ("training.epochs=1_000", "training.epochs must be a number, found '1_000'", "1000"),
        ("objective.targets.peak=1_000.5", "objective.targets.peak must be a number", "1000.5"),
        ("training.learning_rate='007'", "training.learning_rate must be a number", None),
        ("training.epochs=1:30", "training.epochs must be a valid integer", None),
        ("training.epochs=true", "training.epochs must be a number, found true", None),
        ("budget.timeout=1:30", "must be a duration such as 90s", None),
        (
            "budget.stop_on_success=yes",
            "budget.stop_on_success must be true or false, found 'yes'",
            "true",
        ),
        ("budget.stop_on_success=Off", "must be true or false, found 'Off'", "false"),
        ("budget.stop_on_success='true'", "must be true or false, found 'true'", "true"),
        ("budget.stop_on_success=maybe", "must be true or false, found 'maybe' (in", None),
        ("search.space.learning_rate={low: 0.1, high: 1, log: on}", "log must be true or", None),
        ("search.space.learning_rate={low: 01, high: 2}", "low must be a number, found '01'", None),
    ],
)
def test_text_where_a_number_or_a_boolean_is_wanted_is_refused_with_what_to_write(
    override: str, said: str, mended: str | None, path: Path
) -> None:
    message = _refusal(path, override)
    assert said in message
    if mended is not None:
        assert re.search(rf"; [^;]*write {re.escape(mended)}( without quotes)? \(in", message)
        _with(path, f"{override.partition('=')[0]}={mended}")


@pytest.mark.parametrize(
    ("setting", "typed", "text"),
    [
        ("study", "true", "true"),
        ("study", "2020", "2020"),
        ("data.variable", "FALSE", "false"),
        ("data.variable", "850", "850"),
        ("data.select.member", "true", "true"),
        ("data.select.member", "null", "null"),
    ],
)
def test_the_advice_for_text_works_when_it_is_typed(
    setting: str, typed: str, text: str, path: Path
) -> None:
    message = _refusal(path, f"{setting}={typed}")
    assert message.startswith(f"{setting} must be ")
    in_a_shell = re.search(r"in a shell (\S+)", message)
    in_a_file = re.search(r"put it in quotes, as (\S+),", message)
    assert in_a_shell is not None
    assert in_a_file is not None
    (word,) = shlex.split(f"{setting}={in_a_shell[1]}")
    _with(path, word)
    assert parse_yaml(in_a_file[1], "it") == text
