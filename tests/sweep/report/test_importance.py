"""Importance is told of what decides, and not told where it cannot be."""

import math
import random

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.study import Study
from optuna.trial import create_trial

from fieldsharp.sweep.report.importance import importance
from fieldsharp.sweep.study.trial_records import PRESET, SCORE

SPACE: dict[str, BaseDistribution] = {
    "decides": FloatDistribution(0.0, 1.0),
    "idle": FloatDistribution(0.0, 1.0),
    "kind": CategoricalDistribution(["a", "b"]),
    "fixed": FloatDistribution(0.0, 1.0),
}


def _study(count: int, broken_below: float = -1.0) -> Study:
    """A study whose score is the value of ``decides``; trials below a value of it break a guard."""
    numbers = random.Random(3)
    study = optuna.create_study()
    for _ in range(count):
        value = numbers.random()
        study.add_trial(
            create_trial(
                value=value,
                params={
                    "decides": value,
                    "idle": numbers.random(),
                    "kind": numbers.choice(["a", "b"]) if value > 0.2 else "b",
                    "fixed": 0.5,
                },
                distributions=SPACE,
                user_attrs={SCORE: value},
                system_attrs={"constraints:spike": 1.0 if value < broken_below else -1.0},
            )
        )
    return study


def test_what_decides_comes_first_and_shares_add_up() -> None:
    study = _study(80)
    found = importance(study, study.get_trials())

    assert next(iter(found.shares)) == "decides"
    assert found.shares["decides"] > 2 * found.shares["idle"]
    assert math.isclose(sum(found.shares.values()), 1.0)
    assert found.constants == ["fixed"]
    assert (found.trials, found.best) == (80, 8)
    assert found.common["kind"].value == "b"
    assert found.common["kind"].in_best == 8


def test_a_trial_that_breaks_a_guard_is_none_of_the_best() -> None:
    study = _study(60, broken_below=0.5)
    found = importance(study, study.get_trials())
    # The six best within the guards lie just above 0.5, where "b" is as usual as "a".
    assert found.common["kind"].in_best < 6


@pytest.mark.parametrize("count", [0, 1, 9])
def test_of_few_trials_it_is_not_told(count: int) -> None:
    study = _study(count)
    found = importance(study, study.get_trials())

    assert found.shares == {}
    assert f"there are {count}" in found.why_not


def test_the_baseline_is_left_out_since_it_did_not_train_what_is_recorded() -> None:
    study = _study(30)
    study.add_trial(
        create_trial(
            value=0.0,
            params={"decides": 1.0, "idle": 0.0, "kind": "a", "fixed": 0.1},
            distributions=SPACE,
            user_attrs={SCORE: 0.0, PRESET: "baseline"},
        )
    )
    found = importance(study, study.get_trials())

    assert found.trials == 30
    assert "fixed" in found.constants
