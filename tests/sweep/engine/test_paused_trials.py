"""A sweep with promotion: scripted trials, a real repository on SQLite."""

import itertools
import logging
import math
from collections.abc import Collection
from dataclasses import replace
from typing import Any, get_args

import pytest
from optuna.trial import FrozenTrial

from fieldsharp.core.errors import StoppedOnRequest
from fieldsharp.objectives.guards import broken, check_guards
from fieldsharp.objectives.settings import GuardSettings, ObjectiveSettings
from fieldsharp.storage.optuna_adapter.bulk_read import BulkReadStorage
from fieldsharp.storage.trial_files.checkpoints import make_attempt_folder, write_checkpoint
from fieldsharp.sweep.configuration.search_methods import PRUNERS, SAMPLERS, Pruner
from fieldsharp.sweep.configuration.settings import SearchSettings
from fieldsharp.sweep.engine.asha import Asha
from fieldsharp.sweep.engine.baseline_scoring import BaselineScoring
from fieldsharp.sweep.study.status.report import study_status
from tests.sweep.fake_sweep import (
    TARGETS,
    FakeExecutor,
    MakeSweep,
    Metrics,
    Sweep,
    metrics_of,
    report_of,
)

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


def _stopped(make_sweep: MakeSweep) -> tuple[Sweep, FakeExecutor]:
    """Return a sweep of 20 trials that was stopped on its way, and what ran them."""
    sweep = _promoting(make_sweep, 20)
    executor = FakeExecutor(slots=2, metrics=_metrics(_quality(20)))
    coordinator = sweep.coordinator(executor)
    executor.on_poll = lambda poll: coordinator.request_stop() if poll == 10 else None
    with pytest.raises(StoppedOnRequest):
        coordinator.run()
    return sweep, executor


def _with_checkpoints_of(executor: FakeExecutor) -> FakeExecutor:
    """Return what goes on where another left off."""
    further = FakeExecutor(slots=2, metrics=executor.metrics)
    further._checkpoints = dict(executor._checkpoints)
    return further


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
        states = study_status(sweep.repository.study, sweep.repository.url).states
        most = max(most, states["PAUSED"])
        assert sum(states.values()) == len(sweep.trials)

    executor.on_poll = look
    sweep.run(executor)
    states = study_status(sweep.repository.study, sweep.repository.url).states
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


def test_a_stop_leaves_them_paused_and_the_next_coordinator_goes_on(make_sweep: MakeSweep) -> None:
    sweep, executor = _stopped(make_sweep)
    before = study_status(sweep.repository.study, sweep.repository.url).states
    assert before["PAUSED"] > 0
    assert before["RUNNING"] == 0
    again = _promoting(make_sweep, 20)
    further = _with_checkpoints_of(executor)
    again.run(further)
    states = study_status(again.repository.study, again.repository.url).states
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
    states = study_status(sweep.repository.study, sweep.repository.url).states
    assert states["PAUSED"] > 0
    assert states["RUNNING"] == 0


def test_trials_of_a_front_are_promoted_by_their_own_rule(make_sweep: MakeSweep) -> None:
    sweep = _promoting(make_sweep, 12, objective={"mode": "pareto"})
    executor = FakeExecutor(slots=2, metrics=_metrics(_quality(12)))
    sweep.run(executor)
    states = study_status(sweep.repository.study, sweep.repository.url).states
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


def test_a_guard_that_is_broken_early_and_held_later_costs_nothing(make_sweep: MakeSweep) -> None:
    """As with nets that first move too little: only trial 3 is sharp, and breaks a guard at 1."""
    sweep = _promoting(make_sweep, 7)
    metrics = _metrics(dict.fromkeys(range(1, 7), 2.0))
    for epoch in range(EPOCHS):
        metrics[3, epoch] = metrics_of(gradient=3.1) | {"change_ratio": 0.4 if epoch < 2 else 0.8}
    sweep.run(FakeExecutor(metrics=metrics))
    assert sweep.trials[3].state.name == "COMPLETE"
    assert sweep.trials[3].user_attrs["rungs"][0]["violation"] == 0.0


@pytest.mark.parametrize(("epoch", "of", "allowed"), [(2, 12, 0.5625), (5, 12, 0.25), (11, 12, 0)])
def test_what_is_forgiven_at_a_rung_goes_to_nothing(epoch: int, of: int, allowed: float) -> None:
    scoring = BaselineScoring(ObjectiveSettings(), TARGETS)
    baseline = report_of(epoch, metrics_of())
    for earlier in range(epoch + 1):
        scoring.add_baseline(report_of(earlier, metrics_of()))
    scoring.end_baseline()
    moving_less = report_of(epoch, metrics_of() | {"change_ratio": 0.02})
    (broken_guard,) = broken(
        check_guards(moving_less.judgement, GuardSettings(), baseline.judgement)
    )
    assert broken_guard.violation > 0.5625
    result = scoring.at_rung(moving_less, of, "none")
    assert result.violation == pytest.approx(broken_guard.violation - allowed)
    at_rung = scoring.at_rung(baseline, of, "none")
    assert scoring.baseline_at_rung(epoch + 1, of, "none") == at_rung


def _scoring(epoch: int, baseline: Metrics) -> BaselineScoring:
    scoring = BaselineScoring(ObjectiveSettings(), TARGETS)
    for earlier in range(epoch + 1):
        scoring.add_baseline(report_of(earlier, baseline))
    return scoring


def test_a_guard_that_the_baseline_of_that_age_breaks_does_not_count() -> None:
    uncorrelated = {"anomaly_correlation": 0.05}  # of at least 0.3: broken by 0.83
    noisy = metrics_of() | uncorrelated | {"roughness": 30.0}
    beside_good, beside_bad = (
        _scoring(2, baseline).at_rung(report_of(2, noisy), 12, "none")
        for baseline in (metrics_of(), metrics_of() | uncorrelated)
    )
    of_roughness = (30.0 - 3.0) / 3.0 - 0.5625
    of_correlation = (0.8 - 0.05) / 0.8 - 0.5625  # 0.1 below the baseline's 0.9
    assert beside_good.violation == pytest.approx(of_roughness + of_correlation)
    assert beside_bad.violation == pytest.approx(of_roughness)
    assert _scoring(2, metrics_of() | uncorrelated).baseline_at_rung(3, 12, "none") is not None


@pytest.mark.parametrize(
    ("epoch", "of", "rmse", "sharpens", "decide"),
    [
        (2, 12, 10.0, True, False),
        (2, 12, 10.0, False, True),
        (5, 12, 10.0, True, True),
        (4, 11, 10.0, True, False),
        (5, 12, 101.0, False, False),  # the error of climatology is 100
        (5, 12, 100.0, False, True),
    ],
)
def test_guards_alone_decide_from_half_of_the_epochs_on_and_once_climatology_is_beaten(
    epoch: int, of: int, rmse: float, sharpens: bool, decide: bool
) -> None:
    report = report_of(epoch, metrics_of(rmse=rmse) | {"roughness": 30.0})
    result = _scoring(epoch, metrics_of()).at_rung(report, of, "none", sharpens=sharpens)
    assert result.guards_decide is decide
    assert result.violation > 0
    assert (result.by_score.violation > 0) is decide


def test_one_that_breaks_a_guard_is_compared_with_its_sharpener_too() -> None:
    blurred = metrics_of(gradient=2.0) | {"anomaly_correlation": 0.05}
    report = replace(
        report_of(2, blurred),
        sharpened={
            "unsharp": report_of(2, blurred | {"gradient": 3.1}).judgement,
            "spectral": report_of(2, blurred | {"gradient": 3.2, "roughness": 30.0}).judgement,
        },
    )
    result = _scoring(2, metrics_of()).at_rung(report, 12, "auto")
    # Under unsharp, which breaks no further guard, it has a score of 0: a tenth of its own is left.
    assert result.values == pytest.approx((0.1 * math.log(3.0 / 2.0),))
    assert result.violation == pytest.approx((0.8 - 0.05) / 0.8 - 0.5625)


@pytest.mark.parametrize("variant", ["sorted", "sobel"])
def test_a_loss_that_sharpens_is_not_given_up_by_a_guard_alone_before_half_of_its_epochs(
    make_sweep: MakeSweep, variant: str
) -> None:
    """All break a guard at first but trial 4, the best, which holds it from the second rung on."""
    space = {"loss_variant": {"choices": [variant]}, "gradient_weight": {"low": 0.1, "high": 1.0}}
    sweep = make_sweep(
        9,
        search={"pruner": "promotion", "rungs": RUNGS, "promote_one_in": 3, "space": space},
        training={"epochs": EPOCHS},
    )
    metrics = _metrics(dict.fromkeys(range(1, 9), 2.0))
    metrics[4, 0] = metrics_of() | {"change_ratio": 0.01}
    for epoch in range(1, EPOCHS):
        metrics[4, epoch] = metrics_of()
    sweep.run(FakeExecutor(slots=2, metrics=metrics))
    first, *_ = sweep.trials[4].user_attrs["rungs"]
    assert first["violation"] > 0
    assert sweep.trials[4].state.name == ("COMPLETE" if variant == "sorted" else "PRUNED")
    assert [trial.state.name for trial in sweep.trials].count("PAUSED") == 0


def test_paused_trials_are_not_read_again_for_every_choice(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = _promoting(make_sweep, 60)
    executor = FakeExecutor(slots=2, metrics=_metrics(_quality(60)))
    read: list[int] = []
    build = BulkReadStorage._build_frozen_trial_from_trial_model

    def count(storage: BulkReadStorage, trial: Any) -> FrozenTrial:
        read.append(trial.number)
        return build(storage, trial)

    def look(poll: int) -> None:
        if poll == 40:
            monkeypatch.setattr(BulkReadStorage, "_build_frozen_trial_from_trial_model", count)

    executor.on_poll = look
    sweep.run(executor)
    states = study_status(sweep.repository.study, sweep.repository.url).states
    assert states["PRUNED"] > 30, "many waited for long"
    for number in range(1, 10):
        # Were it read at every look, some thirty times a trial: hundreds.
        assert read.count(number) < 60


def test_a_checkpoint_ahead_of_the_database_is_gone_on_with(make_sweep: MakeSweep) -> None:
    """As after a database was put back: the rung that was passed is not known any more."""
    sweep = _promoting(make_sweep, 6)
    executor = FakeExecutor(metrics=_metrics(_quality(6)))
    executor._checkpoints[2] = 2  # between the rungs 1 and 3
    sweep.run(executor)
    assert (2, 0) not in executor.trained
    assert (2, 1) not in executor.trained
    assert [result["epochs"] for result in sweep.trials[2].user_attrs["rungs"]][:2] == [1, 3]
    states = study_status(sweep.repository.study, sweep.repository.url).states
    assert states["COMPLETE"] + states["PRUNED"] == 6


def test_one_that_was_killed_at_its_rung_is_judged_there_and_not_promoted(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = _promoting(make_sweep, 8)
    quality = dict.fromkeys(range(1, 8), 2.5) | {3: 1.0}
    executor = FakeExecutor(metrics=_metrics(quality))
    pause = sweep.repository.pause

    def die(number: int, *given: Any) -> None:
        if number == 3:
            raise KeyboardInterrupt  # between its result at the rung and the pause
        pause(number, *given)

    monkeypatch.setattr(sweep.repository, "pause", die)
    with pytest.raises(KeyboardInterrupt):
        sweep.run(executor)
    folder = sweep.files.checkpoints(3)
    make_attempt_folder(folder, 1)
    write_checkpoint(folder, 1, 1, b"after the first epoch")
    again = _promoting(make_sweep, 8)
    further = FakeExecutor(metrics=_metrics(quality))
    further._checkpoints = dict(executor._checkpoints)
    again.run(further)
    assert (3, 1) not in further.trained, "it was the worst"
    assert again.trials[3].state.name == "PRUNED"


def test_time_is_counted_from_the_start_also_where_trials_wait(
    make_sweep: MakeSweep, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    _, executor = _stopped(make_sweep)
    again = _promoting(make_sweep, 20, budget={"timeout": "1h"})
    again.clock.now = 1e6  # the machine has been up for long
    further = _with_checkpoints_of(executor)
    again.run(further)
    assert "time limit" not in caplog.text
    assert study_status(again.repository.study, again.repository.url).states["PAUSED"] == 0


def test_a_budget_that_was_lowered_ends_what_waits(make_sweep: MakeSweep) -> None:
    sweep, executor = _stopped(make_sweep)
    finished = sweep.repository.finished()
    again = _promoting(make_sweep, finished)
    further = _with_checkpoints_of(executor)
    again.run(further)
    assert further.trained == []
    assert study_status(again.repository.study, again.repository.url).states["PAUSED"] == 0


class Impatient(Asha):
    """Gives every paused trial up at once: a rule of somebody else's, in a file of its own."""

    def promotes(self, number: int, rung: int, running: Collection[int], new: int) -> bool:
        return False

    def next_promoted(self, running: Collection[int], new: int) -> int | None:
        return None

    def hopeless(self, running: Collection[int], new: int) -> list[int]:
        return list(self._paused)


def test_a_rule_that_pauses_is_one_class_and_one_line(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRUNERS, "promotion", Pruner(rung_rule=f"{__name__}:Impatient"))
    sweep = _promoting(make_sweep, 6)
    sweep.coordinator(FakeExecutor(slots=2, metrics=_metrics(_quality(6)))).run()
    states = [trial.state.name for trial in sweep.trials]
    assert states == ["COMPLETE", *["PRUNED"] * 5], "the baseline alone is never paused"


def test_every_pruner_of_the_settings_is_in_the_table_and_none_is_missing() -> None:
    assert get_args(SearchSettings.model_fields["pruner"].annotation) == ("auto", *PRUNERS)
    assert get_args(SearchSettings.model_fields["sampler"].annotation) == tuple(SAMPLERS)


@pytest.mark.outside
def test_a_gaussian_process_learns_from_trials_at_a_rung_too(make_sweep: MakeSweep) -> None:
    search = {"pruner": "promotion", "rungs": RUNGS, "promote_one_in": 3, "sampler": "gp"}
    sweep = make_sweep(16, search=search, training={"epochs": EPOCHS})
    metrics = _metrics(_quality(16))
    for number, epoch in metrics:
        metrics[number, epoch]["rmse"] = 30.0 if number % 2 else 10.0  # every other breaks a guard
    sweep.coordinator(FakeExecutor(slots=2, metrics=metrics)).run()
    states = [trial.state.name for trial in sweep.trials]
    assert states.count("COMPLETE") + states.count("PRUNED") == 16
    assert any(value > 0 for trial in sweep.trials for value in trial.constraints.values())
