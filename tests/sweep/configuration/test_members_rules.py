"""A sweep whose members are judged together has members, and is told so in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.config_file import validate
from fieldsharp.sweep.configuration.settings import SweepConfig

MEMBERS = {"objective": {"mode": "members"}}


def _config(plume_file: Path, **changes: Any) -> SweepConfig:
    tree: dict[str, Any] = {
        "study": "tiny",
        "data": {"path": str(plume_file)},
        "predictor": {"name": "ensemble"},
        **MEMBERS,
        **changes,
    }
    return validate(tree, "the test")


def test_an_ensemble_is_judged_by_eight_members_and_two_events(plume_file: Path) -> None:
    judged = _config(plume_file).objective.members_judged
    assert judged is not None
    assert (judged.count, judged.thresholds) == (8, (0.9, 0.99))
    assert _config(plume_file, objective={"mode": "score"}).objective.members_judged is None


@pytest.mark.parametrize(
    "changes",
    [
        {"predictor": {"name": "unet"}},
        {"search": {"space": {"predictor.name": {"choices": ["ensemble", "unet"]}}}},
    ],
)
def test_a_predictor_that_draws_none_is_refused(plume_file: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refusal:
        _config(plume_file, **changes)
    assert (
        "objective.mode is members, and predictor.name unet draws none; set predictor.name to "
        "ensemble and predictor.options.member to unet, or objective.mode to score"
    ) in str(refusal.value)


def test_a_script_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.py").touch()
    tree = {
        "trainer": {
            "command": ["python", "train.py"],
            "project": str(tmp_path),
            "given": {"gradient_weight": 0.05},
            "forecast": "f.nc",
            "truth": "t.nc",
        },
        "search": {"space": {"gradient_weight": {"low": 0.01, "high": 1.0}}},
        "objective": {"mode": "members"},
    }
    with pytest.raises(ConfigError) as refusal:
        validate(tree, "the test")
    assert (
        "objective.mode is members, and a script of trainer hands over one forecast; set "
        "objective.mode to score, or leave trainer out"
    ) in str(refusal.value)


@pytest.mark.parametrize(
    ("setting", "value"), [("members", 1), ("crps_weight", -0.1), ("thresholds", [1.0])]
)
def test_numbers_that_make_no_sense_are_refused(
    plume_file: Path, setting: str, value: object
) -> None:
    with pytest.raises(ConfigError, match=rf"objective\.{setting}"):
        _config(plume_file, objective={"mode": "members", setting: value})
