"""Where a study stands."""

import json

import numpy as np
import optuna
import pytest
from optuna.study import Study
from optuna.trial import TrialState

from fieldsharp.core.errors import StudyError
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.per_variable import nested
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.lookup import (
    load_study,
    open_or_create_study,
    our_studies,
    study_config,
)
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.status.report import study_status, trial_status
from fieldsharp.sweep.study.trial_records import CONFIG, RECORD, SPEC, VariableRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec
from tests.sweep.empty_record import empty_record


@pytest.fixture
def study(finished_url: str) -> Study:
    return load_study(open_database(finished_url, "read"), "tiny")


def test_a_finished_study_shows_states_best_baseline_and_targets(
    study: Study, finished_url: str, tiny_facts: DataSummary
) -> None:
    status = study_status(study, finished_url)
    assert status.states == {
        "RUNNING": 0,
        "COMPLETE": 8,
        "PRUNED": 0,
        "FAIL": 0,
        "WAITING": 0,
        "PAUSED": 0,
    }
    trials = study.get_trials()
    feasible = [t for t in trials if all(value <= 0 for value in t.constraints.values())]
    limit = min(trial.value or 0.0 for trial in feasible) + 0.001
    tied = [trial for trial in feasible if (trial.value or 0.0) <= limit]
    best = min(tied, key=lambda trial: float(trial.user_attrs["rmse"]))
    assert status.best is not None
    assert (status.best.trial, status.best.score) == (best.number, best.user_attrs["score"])
    without = status.best.sharpening.without.score
    assert best.value == pytest.approx(0.9 * status.best.score + 0.1 * without)
    assert status.best.gradient == best.user_attrs["gradient"]
    assert status.best.params.keys() == best.params.keys()
    assert status.targets == tiny_facts.least
    assert status.observed["gradient"] is not None
    assert status.targets["gradient"] == pytest.approx(0.95 * status.observed["gradient"])
    assert (status.units, status.variable, status.budget) == ("ug m-3", "plume", 8)
    assert status.eta_s is None
    assert status.failures == {}


def test_the_baseline_is_shown_with_the_values_that_were_trained(
    study: Study, finished_url: str
) -> None:
    baseline = study_status(study, finished_url).baseline
    assert baseline is not None
    assert baseline.preset == "baseline"
    assert baseline.params["gradient_weight"] == 0.0
    assert baseline.params["loss_variant"] == "none"
    assert study.get_trials()[0].params["gradient_weight"] == 0.01  # what the sampler believes


def test_a_status_is_plain_json(study: Study, finished_url: str) -> None:
    tree = json.loads(json.dumps(study_status(study, finished_url).as_json()))
    assert {"trial", "score", "gradient", "peak", "rmse", "params"} <= tree["best"].keys()


def test_the_frontier_is_given_with_what_each_forecast_costs_above_it(
    study: Study, finished_url: str
) -> None:
    tree = json.loads(json.dumps(study_status(study, finished_url).as_json()))
    curve, observed = tree["frontier"]["overall"], tree["observed"]["gradient"]
    shares, rmses = curve["gradient_shares"], curve["rmse"]
    assert len(tree["frontier"]["by_lead"]) == 2
    assert {"orthogonality", "doubts", "diagnosis", "estimate_because"} <= curve.keys()
    assert len(tree["references"]) == 5
    for one in (tree["baseline"], tree["best"], *tree["references"]):
        least = np.interp(one["gradient"] / observed, shares, rmses)
        assert one["excess_over_frontier"] == pytest.approx(one["rmse"] - least, abs=1e-9)


def test_the_best_reference_breaks_a_guard_only_where_all_do(
    study: Study, finished_url: str
) -> None:
    status = study_status(study, finished_url)
    assert status.reference is not None
    feasible = [one for one in status.references if one.feasible]
    assert status.reference.feasible is bool(feasible)
    if feasible:
        assert status.reference.score <= min(one.score for one in feasible) + 0.001


def test_before_the_first_result_there_is_no_best_and_no_eta(
    tiny_config: SweepConfig, tiny_facts: DataSummary, storage_url: str
) -> None:
    study = open_or_create_study(open_database(storage_url, "write"), tiny_config, tiny_facts)
    repository = StudyRepository(study, tiny_config, storage_url, tiny_facts)
    repository.prepare()
    repository.ask()
    status = study_status(study, storage_url)
    assert (status.best, status.baseline, status.eta_s) == (None, None, None)
    assert (status.states["RUNNING"], status.states["WAITING"]) == (1, 5)


def test_a_failed_trial_is_shown_with_its_reason(
    tiny_config: SweepConfig, tiny_facts: DataSummary, storage_url: str
) -> None:
    study = open_or_create_study(open_database(storage_url, "write"), tiny_config, tiny_facts)
    repository = StudyRepository(study, tiny_config, storage_url, tiny_facts)
    repository.prepare()
    repository.ask()
    repository.ask()
    repository.fail(1, "the training diverged")
    study.tell(study.ask(), state=TrialState.FAIL)
    assert study_status(study, storage_url).failures == {
        1: "the training diverged",
        2: "no reason was kept",
    }


def test_studies_of_others_are_not_listed_and_not_shown(storage_url: str) -> None:
    storage = open_database(storage_url, "write")
    foreign = optuna.create_study(study_name="foreign", storage=storage)
    foreign.tell(foreign.ask(), 1.0)
    assert our_studies(storage) == []
    with pytest.raises(StudyError, match="'foreign' has no config: it was not started by this"):
        study_status(foreign, storage_url)
    with pytest.raises(StudyError, match="trial 0 has no record of its training"):
        trial_status(foreign.get_trials()[0])


def test_our_studies_are_listed(finished_url: str) -> None:
    assert our_studies(open_database(finished_url, "read")) == ["tiny"]


def test_a_configuration_of_another_version_is_named(storage_url: str) -> None:
    storage = open_database(storage_url, "write")
    study = optuna.create_study(study_name="old", storage=storage)
    study.set_user_attr(CONFIG, {"data": {"path": "a.nc"}, "telepathy": True})
    with pytest.raises(StudyError, match=r"of another version of this program \(telepathy: "):
        study_config(study)


def test_an_rmse_above_that_of_the_last_known_frame_is_told_of_each_variable(
    tiny_config: SweepConfig,
) -> None:
    figures = {"gradient": 1.0, "peak": 1.0, "rmse": 1.0}
    of_each = {
        name: MetricValues(
            overall={**figures, "rmse_persistence": still, "rmse_climatology": 1.2}, by_lead={}
        )
        for name, still in (("t2m", 1.1), ("u10", 0.9))
    }
    record = empty_record(0.1).model_copy(
        update={
            "judgement": nested(of_each),
            "variables": {
                name: VariableRecord(score=0.1, score_parts={}, baseline_rmse=1.0)
                for name in of_each
            },
        }
    )
    spec = TrialSpec(number=0, run=tiny_config.run)
    attributes = {SPEC: spec.model_dump(mode="json"), RECORD: record.model_dump(mode="json")}
    trial = optuna.trial.create_trial(value=0.1, user_attrs=attributes)
    trial.number = 0

    (warning,) = trial_status(trial).warnings

    assert warning.startswith("u10: its RMSE, 1, is above the 0.9 of the last known frame")
    assert not trial_status(trial, variable="t2m").warnings
    assert len(trial_status(trial, variable="u10").warnings) == 1
