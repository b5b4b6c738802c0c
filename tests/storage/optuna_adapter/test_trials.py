"""Reads and writes of single trials, compared with what Optuna's public interface writes."""

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import TrialState

from fieldsharp.storage.database import open_database
from fieldsharp.storage.optuna_adapter.trials import (
    create_trial,
    last_read,
    open_trial,
    read_trial,
    set_step_score,
    set_trial_attribute,
    set_trial_attributes,
    set_trial_state,
    suggest,
)


@pytest.fixture
def study(database_url: str) -> Study:
    storage = open_database(database_url, "write")
    return optuna.create_study(study_name="s", storage=storage)


def test_many_attributes_are_those_that_single_calls_write(study: Study) -> None:
    values = {"a": 1, "b": [1.5, None], "c": {"d": "e"}, "ü": "\n"}
    one, many = study.ask(), study.ask()
    for name, value in values.items():
        one.set_user_attr(name, value)
    one.set_constraint("guard", -0.25)
    many.set_user_attr("a", "of before")
    many.set_user_attr("other", "stays")
    set_trial_attributes(study, many, values, {"constraints:guard": -0.25})
    single, at_once = study.get_trials()
    assert at_once.user_attrs == {**single.user_attrs, "other": "stays"}
    assert at_once.constraints == single.constraints == {"guard": -0.25}
    assert at_once.system_attrs == single.system_attrs


def test_a_finished_trial_takes_no_attributes(study: Study) -> None:
    trial = study.ask()
    study.tell(trial, 1.0)
    with pytest.raises(UpdateFinishedTrialError):
        set_trial_attributes(study, trial, {"late": 1}, {})
    assert "late" not in study.get_trials()[0].user_attrs


def test_a_new_trial_is_no_waiting_one(study: Study) -> None:
    study.enqueue_trial({"x": 0.5})
    trial = create_trial(study)
    assert trial.number == 1
    assert [t.state for t in study.trials] == [TrialState.WAITING, TrialState.RUNNING]


def test_a_trial_goes_back_to_the_queue_and_is_resumed(study: Study) -> None:
    trial = create_trial(study)
    value = suggest(trial, "x", FloatDistribution(0.0, 1.0))
    set_trial_attribute(study, trial, "paused", 3)
    set_trial_state(study, trial, TrialState.WAITING)
    stored = read_trial(study, 0)
    assert (stored.state, stored.user_attrs) == (TrialState.WAITING, {"paused": 3})
    set_trial_state(study, stored, TrialState.RUNNING)
    resumed = open_trial(study, stored)
    assert last_read(resumed).params == {"x": value}
    assert suggest(resumed, "x", FloatDistribution(0.0, 1.0)) == value


def test_a_score_takes_the_place_of_that_of_the_same_step(study: Study) -> None:
    trial = create_trial(study)
    set_step_score(study, trial, 0, 1.0)
    set_step_score(study, trial, 0, 0.5)
    assert read_trial(study, 0).intermediate_values == {0: 0.5}


def test_a_trial_that_the_study_does_not_have_is_a_key_error(study: Study) -> None:
    with pytest.raises(KeyError):
        read_trial(study, 3)
