"""Trials that another program queues, asks for, ends or adds while a sweep runs."""

import itertools
import logging
import math
import re
from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.study import Study
from optuna.trial import TrialState, create_trial

from fieldsharp.sweep.dashboard.views.csv_export import study_csv
from fieldsharp.sweep.dashboard.views.study_payload import StudyPayload
from fieldsharp.sweep.report.collect import collect_report
from fieldsharp.sweep.results.export import choose_trial, export_tree
from fieldsharp.sweep.study.status.report import study_status
from fieldsharp.sweep.study.status.watcher import StudyWatcher
from fieldsharp.sweep.study.trial_records import FAILURE
from tests.sweep.fake_sweep import FakeExecutor, MakeSweep, Sweep

NONSENSE: Mapping[str, tuple[dict[str, Any], str]] = {
    "a choice that is none": (
        {"loss_variant": "bogus"},
        "its loss_variant is 'bogus', none of the choices; queue it with one of sobel, laplacian",
    ),
    "a number as a choice": ({"multi_step": 1}, "its multi_step is 1, none of the choices"),
    "no choice": ({"multi_step": None}, "its multi_step is None, none of the choices"),
    "a list of choices": ({"multi_step": ["all"]}, r"its multi_step is \['all'\], none of the"),
    "a number above its range": (
        {"learning_rate": 5.0},
        "its learning_rate is 5.0, outside its range; queue it with a number from 0.0001 to 0.003",
    ),
    "zero on a logarithm": ({"learning_rate": 0}, "its learning_rate is 0, outside its range"),
    "a string for a number": (
        {"learning_rate": "1e-3"},
        "its learning_rate is '1e-3', not a number; queue it with a number from 0.0001 to 0.003",
    ),
    "true for a number": ({"learning_rate": True}, "its learning_rate is True, not a number"),
    "NaN": ({"learning_rate": float("nan")}, "its learning_rate is nan, not a number"),
    "infinity": ({"learning_rate": float("inf")}, "its learning_rate is inf, outside its range"),
    "an integer beyond any float": (
        {"learning_rate": 10**400},
        r"its learning_rate is 10+\.\.\., outside its range",
    ),
    "a fraction of a whole number": (
        {"predictor.width": 4.5},
        "its predictor.width is 4.5, not a whole number; queue it with a whole number from 4 to 8",
    ),
    "a misspelt name": (
        {"learning_rat": 1e-3},
        r"its parameter 'learning_rat' is not searched: did you mean 'learning_rate'\? queue it "
        "with names among gradient_weight, learning_rate, loss_variant,",
    ),
}


SEARCH = {
    "space": {
        "gradient_weight": {"low": 0.01, "high": 1.0, "log": True},
        "learning_rate": {"low": 1e-4, "high": 3e-3, "log": True},
        "loss_variant": {"choices": ["sobel", "laplacian"]},
        "multi_step": {"choices": ["last", "all"]},
        "predictor.width": {"low": 4, "high": 8},
    }
}


def _other_program(sweep: Sweep) -> Study:
    """Return the study as a program that knows Optuna alone opens it."""
    return optuna.load_study(study_name="tiny", storage=sweep.repository.url)


def _after_the_baseline(sweep: Sweep) -> Study:
    sweep.run(FakeExecutor())
    assert sweep.states == ["COMPLETE"]
    return _other_program(sweep)


@pytest.fixture
def make(make_sweep: MakeSweep) -> MakeSweep:
    return lambda trials, **sections: make_sweep(trials, **{"search": SEARCH, **sections})


def test_queued_trials_that_cannot_be_trained_fail_with_their_reasons_and_the_sweep_goes_on(
    make: MakeSweep, caplog: pytest.LogCaptureFixture
) -> None:
    study = _after_the_baseline(make(trials=1))
    for params, _ in NONSENSE.values():
        study.enqueue_trial(params)
    sweep, executor = make(trials=len(NONSENSE) + 2), FakeExecutor()
    with caplog.at_level(logging.WARNING):
        sweep.run(executor)
    # A failed trial is one of the budget.
    assert sweep.states == ["COMPLETE", *len(NONSENSE) * ["FAIL"], "COMPLETE"]
    assert [spec.number for spec in executor.submitted] == [len(NONSENSE) + 1]
    for trial, (what, (_, reason)) in zip(sweep.trials[1:], NONSENSE.items(), strict=False):
        failure = trial.user_attrs[FAILURE]
        assert re.match(reason, failure), f"{what}: {failure}"
        assert f"tiny trial {trial.number}: failed, {failure}" in caplog.text
    _assert_is_readable(sweep)


def test_a_queued_trial_trains_what_it_names_and_the_sampler_chooses_the_rest(
    make: MakeSweep,
) -> None:
    asked = {"loss_variant": "laplacian", "predictor.width": 8.0, "learning_rate": 1e-4}
    _after_the_baseline(make(trials=1)).enqueue_trial(asked)
    sweep, executor = make(trials=2), FakeExecutor()
    sweep.run(executor)
    run = executor.submitted[0].run
    assert (run.loss.variant, run.predictor.width) == ("laplacian", 8)
    assert run.training.learning_rate == 1e-4
    assert sweep.states == ["COMPLETE", "COMPLETE"]


def test_a_queue_of_nothing_but_nonsense_ends_with_the_budget(make: MakeSweep) -> None:
    study = _after_the_baseline(make(trials=1))
    for _ in range(9):
        study.enqueue_trial({"multi_step": "never"})
    sweep, executor = make(trials=4), FakeExecutor()
    executor.on_poll = lambda poll: pytest.fail("it does not end") if poll > 9 else None
    sweep.run(executor)
    assert sweep.states == ["COMPLETE", *3 * ["FAIL"], *6 * ["WAITING"]]


def test_a_trial_queued_once_the_budget_is_used_waits_for_more(make: MakeSweep) -> None:
    _after_the_baseline(make(trials=1)).enqueue_trial({"multi_step": "all"})
    sweep, executor = make(trials=1), FakeExecutor()
    sweep.run(executor)
    assert executor.submitted == []
    assert sweep.states == ["COMPLETE", "WAITING"]


ATTRIBUTES: Mapping[str, tuple[dict[str, Any], str]] = {
    "a preset that is none": ({"preset": ["x"]}, r"its attribute 'preset' is \['x'\], no preset"),
    "a preset that is there": ({"preset": "baseline"}, ".* and trial 0 is that preset already"),
    "a spec of another type": ({"spec": 7}, "another program wrote one of its attributes"),
    "a record": ({"record": {}}, "its attribute 'record' is one that a sweep writes"),
    "provenance": ({"provenance": "mine"}, "its attribute 'provenance' is one that a sweep writes"),
    "rungs of another type": ({"rungs": 3}, "another program wrote one of its attributes"),
    "rungs that are none": ({"rungs": [{}]}, "another program wrote one of its attributes"),
    "attempts": ({"lost attempts": "many"}, "another program wrote one of its attributes"),
    "parts of a batch": ({"micro batches": -1}, "its attribute 'micro batches' is -1"),
    "a pause": ({"paused after epoch": "one"}, "its attribute 'paused after epoch' is one that"),
    "another pause": ({"paused after epoch": 1}, "its attribute 'paused after epoch' is one that"),
}


def test_queued_trials_with_attributes_of_a_sweep_fail_with_their_reasons(make: MakeSweep) -> None:
    study = _after_the_baseline(make(trials=1))
    for attributes, _ in ATTRIBUTES.values():
        study.enqueue_trial({}, user_attrs=attributes)
    sweep = make(trials=len(ATTRIBUTES) + 2)
    sweep.run(FakeExecutor())
    assert sweep.states == ["COMPLETE", *len(ATTRIBUTES) * ["FAIL"], "COMPLETE"]
    for trial, (what, (_, reason)) in zip(sweep.trials[1:], ATTRIBUTES.items(), strict=False):
        assert re.match(reason, trial.user_attrs[FAILURE]), f"{what}: {trial.user_attrs[FAILURE]}"
    _assert_is_readable(sweep)


def test_a_copy_of_a_trial_with_all_its_attributes_is_refused(make: MakeSweep) -> None:
    study = _after_the_baseline(make(trials=1))
    copied = study.trials[0]
    attributes = {name: v for name, v in copied.user_attrs.items() if name != "preset"}
    study.enqueue_trial(copied.params, user_attrs=attributes)
    sweep = make(trials=2)
    sweep.run(FakeExecutor())
    assert sweep.states == ["COMPLETE", "FAIL"]
    assert "the spec of trial 1 is that of trial 0" in sweep.trials[1].user_attrs[FAILURE]


def test_a_waiting_trial_added_with_a_value_outside_its_range_is_refused(make: MakeSweep) -> None:
    rate = {"learning_rate": FloatDistribution(1e-6, 1.0, log=True)}
    _after_the_baseline(make(trials=1)).add_trial(
        create_trial(
            state=TrialState.WAITING, params={"learning_rate": 0.5}, distributions=dict(rate)
        )
    )
    sweep = make(trials=2)
    sweep.run(FakeExecutor())
    assert sweep.states == ["COMPLETE", "FAIL"]
    assert "its learning_rate is 0.5, outside" in sweep.trials[1].user_attrs[FAILURE]


def test_a_trial_that_another_program_asked_for_is_left_to_it(make: MakeSweep) -> None:
    study = _after_the_baseline(make(trials=1))
    asked = study.ask()
    sweep = make(trials=2)
    sweep.run(FakeExecutor())
    assert sweep.states == ["COMPLETE", "RUNNING", "COMPLETE"]
    study.tell(asked, 0.0)
    heir = make(trials=4)
    heir.run(FakeExecutor())
    assert heir.states == ["COMPLETE"] * 4
    _assert_is_readable(heir, left_out=[1])


def test_a_queued_trial_that_another_program_takes_and_ends_is_passed_over(make: MakeSweep) -> None:
    study = _after_the_baseline(make(trials=1))
    study.enqueue_trial({"multi_step": "all"})
    sweep, executor = make(trials=3), FakeExecutor()

    def take(poll: int) -> None:
        if poll == 1:  # it was read as waiting before
            study.enqueue_trial({"multi_step": "last"})
            sweep.trials  # noqa: B018
            study.tell(study.ask(), 0.5)

    executor.on_poll = take
    sweep.run(executor)
    assert [trial.state.name for trial in study.get_trials()] == ["COMPLETE"] * 4
    assert [spec.number for spec in executor.submitted] == [1, 3]
    _assert_is_readable(sweep, left_out=[2])


@pytest.mark.parametrize("pruner", ["none", "median"])
def test_a_trial_at_work_that_another_program_ends_does_not_end_the_sweep(
    make: MakeSweep, pruner: str, caplog: pytest.LogCaptureFixture
) -> None:
    study = _after_the_baseline(make(trials=1))
    sweep, executor = make(trials=3), FakeExecutor()

    def end_it(poll: int) -> None:
        if poll == 1:
            study.tell(1, 0.0)

    executor.on_poll = end_it
    sweep.run(executor)
    assert sweep.states == ["COMPLETE"] * 3
    assert "trial 1: another program ended it" in caplog.text
    _assert_is_readable(sweep, left_out=[1])


def test_a_paused_trial_that_another_program_ends_does_not_end_the_sweep(make: MakeSweep) -> None:
    search = {**SEARCH, "pruner": "promotion", "rungs": [1], "most_paused": 9}
    study = _after_the_baseline(make(trials=1, search=search, training={"epochs": 3}))
    sweep = make(trials=8, search=search, training={"epochs": 3})
    executor = FakeExecutor()
    ended: list[int] = []

    def end_paused(_poll: int) -> None:
        waiting = [t for t in study.get_trials() if t.state is TrialState.WAITING]
        if waiting and not ended:
            number = waiting[0].number
            study._storage.set_trial_state_values(waiting[0]._trial_id, TrialState.FAIL)
            ended.append(number)

    executor.on_poll = end_paused
    sweep.run(executor)
    assert ended
    states = sweep.states
    assert states[ended[0]] == "FAIL"
    assert set(states) <= {"COMPLETE", "PRUNED", "FAIL"}


ADDED: Mapping[str, dict[str, Any]] = {
    "nothing but a value": {},
    "attributes of another type": {"record": "x", "spec": [1], "score": "y", "rungs": 4},
    "attributes that hold nothing": {"record": {}, "spec": {}, "score": 0.0, "provenance": 3},
    "a forged record": {"record": {"score": 0.0}, "spec": {"number": 7}, "score": 0.0},
    "a forged baseline": {"preset": "baseline", "record": {}, "spec": {}, "score": -1.0},
    "a score that is no number": {"record": {}, "spec": {"number": 1}, "score": True},
}


def test_trials_that_another_program_added_as_ended_are_left_out_everywhere(
    make: MakeSweep,
) -> None:
    study = _after_the_baseline(make(trials=1))
    values = itertools.cycle([-1.0, math.inf, -math.inf])
    for attributes in ADDED.values():
        study.add_trial(create_trial(value=next(values), user_attrs=attributes))
        study.add_trial(create_trial(state=TrialState.PRUNED, user_attrs=attributes))
    added = 2 * len(ADDED)
    sweep = make(trials=added + 3)
    sweep.run(FakeExecutor())
    assert sweep.states == ["COMPLETE", *len(ADDED) * ["COMPLETE", "PRUNED"], *2 * ["COMPLETE"]]
    _assert_is_readable(sweep, left_out=list(range(1, added + 1)))


def _assert_is_readable(sweep: Sweep, left_out: list[int] | None = None) -> None:
    url, study = sweep.repository.url, _other_program(sweep)
    status = study_status(study, url)
    assert status.best is not None
    assert status.baseline is not None
    assert (status.best.trial, status.baseline.trial) == (0, 0)
    if left_out is not None:
        assert list(status.left_out) == left_out
    watcher = StudyWatcher(study, url)
    watcher.look()
    assert watcher.look().best is not None
    assert export_tree(study, choose_trial(study, None, url))["exported"]["trial"] == 0
    assert collect_report("tiny", url).chosen is not None
    assert StudyPayload(study._storage, url).detail(study._study_id, after=0) is not None
    frozen = next(s for s in study._storage.get_all_studies() if s.study_name == "tiny")
    assert "minimised: score" in study_csv(frozen, study.get_trials(), None)
