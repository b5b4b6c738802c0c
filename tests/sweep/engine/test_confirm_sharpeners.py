"""Confirming trials with the sharpener that the search chose, and the baseline under every one."""

import json
from dataclasses import replace

import pytest
from optuna.study import Study

from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.model.registry import SHARPENERS
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.confirmation.records import read_confirmation
from fieldsharp.sweep.study.confirmation.runs import ConfirmedRun, read_runs
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.sharpening import SharpeningPlan
from tests.sweep.engine.confirming import (
    AGAIN,
    BASE,
    GRADIENT,
    SORTED,
    Executor,
    Trainings,
    confirm,
    study_to_confirm,
)


@pytest.fixture(scope="module")
def trainings(tiny_data: ForecastData) -> Trainings:
    return Trainings(tiny_data)


@pytest.fixture
def study(storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary) -> Study:
    chosen = {BASE: "none", SORTED: "inflate", AGAIN: "inflate", GRADIENT: "none"}
    return study_to_confirm(storage_url, tiny_config, tiny_facts, sharpeners=chosen)


def test_each_trial_is_fitted_with_the_sharpener_of_the_search_and_the_baseline_with_all(
    study: Study, storage_url: str, trainings: Trainings
) -> None:
    executor = Executor(trainings)
    confirm(storage_url, executor, seeds=1)
    plans = {spec.number: SharpeningPlan.for_trial(spec) for spec in executor.submitted}
    assert plans == {
        BASE: SharpeningPlan(tuple(SHARPENERS)),
        SORTED: SharpeningPlan(("inflate",), must_fit=True),  # one that cannot be fitted fails
        GRADIENT: SharpeningPlan((), must_fit=True),
    }


def test_a_run_is_kept_with_its_sharpener_and_without(
    study: Study, storage_url: str, trainings: Trainings
) -> None:
    executor = Executor(trainings)
    found = confirm(storage_url, executor, seeds=1)
    runs = read_runs(study, storage_url, "validation")
    compared = [spec for spec in executor.submitted if spec.judged_on == "validation"]
    reports = {spec.number: trainings.reports(spec)[-1] for spec in compared}
    base, sharp, gradient = (runs[number, 1001] for number in (BASE, SORTED, GRADIENT))
    assert sharp.sharpening == "inflate"
    assert sharp.judgement == reports[SORTED].sharpened["inflate"]
    assert sharp.without == reports[SORTED].judgement
    assert sharp.judgement != sharp.without
    assert (gradient.sharpening, gradient.without) == ("none", None)
    assert gradient.judgement == reports[GRADIENT].judgement
    assert (base.sharpening, base.judgement) == ("none", reports[BASE].judgement)
    assert base.sharpened == reports[BASE].sharpened
    assert base.sharpened is not None
    assert set(base.sharpened) == set(SHARPENERS)
    assert sharp.sharpened is None

    assert [trial.sharpening for trial in found.trials] == ["none", "inflate", "none"]
    assert [one.name for one in found.references] == list(base.sharpened)
    inflated = next(one for one in found.references if one.name == "inflate")
    assert inflated.gradient is not None
    assert inflated.gradient.mean == base.sharpened["inflate"].overall["gradient"]
    assert found.winner in (BASE, SORTED, GRADIENT)
    assert "the baseline under " in found.sentence
    assert read_confirmation(load_study(open_database(storage_url, "read"), "tiny")) == found


def test_a_training_that_was_not_judged_under_its_sharpener_fails(
    study: Study, storage_url: str, trainings: Trainings
) -> None:
    class Unsharpened(Trainings):
        def reports(self, spec: TrialSpec) -> list[EpochReport]:
            return [replace(report, sharpened={}) for report in trainings.reports(spec)]

    found = confirm(storage_url, Executor(Unsharpened(trainings.data)), top=1, seeds=1)
    run = read_runs(study, storage_url, "validation")[SORTED, 1001]
    assert run.failure == "its last epoch was not judged under the sharpener 'inflate'"
    assert run.sharpening == "inflate"
    assert found.trials[1].feasible == 0
    assert found.references == [], "no sharpener could be fitted on the baseline"


def test_what_an_earlier_version_trained_for_the_test_split_is_not_trained_again(
    storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary, trainings: Trainings
) -> None:
    study = study_to_confirm(storage_url, tiny_config, tiny_facts)
    confirm(storage_url, Executor(trainings), top=1, seeds=1)
    kept = read_runs(study, storage_url, "test")
    for (trial, seed), run in kept.items():
        study.set_user_attr(f"confirm:{trial}:{seed}", _as_before_sharpeners(run))

    executor = Executor(trainings)
    found = confirm(storage_url, executor, top=1, seeds=2)
    assert executor.trained == [(BASE, 1002), (SORTED, 1002)]
    assert {seed for _, seed in executor.tested} == {1002}
    assert found.tested is not None
    assert found.tested.baseline.intervals is None, "the windows of the first seed are not known"
    assert found.tested.reference is None, "the first seed has none"


def _as_before_sharpeners(run: ConfirmedRun) -> dict[str, object]:
    stored: dict[str, object] = json.loads(run.model_dump_json())
    for key in ("sharpening", "without", "sharpened", "window_statistics"):
        stored.pop(key, None)
    return stored
