"""Guards, verdict and front of a sweep whose trials are scripted.

Targets: gradient 3.0 to 3.3; peak 140 to 150 above a mean of 40. The baseline has 2.133 and 112.34,
an RMSE of 10, and guards are those of the defaults: at most 1.25 times that RMSE, at most 1.5 dB
at small scales.
"""

import logging
import math
import re
from typing import ClassVar

import pytest
from optuna.trial import TrialState

from fieldsharp.sweep.study.resume import resumable
from fieldsharp.sweep.study.sampling.rung_aware_sampler import RungAwareSampler
from fieldsharp.sweep.study.sampling.sharpening_share import SharpeningShare
from fieldsharp.sweep.study.status.report import front, study_status
from fieldsharp.sweep.study.trial_records import (
    FACTS,
    GUARDS_BROKEN,
    VERDICT,
    best_trial,
    trial_record,
)
from tests.sweep.fake_sweep import FakeExecutor, MakeSweep, Metrics, Sweep, metrics_of

BLURRED = metrics_of(gradient=2.133, peak=112.34)
SHARP = metrics_of(gradient=3.05, peak=141.0, rmse=10.5)
NOISY = {**metrics_of(gradient=3.1, peak=145.0, rmse=9.9), "power_small": 3.5}


def _run(sweep: Sweep, *trials: Metrics) -> Sweep:
    """Run the baseline, blurred, and then these."""
    there = {(0, epoch): BLURRED for epoch in range(2)}
    for number, metrics in enumerate(trials, start=1):
        there |= {(number, epoch): metrics for epoch in range(2)}
    sweep.run(FakeExecutor(metrics=there))
    return sweep


def test_a_trial_that_breaks_a_guard_never_wins_however_good_its_score(
    make_sweep: MakeSweep,
) -> None:
    sweep = _run(make_sweep(trials=3), NOISY, metrics_of(gradient=2.6, peak=130.0))
    baseline, noisy, honest = sweep.trials
    assert noisy.value == 0.0
    assert honest.value is not None
    assert honest.value > 0
    assert best_trial(sweep.trials) is not None
    assert best_trial(sweep.trials).number == 2  # type: ignore[union-attr]
    best = sweep.repository.best()
    assert best is not None
    assert best.number == 2
    assert {n for n, v in noisy.constraints.items() if v > 0} == {"spectrum_small"}
    assert all(value <= 0 for value in {**baseline.constraints, **honest.constraints}.values())
    assert "more power than the truth at the smallest scales" in noisy.user_attrs[GUARDS_BROKEN]
    assert GUARDS_BROKEN not in honest.user_attrs


def test_optuna_itself_takes_the_feasible_trial_for_the_best(make_sweep: MakeSweep) -> None:
    sweep = _run(make_sweep(trials=3), NOISY, metrics_of(gradient=2.6, peak=130.0))
    assert sweep.repository.study.best_trial.number == 2


def test_guards_relative_to_the_baseline_use_the_finished_baseline(make_sweep: MakeSweep) -> None:
    too_wrong = metrics_of(gradient=3.1, peak=145.0, rmse=12.6)
    sweep = _run(make_sweep(trials=2), too_wrong)
    record = trial_record(sweep.trials[1])
    assert record is not None
    guard = next(guard for guard in record.guards if guard.name == "rmse")
    assert (guard.value, guard.limit, guard.ok) == (12.6, 12.5, False)
    assert guard.violation == pytest.approx(0.1 / 12.5)
    assert sweep.trials[1].constraints["rmse"] == guard.violation


@pytest.mark.parametrize(
    ("trials", "name"),
    [
        ((SHARP, NOISY), "success"),
        ((metrics_of(gradient=2.55, peak=120.0), NOISY), "promising"),
        ((metrics_of(gradient=2.2, peak=113.0),), "stuck"),
        ((NOISY, metrics_of(gradient=2.2, peak=113.0)), "gamed"),
    ],
)
def test_the_verdict_is_kept_with_the_study(
    make_sweep: MakeSweep, trials: tuple[Metrics, ...], name: str
) -> None:
    sweep = _run(make_sweep(trials=len(trials) + 1), *trials)
    study = sweep.repository.study
    assert study.user_attrs[VERDICT]["name"] == name
    assert study.user_attrs[VERDICT]["reason"]
    assert study.user_attrs[VERDICT]["next"]


def test_a_baseline_inside_the_band_ends_the_sweep(
    make_sweep: MakeSweep, caplog: pytest.LogCaptureFixture
) -> None:
    sweep = make_sweep(trials=9, budget={"trials": 9, "stop_on_nothing_to_fix": True})
    with caplog.at_level(logging.INFO):
        sweep.run(FakeExecutor(slots=2))
    assert sweep.states == ["COMPLETE", "COMPLETE"], "the trial beside the baseline is finished"
    assert sweep.repository.study.user_attrs[VERDICT]["name"] == "nothing to fix"
    assert "nothing to fix, no more trials are started" in caplog.text
    again = FakeExecutor()
    sweep.run(again)
    assert again.submitted == []


def _keep_the_targets(sweep: Sweep) -> None:
    """Have others read the targets of the script, not those of the data it never looks at."""
    sweep.repository.study.set_user_attr(FACTS, sweep.facts.model_dump(mode="json"))


class TestASuccess:
    """Trial 2 is one; the sweep looks past it for two more trials and ends."""

    BUDGET: ClassVar = {"trials": 9, "stop_on_success": True, "success_trials": 2}
    METRICS: ClassVar = {(number, e): BLURRED for number in (0, 1) for e in range(2)}

    def test_it_ends_the_sweep_after_so_many_more(
        self, make_sweep: MakeSweep, caplog: pytest.LogCaptureFixture
    ) -> None:
        sweep = make_sweep(trials=9, budget=self.BUDGET)
        with caplog.at_level(logging.INFO):
            sweep.run(FakeExecutor(metrics=self.METRICS))
        assert sweep.states == ["COMPLETE"] * 5
        assert caplog.text.count("success, which 2 further trials left as it is") == 1
        _keep_the_targets(sweep)
        status = study_status(sweep.repository.study, sweep.repository.url)
        assert (status.coordinator.note, status.eta_s) == ("finished", None)

    def test_a_better_one_is_looked_past_again(self, make_sweep: MakeSweep) -> None:
        sweep = make_sweep(trials=9, budget=self.BUDGET)
        later = {(number, epoch): SHARP for number in (2, 3, 5, 6) for epoch in range(2)}
        sweep.run(FakeExecutor(metrics={**self.METRICS, **later}))
        assert sweep.repository.study.user_attrs[VERDICT]["trial"] == 4
        assert sweep.states == ["COMPLETE"] * 7

    def test_failed_trials_are_not_counted(self, make_sweep: MakeSweep) -> None:
        sweep = make_sweep(trials=9, budget=self.BUDGET)
        sweep.run(FakeExecutor(metrics=self.METRICS, failing={3: "broken", 4: "broken"}))
        assert sweep.states == [*["COMPLETE"] * 3, "FAIL", "FAIL", *["COMPLETE"] * 2]

    def test_another_coordinator_counts_on_from_the_database(self, make_sweep: MakeSweep) -> None:
        first = make_sweep(trials=4, budget={**self.BUDGET, "trials": 4})
        first.run(FakeExecutor(metrics=self.METRICS))
        assert len(first.trials) == 4
        sweep = make_sweep(trials=9, budget=self.BUDGET)
        sweep.run(FakeExecutor(metrics=self.METRICS))
        assert sweep.states == ["COMPLETE"] * 5
        again = FakeExecutor()
        make_sweep(trials=9, budget=self.BUDGET).run(again)
        assert again.submitted == []

    def test_without_the_setting_it_goes_on(self, make_sweep: MakeSweep) -> None:
        make_sweep(trials=9, budget=self.BUDGET).run(FakeExecutor(metrics=self.METRICS))
        sweep = make_sweep(trials=7, budget={**self.BUDGET, "trials": 7, "stop_on_success": False})
        sweep.run(FakeExecutor(metrics=self.METRICS))
        assert len(sweep.trials) == 7

    def test_asking_for_more_trials_lets_it_go_on(
        self, make_sweep: MakeSweep, caplog: pytest.LogCaptureFixture
    ) -> None:
        sweep = make_sweep(trials=9, budget=self.BUDGET)
        sweep.run(FakeExecutor(metrics=self.METRICS))
        _keep_the_targets(sweep)
        name, url = sweep.repository.config.study, sweep.repository.url
        with caplog.at_level(logging.INFO):
            assert resumable(name, url).budget.stop_on_success
            assert not resumable(name, url, trials=20).budget.stop_on_success
        assert caplog.text.count("budget.stop_on_success is set to false") == 1

    def test_a_sweep_without_one_keeps_the_setting_when_it_gets_more_trials(
        self, make_sweep: MakeSweep
    ) -> None:
        sweep = make_sweep(trials=2, budget={**self.BUDGET, "trials": 2})
        sweep.run(FakeExecutor(metrics=self.METRICS))
        _keep_the_targets(sweep)
        name, url = sweep.repository.config.study, sweep.repository.url
        assert resumable(name, url, trials=20).budget.stop_on_success


def test_a_target_below_the_baseline_is_said(
    make_sweep: MakeSweep, caplog: pytest.LogCaptureFixture
) -> None:
    sweep = make_sweep(trials=1, objective={"targets": {"gradient": 3.0, "peak": "auto"}})
    sweep.run(FakeExecutor(metrics={(0, 1): metrics_of(gradient=3.2, peak=145.0)}))
    assert "the target of the gradient, 3, lies below the 3.2 that the baseline" in caplog.text
    assert "target of the peak" not in caplog.text


def test_a_baseline_that_breaks_a_guard_is_said(
    make_sweep: MakeSweep, caplog: pytest.LogCaptureFixture
) -> None:
    hopeless = {**BLURRED, "rmse_climatology": 9.0}
    make_sweep(trials=1).run(FakeExecutor(metrics={(0, e): hopeless for e in range(2)}))
    assert "the baseline itself breaks the guard climatology: its error is larger" in caplog.text


@pytest.mark.parametrize(
    ("metrics", "guards"),
    [
        # Its own power raises the limit that it is compared with.
        ({"power_small": 3.5, "roughness": 4.0}, []),
        # A baseline that is no better than each cell's mean raises none.
        ({"power_small": 3.5, "rmse_climatology": 9.0}, ["spectrum_small", "climatology"]),
        ({"anomaly_correlation": 0.1}, []),
        ({"anomaly_correlation": -0.1}, ["correlation"]),
    ],
)
def test_the_log_names_the_guards_that_the_record_of_the_baseline_says_are_broken(
    make_sweep: MakeSweep, caplog: pytest.LogCaptureFixture, metrics: Metrics, guards: list[str]
) -> None:
    sweep = make_sweep(trials=1)
    sweep.run(FakeExecutor(metrics={(0, e): {**BLURRED, **metrics} for e in range(2)}))
    said = re.findall(r"the baseline itself breaks the guard (\w+):", caplog.text)
    record = trial_record(sweep.trials[0])
    assert record is not None
    status = study_status(sweep.repository.study, sweep.repository.url)
    assert said == guards
    assert {guard.name for guard in record.guards if not guard.ok} == set(guards)
    assert set(status.guards_broken) == set(guards)


def test_where_every_trial_breaks_a_guard_the_baseline_is_the_best_there_is(
    make_sweep: MakeSweep,
) -> None:
    useless = {"rmse_climatology": 9.0}
    trials = [{**metrics, **useless} for metrics in (SHARP, NOISY)]
    there = {(0, epoch): {**BLURRED, **useless} for epoch in range(2)}
    there |= {(n, e): m for n, m in enumerate(trials, start=1) for e in range(2)}
    sweep = make_sweep(trials=3)
    sweep.run(FakeExecutor(metrics=there))
    status = study_status(sweep.repository.study, sweep.repository.url)
    assert status.infeasible == 3
    assert status.best is not None
    assert (status.best.trial, status.best.feasible) == (0, False)
    assert status.verdict.name == "train longer"
    assert "the baseline is not trained" in status.verdict.reason


def test_what_the_baseline_has_is_not_held_against_a_trial(make_sweep: MakeSweep) -> None:
    """Trained without any gradient term, it is not wrongly sharp; nor is 5 % more."""
    rough = {"std_ratio": 1.3, "power_small": 2.0}
    sweep = make_sweep(trials=3)
    there = {(0, e): {**BLURRED, **rough} for e in range(2)}
    there |= {(1, e): {**SHARP, **rough} for e in range(2)}
    there |= {(2, e): {**SHARP, **rough, "std_ratio": 1.37} for e in range(2)}
    sweep.run(FakeExecutor(metrics=there))
    broken = [{n for n, v in t.constraints.items() if v > 0} for t in sweep.trials]
    assert broken == [set(), set(), {"standard_deviation"}]


def test_a_pruned_trial_is_held_to_the_baseline_of_its_age(make_sweep: MakeSweep) -> None:
    """After one epoch the baseline's RMSE is 20: 22 is not 1.25 times as much, as 22 to 10 is."""
    search = {"pruner": "median", "pruner_startup_trials": 1, "pruner_warmup_epochs": 0}
    sweep = make_sweep(trials=2, search=search)
    early = metrics_of(gradient=1.0, peak=50.0, rmse=22.0)
    sweep.run(FakeExecutor(metrics={(0, 0): metrics_of(rmse=20.0), (1, 0): early}))
    assert sweep.states == ["COMPLETE", "PRUNED"]
    record = trial_record(sweep.trials[1])
    assert record is not None
    assert record.feasible
    assert record.baseline_rmse == 20.0


class TestTheFront:
    """Three objectives: distance of gradient, distance of peak, RMSE."""

    PARETO: ClassVar = {"mode": "pareto"}

    def test_a_trial_has_three_values_and_the_score_beside_them(
        self, make_sweep: MakeSweep
    ) -> None:
        sweep = _run(
            make_sweep(trials=2, objective=self.PARETO), metrics_of(gradient=2.4, peak=120, rmse=12)
        )
        distance_g, distance_p = math.log(3.0 / 2.4), math.log(100 / 80)
        assert sweep.trials[1].values == pytest.approx([distance_g, distance_p, 12.0])
        score = distance_g + distance_p + 0.25 * (12 / 10 - 1)
        assert sweep.trials[1].user_attrs["score"] == pytest.approx(score)
        assert [d.name for d in sweep.repository.study.directions] == ["MINIMIZE"] * 3

    def test_the_front_is_of_feasible_trials_and_agrees_with_optunas(
        self, make_sweep: MakeSweep
    ) -> None:
        sweep = _run(
            make_sweep(trials=6, objective=self.PARETO),
            metrics_of(gradient=2.8, peak=120.0, rmse=11.0),
            metrics_of(gradient=2.5, peak=135.0, rmse=11.0),
            metrics_of(gradient=2.5, peak=119.0, rmse=11.5),  # beaten by the one before
            NOISY,
            SHARP,
        )
        ours = [trial.number for trial in front(sweep.trials)]
        assert ours == [t.number for t in sweep.repository.study.best_trials]
        assert ours == [0, 5]
        status = study_status(sweep.repository.study, sweep.repository.url)
        assert [trial.trial for trial in status.front] == ours
        assert status.best is not None
        assert status.best.trial == 5
        assert status.as_json()["mode"] == "pareto"

    def test_the_sampler_goes_on_with_constraints_and_several_objectives(
        self, make_sweep: MakeSweep
    ) -> None:
        sweep = make_sweep(trials=14, objective=self.PARETO)
        _run(sweep, *([NOISY, SHARP] * 7)[:13])
        assert sweep.states == ["COMPLETE"] * 14
        sampler = sweep.repository.study.sampler
        assert isinstance(sampler, SharpeningShare)
        assert isinstance(sampler.sampler, RungAwareSampler)

    def test_a_study_is_gone_on_with(self, make_sweep: MakeSweep) -> None:
        _run(make_sweep(trials=2, objective=self.PARETO), SHARP)
        sweep = make_sweep(trials=3, objective=self.PARETO)
        sweep.run(FakeExecutor(metrics={(2, 1): SHARP}))
        assert [trial.state for trial in sweep.trials] == [TrialState.COMPLETE] * 3

    def test_a_pruner_is_refused(self, make_sweep: MakeSweep) -> None:
        with pytest.raises(ValueError, match=r"search\.pruner is median, which compares one score"):
            make_sweep(trials=1, objective=self.PARETO, search={"pruner": "median"})
