"""Choices of one kind, and those of which some were meant as another."""

from pathlib import Path

import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig
from tests.sweep.configuration.yaml_words import SCRIPT


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


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ("[se, true, dk]", "has true among text; where text is meant put it in quotes, as 'true'"),
        ("[0.5, false]", "has false among numbers; where text is meant put it in quotes, as 'f"),
        ("[500, 1_000]", "has the text '1_000' among numbers; write it as a plain decimal number"),
        ("[1, 010]", "has the text '010' among numbers"),
        ("[90, 1:30]", "has the text '1:30' among numbers"),
        ("[se, ~]", ".1 must be a single value, found null; where text is meant put it in quo"),
    ],
)
def test_choices_of_mixed_kinds_are_refused(choices: str, said: str, path: Path) -> None:
    path.write_text(SCRIPT)
    message = _refusal(path, f"search.space.country.choices={choices}")
    assert message.startswith("search.space.")
    assert said in message


@pytest.mark.parametrize(
    "choices",
    [
        "[true, false]",
        "[1, 2.5]",
        "[auto, 0.5]",
        "[se, 'true', dk]",
        "['500', '1_000']",
        "[010, a]",
    ],
)
def test_choices_of_one_kind_are_taken_and_words_beside_numbers(choices: str, path: Path) -> None:
    path.write_text(SCRIPT)
    found = _with(path, f"search.space.country.choices={choices}").search.space["script.country"]
    written = [word.strip(" '") for word in choices.strip("[]").split(",")]
    assert [str(one).lower() for one in found.model_dump()["choices"]] == written


def test_a_stored_study_with_mixed_choices_can_still_be_read() -> None:
    space = {"predictor.options.x": {"choices": ["se", False]}}
    tree = {"data": {"path": "a.nc"}, "search": {"space": space}}
    config = SweepConfig.model_validate(tree)
    found = config.search.space["predictor.options.x"].model_dump()["choices"]
    assert found == ("se", False)
