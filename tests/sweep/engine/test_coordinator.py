"""The coordinator with a scripted executor and clock, over a real repository on SQLite.

Targets: gradient 3.0 to 3.3; peak 140 to 150 above a mean of 40. The score of (gradient 2.4, peak
120, rmse 12) against a baseline of rmse 10 is then
ln(3.0 / 2.4) + ln((140 - 40) / (120 - 40)) + 0.25 (12 / 10 - 1).
"""

import math

import pytest

from fieldsharp.core.errors import FieldsharpError, StoppedOnRequest, StorageError
from fieldsharp.sweep.study.trial_events import EpochDone, TrialDone, TrialFailed
from fieldsharp.sweep.study.trial_records import FAILURE
from tests.sweep.fake_sweep import SPACE, FakeExecutor, MakeSweep, metrics_of, report_of


def test_results_before_the_baselines_are_held_and_then_scored_against_it(
    make_sweep: MakeSweep,
) -> None:
    sweep = make_sweep(trials=2)
    executor = FakeExecutor(
        slots=2,
        asleep={0: 4},
        metrics={
            (0, 0): metrics_of(rmse=16.0),
            (0, 1): metrics_of(rmse=10.0),
            (1, 0): metrics_of(gradient=2.0, peak=100.0, rmse=20.0),
            (1, 1): metrics_of(gradient=2.4, peak=120.0, rmse=12.0),
        },
    )
    seen: list[tuple[str, int]] = []
    executor.on_poll = lambda _poll: seen.append(
        (sweep.states[1], len(sweep.trials[1].intermediate_values))
    )
    sweep.run(executor)
    assert seen[:5] == [("RUNNING", 0)] * 5  # it ended in poll 1, the baseline in poll 5
    trial = sweep.trials[1]
    by_hand = math.log(3.0 / 2.4) + math.log(100 / 80) + 0.25 * (12 / 10 - 1)
    first_epoch = math.log(3.0 / 2.0) + math.log(100 / 60) + 0.25 * (20 / 16 - 1)
    assert trial.value == pytest.approx(by_hand, rel=1e-12)
    assert trial.intermediate_values[0] == pytest.approx(first_epoch, rel=1e-12)
    assert trial.intermediate_values[1] == trial.value


def test_an_rmse_below_the_baselines_and_values_in_their_bands_score_0(
    make_sweep: MakeSweep,
) -> None:
    sweep = make_sweep(trials=2)
    sweep.run(FakeExecutor(metrics={(1, 1): metrics_of(rmse=9.0)}))
    assert sweep.trials[1].value == 0.0


def test_the_budget_counts_complete_pruned_and_failed_trials(make_sweep: MakeSweep) -> None:
    search = {"pruner": "median", "pruner_startup_trials": 1, "pruner_warmup_epochs": 0}
    sweep = make_sweep(trials=5, search=search)
    bad = metrics_of(gradient=0.5, peak=50.0)
    executor = FakeExecutor(failing={1: "no luck"}, metrics={(2, 0): bad, (2, 1): bad})
    sweep.run(executor)
    assert sweep.states == ["COMPLETE", "FAIL", "PRUNED", "COMPLETE", "COMPLETE"]
    assert len(executor.submitted) == 5


def test_a_finished_study_is_not_asked_for_more(make_sweep: MakeSweep) -> None:
    make_sweep(trials=3).run(FakeExecutor())
    executor = FakeExecutor()
    sweep = make_sweep(trials=3)
    sweep.run(executor)
    assert executor.submitted == []
    assert sweep.states == ["COMPLETE"] * 3


def test_a_larger_budget_goes_on_with_the_baseline_there_is(make_sweep: MakeSweep) -> None:
    make_sweep(trials=1).run(FakeExecutor(metrics={(0, 1): metrics_of(rmse=5.0)}))
    sweep = make_sweep(trials=2)
    executor = FakeExecutor(metrics={(1, 1): metrics_of(rmse=6.0)})
    sweep.run(executor)
    assert [spec.preset for spec in executor.submitted] == [None]
    assert sweep.trials[1].value == pytest.approx(0.25 * (6 / 5 - 1))


def test_after_the_timeout_running_trials_end_and_none_starts(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(trials=9, budget={"trials": 9, "timeout": "30m"})
    executor = FakeExecutor(slots=2)

    def pass_time(poll: int) -> None:
        sweep.clock.now = 1799.0 if poll < 2 else 1800.0

    executor.on_poll = pass_time
    sweep.run(executor)
    # Two polls end the first two; at 1799 s two more are handed out, which end after the timeout.
    assert sweep.states == ["COMPLETE"] * 4


def test_a_stop_queues_the_running_trials_again(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(trials=9)
    executor = FakeExecutor(slots=2, asleep={2: 99, 3: 99})
    coordinator = sweep.coordinator(executor)

    def stop_at_3(poll: int) -> None:
        if poll == 3:
            coordinator.request_stop()
        if poll >= 3:
            executor.asleep = {}

    executor.on_poll = stop_at_3
    with pytest.raises(StoppedOnRequest, match="'tiny' was stopped with 2 trials done; go on"):
        coordinator.run()
    assert sweep.states == ["COMPLETE", "COMPLETE", "WAITING", "WAITING"]
    before = [trial.params for trial in sweep.trials]

    heir = make_sweep(trials=5)
    again = FakeExecutor()
    heir.run(again)
    assert [(spec.number, spec.attempt) for spec in again.submitted] == [(2, 2), (3, 2), (4, 1)]
    assert [trial.params for trial in heir.trials[:4]] == before
    assert heir.states == ["COMPLETE"] * 5


def test_a_result_that_comes_while_stopping_is_kept(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(trials=9)
    executor = FakeExecutor(slots=2, deaf=frozenset({1}), asleep={1: 2})
    coordinator = sweep.coordinator(executor)
    executor.on_poll = lambda poll: coordinator.request_stop() if poll == 2 else None
    with pytest.raises(StoppedOnRequest):
        coordinator.run()
    assert sweep.states == ["COMPLETE", "COMPLETE", "WAITING"]


def test_trials_that_wait_for_a_stopped_baseline_are_queued_again(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(trials=9)
    executor = FakeExecutor(slots=2, asleep={0: 99})
    coordinator = sweep.coordinator(executor)
    executor.on_poll = lambda poll: coordinator.request_stop() if poll == 3 else None
    sweep.clock.now = 0.0
    executor.deaf = frozenset({1})

    def wake(poll: int) -> None:
        if poll == 3:
            coordinator.request_stop()
            executor.asleep = {}

    executor.on_poll = wake
    with pytest.raises(StoppedOnRequest):
        coordinator.run()
    assert set(sweep.states) == {"WAITING"}


def test_a_worker_that_dies_while_stopping_is_no_failure(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(trials=9)
    executor = FakeExecutor()
    coordinator = sweep.coordinator(executor)

    def signal_to_the_whole_group(_poll: int) -> None:
        coordinator.request_stop()
        executor.failing = {0: "its worker process died (signal 15)"}
        executor.cause = "worker"

    executor.on_poll = signal_to_the_whole_group
    with pytest.raises(StoppedOnRequest):
        coordinator.run()
    assert sweep.states == ["WAITING"]


def test_while_stopping_a_worker_that_hangs_is_waited_for_until_its_deadline(
    make_sweep: MakeSweep,
) -> None:
    sweep = make_sweep(trials=9, recovery={"progress_deadline": "20s"})
    executor = FakeExecutor(asleep={0: 10**6})
    coordinator = sweep.coordinator(executor)

    def pass_time(_poll: int) -> None:
        coordinator._stop_requests = 1
        sweep.clock.now += 1.0

    executor.on_poll = pass_time
    with pytest.raises(StoppedOnRequest):
        coordinator.run()
    assert executor.polls == 21
    assert executor.killed == [0]
    assert sweep.states == ["WAITING"]


def test_a_second_stop_ends_at_once(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(trials=9)
    executor = FakeExecutor(asleep={0: 10**6})
    coordinator = sweep.coordinator(executor)
    executor.on_poll = lambda _poll: coordinator.request_stop()
    with pytest.raises(StoppedOnRequest):
        coordinator.run()
    assert executor.polls == 2
    assert sweep.states == ["WAITING"]


def test_messages_of_another_attempt_are_ignored(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(trials=2)
    executor = FakeExecutor()
    stale = report_of(0, metrics_of(gradient=0.001, rmse=1e6))
    executor.extra = [
        EpochDone(0, 7, stale),
        TrialFailed(0, 7, "late"),
        TrialDone(0, 7, 1.0, 1.0, "cpu", "float32"),
        TrialFailed(99, 1, "never heard of"),
    ]
    sweep.run(executor)
    assert sweep.states == ["COMPLETE", "COMPLETE"]
    assert sweep.trials[0].intermediate_values == {0: 0.0, 1: 0.0}


def test_a_failing_trial_is_written_down_and_the_sweep_goes_on(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(trials=3)
    sweep.run(FakeExecutor(failing={1: "the training diverged"}))
    assert sweep.states == ["COMPLETE", "FAIL", "COMPLETE"]
    assert sweep.trials[1].user_attrs[FAILURE] == "the training diverged"


def test_a_failing_baseline_ends_the_sweep(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(trials=9)
    executor = FakeExecutor(slots=2, failing={0: "it broke"})
    with pytest.raises(
        FieldsharpError, match=r"the baseline \(trial 0\) failed, .* without it: it broke"
    ):
        sweep.run(executor)
    assert sweep.states == ["FAIL", "WAITING"]


def test_a_baseline_that_failed_is_tried_again_first_and_within_the_budget(
    make_sweep: MakeSweep,
) -> None:
    with pytest.raises(FieldsharpError):
        make_sweep(trials=2).run(FakeExecutor(failing={0: "it broke"}))
    again = make_sweep(trials=2)
    again.run(FakeExecutor())
    assert sorted(again.states) == ["COMPLETE", "COMPLETE", "FAIL"]
    assert again.repository.baseline() is not None


def test_the_median_pruner_ends_a_bad_trial_early_and_spares_the_baseline(
    make_sweep: MakeSweep,
) -> None:
    search = {"pruner": "median", "pruner_startup_trials": 1, "pruner_warmup_epochs": 0}
    sweep = make_sweep(trials=3, search=search, training={"epochs": 4})
    bad = metrics_of(gradient=1.0, peak=60.0)
    executor = FakeExecutor(metrics={(1, epoch): bad for epoch in range(4)})
    sweep.run(executor)
    assert sweep.states == ["COMPLETE", "PRUNED", "COMPLETE"]
    assert executor.cancelled == [1]
    pruned = sweep.trials[1]
    assert list(pruned.intermediate_values) == [0]
    assert pruned.value == pytest.approx(math.log(3.0) + math.log(100 / 20))
    assert pruned.user_attrs["record"]["epochs"] == 1


def test_a_trial_that_turns_bad_in_its_last_epoch_is_complete(make_sweep: MakeSweep) -> None:
    search = {"pruner": "median", "pruner_startup_trials": 1, "pruner_warmup_epochs": 0}
    sweep = make_sweep(trials=2, search=search)
    executor = FakeExecutor(metrics={(1, 1): metrics_of(gradient=1.0)})
    sweep.run(executor)
    assert sweep.states == ["COMPLETE", "COMPLETE"]
    assert executor.cancelled == []


def test_an_error_of_the_executor_leaves_no_trial_running(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(trials=9)
    executor = FakeExecutor(slots=2)

    def break_down(poll: int) -> None:
        if poll == 3:
            raise OSError("no more processes")

    executor.on_poll = break_down
    with pytest.raises(OSError, match="no more processes"):
        sweep.run(executor)
    assert sweep.states == ["COMPLETE", "COMPLETE", "WAITING", "WAITING"]


def test_a_trial_that_ends_without_an_epoch_has_failed(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(trials=2)
    executor = FakeExecutor(asleep={1: 99})

    def end_it(poll: int) -> None:
        if poll == 2:
            executor.extra = [TrialDone(1, 1, 1.0, 1.0, "cpu", "float32")]

    executor.on_poll = end_it
    sweep.run(executor)
    assert sweep.states == ["COMPLETE", "FAIL"]


@pytest.mark.parametrize(
    "sampler", ["tpe", "random", pytest.param("gp", marks=pytest.mark.outside)]
)
def test_every_sampler_goes_on_beyond_its_random_start(make_sweep: MakeSweep, sampler: str) -> None:
    sweep = make_sweep(trials=13, search={"sampler": sampler})
    executor = FakeExecutor(
        slots=2, metrics={(n, 1): metrics_of(gradient=2.0 + 0.1 * n) for n in range(13)}
    )
    sweep.run(executor)
    assert sweep.states == ["COMPLETE"] * 13
    rates = {spec.run.training.learning_rate for spec in executor.submitted}
    assert len(rates) == 13


def test_hyperband_ends_bad_trials_early_and_spares_the_baseline(make_sweep: MakeSweep) -> None:
    search = {"pruner": "hyperband", "pruner_warmup_epochs": 1}
    sweep = make_sweep(trials=12, search=search, training={"epochs": 9})
    worse = {
        (n, epoch): metrics_of(gradient=3.0 / (n + 1)) for n in range(12) for epoch in range(9)
    }
    sweep.run(FakeExecutor(metrics=worse))
    assert sweep.states[0] == "COMPLETE"
    assert "PRUNED" in sweep.states
    assert set(sweep.states) == {"COMPLETE", "PRUNED"}


def test_a_short_trial_is_finally_scored_against_the_finished_baseline(
    make_sweep: MakeSweep,
) -> None:
    """Its epochs are compared with the baseline's; its end with the baseline's end."""
    space = {**SPACE, "training.epochs": {"choices": [2, 1]}}
    sweep = make_sweep(trials=8, search={"space": space}, training={"epochs": 2})
    metrics = {(number, 0): metrics_of(rmse=15.0) for number in range(1, 8)}
    metrics |= {(0, 0): metrics_of(rmse=20.0), (0, 1): metrics_of(rmse=10.0)}
    sweep.run(FakeExecutor(metrics=metrics))
    short = next(trial for trial in sweep.trials if trial.params["training.epochs"] == 1)
    assert short.intermediate_values == {0: 0.0}
    assert short.value == pytest.approx(0.25 * (15 / 10 - 1))
    assert short.user_attrs["record"]["baseline_rmse"] == 10.0


def test_a_database_that_fails_while_a_result_is_told_is_what_is_reported(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = make_sweep(trials=3)

    def away(*_: object, **__: object) -> None:
        raise StorageError("the database is away")

    executor = FakeExecutor(slots=2)
    executor.on_poll = lambda poll: (
        monkeypatch.setattr(sweep.repository, "complete", away) if poll == 1 else None
    )
    with pytest.raises(StorageError, match="the database is away"):
        sweep.run(executor)
    assert "RUNNING" not in sweep.states


def test_a_second_attempt_is_not_pruned_for_the_steps_of_the_first(make_sweep: MakeSweep) -> None:
    search = {"pruner": "median", "pruner_startup_trials": 1, "pruner_warmup_epochs": 2}
    sweep = make_sweep(trials=3, search=search, training={"epochs": 4})
    bad = {(1, epoch): metrics_of(gradient=1.0) for epoch in range(4)}
    executor = FakeExecutor(metrics=bad)
    coordinator = sweep.coordinator(executor)
    executor.on_poll = lambda poll: coordinator.request_stop() if poll == 5 else None
    with pytest.raises(StoppedOnRequest):
        coordinator.run()
    assert len(sweep.trials[1].intermediate_values) >= 2
    heir = make_sweep(trials=3, search=search, training={"epochs": 4})
    first = heir.repository
    first.prepare()
    spec = first.ask()
    assert (spec.number, spec.attempt) == (1, 2)
    assert first.report(1, 0, 9.0) is False, "warm-up is 2 epochs, whatever was reported before"


def test_a_stop_that_comes_when_nothing_is_left_to_do_is_a_usual_end(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(trials=2)
    executor = FakeExecutor(slots=1, deaf=frozenset({1}))
    coordinator = sweep.coordinator(executor)

    def stop(_poll: int) -> None:
        if any(spec.number == 1 for spec in executor.submitted):
            coordinator.request_stop()
            executor.on_poll = lambda _poll: None

    executor.on_poll = stop
    coordinator.run()
    assert sweep.states == ["COMPLETE"] * 2
