"""A sweep with promotion: scripted trials, a real ledger on SQLite."""

import itertools
from typing import Any

import pytest

from fields.errors import StoppedOnRequest
from sweep.study.status import study_status
from tests.sweep.running.fake_sweep import FakeExecutor, MakeSweep, Metrics, Sweep, metrics_of

EPOCHS = 6
RUNGS = (1, 3)


def _promoting(make_sweep: MakeSweep, trials: int, **sections: Any) -> Sweep:
    return make_sweep(
        trials,
        search={"pruner": "promotion", "rungs": RUNGS, "promote_one_in": 3},
        training={"epochs": EPOCHS},
        **sections,
    )


def _metrics(quality: dict[int, float]) -> dict[tuple[int, int], Metrics]:
    """Return the gradients of trials, the same after every epoch: 3 is enough."""
    return {
        (number, epoch): metrics_of(gradient=gradient)
        for number, gradient in quality.items()
        for epoch in range(EPOCHS)
    }


def _quality(trials: int) -> dict[int, float]:
    """Return gradients in an order that is neither rising nor falling."""
    return {number: 1.0 + (7 * number % trials) / trials for number in range(1, trials)}


@pytest.mark.parametrize(("trials", "slots"), [(2, 1), (3, 2), (13, 5), (30, 2)])
def test_none_is_left_paused_and_no_epoch_is_trained_twice(
    make_sweep: MakeSweep, trials: int, slots: int
) -> None:
    sweep = _promoting(make_sweep, trials)
    executor = FakeExecutor(slots=slots, metrics=_metrics(_quality(trials)))
    most = 0

    def look(poll: int) -> None:
        nonlocal most
        if poll % 10:
            return
        states = study_status(sweep.ledger.study, sweep.ledger.url).states
        most = max(most, states["PAUSED"])
        assert sum(states.values()) == len(sweep.trials)

    executor.on_poll = look
    sweep.run(executor)
    states = study_status(sweep.ledger.study, sweep.ledger.url).states
    assert states["PAUSED"] == states["WAITING"] == states["RUNNING"] == 0
    assert states["COMPLETE"] + states["PRUNED"] == trials
    assert len(executor.trained) == len(set(executor.trained)), "an epoch was trained twice"
    for number, epochs in itertools.groupby(sorted(executor.trained), key=lambda at: at[0]):
        trained = [epoch for _, epoch in epochs]
        assert trained == list(range(len(trained)))
        ends = {EPOCHS} if sweep.trials[number].state.name == "COMPLETE" else set(RUNGS)
        assert len(trained) in ends
        assert list(sweep.trials[number].intermediate_values) == trained
    if trials == 30:
        assert most > 0
        best = max(_quality(trials), key=lambda number: _quality(trials)[number])
        assert sweep.trials[best].state.name == "COMPLETE"
        assert states["COMPLETE"] <= 1 + 30 // 3
        assert len(executor.trained) < 30 * EPOCHS / 2


def test_the_baseline_is_never_paused(make_sweep: MakeSweep) -> None:
    sweep = _promoting(make_sweep, 9)
    executor = FakeExecutor(metrics=_metrics(_quality(9)))
    sweep.run(executor)
    assert sweep.trials[0].state.name == "COMPLETE"
    assert executor.trained[:EPOCHS] == [(0, epoch) for epoch in range(EPOCHS)]


def test_a_paused_trial_shows_what_it_has_come_to_and_is_pruned_with_that(
    make_sweep: MakeSweep,
) -> None:
    sweep = _promoting(make_sweep, 9)
    executor = FakeExecutor(metrics=_metrics(_quality(9)))
    sweep.run(executor)
    pruned = [trial for trial in sweep.trials if trial.state.name == "PRUNED"]
    for trial in pruned:
        assert trial.user_attrs["gradient"] == _quality(9)[trial.number]
        assert trial.user_attrs["record"]["epochs"] in RUNGS
        assert trial.value == trial.user_attrs["score"] == trial.user_attrs["record"]["score"]
        assert "guard" in " ".join(trial.constraints) or trial.constraints


def test_a_stop_leaves_them_paused_and_the_next_coordinator_goes_on(
    make_sweep: MakeSweep,
) -> None:
    sweep = _promoting(make_sweep, 20)
    executor = FakeExecutor(slots=2, metrics=_metrics(_quality(20)))
    coordinator = sweep.coordinator(executor)
    executor.on_poll = lambda poll: coordinator.request_stop() if poll == 10 else None
    with pytest.raises(StoppedOnRequest):
        coordinator.run()
    before = study_status(sweep.ledger.study, sweep.ledger.url).states
    assert before["PAUSED"] > 0
    assert before["RUNNING"] == 0
    again = _promoting(make_sweep, 20)
    further = FakeExecutor(slots=2, metrics=_metrics(_quality(20)))
    further._checkpoints = dict(executor._checkpoints)
    again.run(further)
    states = study_status(again.ledger.study, again.ledger.url).states
    assert states["PAUSED"] == states["WAITING"] == 0
    assert states["COMPLETE"] + states["PRUNED"] == 20
    best = max(_quality(20), key=lambda number: _quality(20)[number])
    assert again.trials[best].state.name == "COMPLETE"


def test_when_the_time_is_up_the_paused_wait_for_more(make_sweep: MakeSweep) -> None:
    sweep = _promoting(make_sweep, 20, budget={"timeout": "10s"})
    executor = FakeExecutor(metrics=_metrics(_quality(20)))

    def tick(_poll: int) -> None:
        sweep.clock.now += 1.0

    executor.on_poll = tick
    sweep.run(executor)
    states = study_status(sweep.ledger.study, sweep.ledger.url).states
    assert states["PAUSED"] > 0
    assert states["RUNNING"] == 0


def test_trials_of_a_front_are_promoted_by_their_own_rule(make_sweep: MakeSweep) -> None:
    sweep = _promoting(make_sweep, 12, objective={"mode": "pareto"})
    executor = FakeExecutor(slots=2, metrics=_metrics(_quality(12)))
    sweep.run(executor)
    states = study_status(sweep.ledger.study, sweep.ledger.url).states
    assert states["COMPLETE"] + states["PRUNED"] == 12
    assert states["PRUNED"] > 0
    best = max(_quality(12), key=lambda number: _quality(12)[number])
    assert sweep.trials[best].state.name == "COMPLETE"


def test_one_that_breaks_a_guard_at_its_rung_stands_behind_all_that_hold_them(
    make_sweep: MakeSweep,
) -> None:
    sweep = _promoting(make_sweep, 7)
    metrics = _metrics(dict.fromkeys(range(1, 7), 2.0))
    for epoch in range(EPOCHS):  # sharp enough, but of noise
        metrics[3, epoch] = metrics_of(gradient=3.1) | {"roughness": 30.0}
    sweep.run(FakeExecutor(metrics=metrics))
    assert sweep.trials[3].state.name == "PRUNED"
    assert sweep.trials[3].user_attrs["rungs"][0]["violation"] > 0
