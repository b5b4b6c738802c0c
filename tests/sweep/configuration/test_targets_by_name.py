"""Targets by the name of a variable: read, stored, refused, and as messages advise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig

BOTH = "data: {path: field.nc, predict: [t2m, u10]}"
SCRIPT = """
data: {path: field.nc, predict: [t2m, u10]}
trainer:
  command: [python, train.py]
  given: {weight: 0.0}
  baseline: {weight: 0.0}
  metrics: metrics.json
search: {space: {weight: {low: 0.1, high: 1.0}}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "sweep.yaml"
    file.write_text(BOTH)
    return file


def targets_of(path: Path, *overrides: str) -> object:
    return load_config(path, overrides).config.objective.targets.model_dump()


def test_a_target_of_a_level_is_set_as_warnings_name_it(path: Path) -> None:
    path.write_text("data: {path: a.nc, predict: [u10, t@level=0.5, g/q@lev=2]}")
    found = targets_of(
        path,
        "objective.targets.t@level=0.5.gradient=0.4",
        "objective.targets.g/q@lev=2.peak=auto",
        "objective.targets.u10.peak=7",
    )
    assert found == {
        "gradient": "auto",
        "peak": "auto",
        "t@level=0.5": {"gradient": 0.4, "peak": "auto"},
        "g/q@lev=2": {"gradient": "auto", "peak": "auto"},
        "u10": {"gradient": "auto", "peak": 7.0},
    }


def test_a_target_is_set_by_name_in_a_file_and_on_the_command_line(path: Path) -> None:
    path.write_text(f"{BOTH}\nobjective: {{targets: {{u10: {{peak: 12}}}}}}")

    found = targets_of(path, "objective.targets.t2m.gradient=3.0")

    assert found == {
        "gradient": "auto",
        "peak": "auto",
        "t2m": {"gradient": 3.0, "peak": "auto"},
        "u10": {"gradient": "auto", "peak": 12.0},
    }


def test_stored_settings_are_read_as_the_same(path: Path) -> None:
    config = load_config(path, ["objective.targets.t2m.gradient=3.0"]).config

    assert SweepConfig.model_validate(yaml.safe_load(config.model_dump_json())) == config


def test_without_names_targets_are_stored_as_before_there_were_names(path: Path) -> None:
    assert targets_of(path) == {"gradient": "auto", "peak": "auto"}


def test_a_single_variable_may_be_named(path: Path) -> None:
    one = "data.predict=t2m"

    assert targets_of(path, one, "objective.targets.peak=300")
    assert targets_of(path, one, "objective.targets.t2m.peak=300")


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("objective.targets.t2n.gradient=3", "unknown variable 't2n': did you mean 't2m'?"),
        (
            "objective.targets.gradient=3",
            "objective.targets.gradient is 3, and 2 variables are predicted, each in its own units",
        ),
        (
            "objective.targets.t2m.gradeint=3",
            "unknown setting objective.targets.t2m.gradeint: did you mean "
            "objective.targets.t2m.gradient?",
        ),
        (
            "objective.targets.t2m.gradient=steep",
            "objective.targets.t2m.gradient: must be auto or a number, found 'steep'",
        ),
        ("objective.targets.t2m=3", "unknown setting objective.targets.t2m: choose one of"),
    ],
)
def test_a_wrong_target_is_refused_in_one_sentence(
    path: Path, override: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence)) as error:
        load_config(path, [override])

    assert "by_name" not in str(error.value)


def test_what_a_refused_number_advises_is_accepted(path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(path, ["objective.targets.gradient=3"])

    advised = re.search(r"give (\S+) and so on", str(error.value))
    assert advised is not None
    assert targets_of(path, f"{advised[1]}=3")


def test_a_number_beside_names_is_refused(path: Path) -> None:
    overrides = ["data.predict=t2m", "objective.targets.peak=3", "objective.targets.t2m.peak=3"]

    with pytest.raises(ConfigError, match=r"give objective\.targets\.t2m\.peak in its place"):
        load_config(path, overrides)


def test_a_script_is_judged_by_one_variable(path: Path) -> None:
    path.write_text(SCRIPT)

    with pytest.raises(ConfigError, match=r"data\.predict names 2 variables, and a script"):
        load_config(path)
    with pytest.raises(ConfigError, match=r"a script is judged by one variable"):
        load_config(path, ["data.predict=t2m", "objective.targets.t2m.peak=3"])
