"""What confirming a study came to, kept with it."""

import pytest
from optuna.study import Study
from optuna.trial import TrialState, create_trial
from pydantic import ValidationError

from fieldsharp.core.errors import StudyError
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.verdicts.verdict import CONFIRM_FIRST, Verdict
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.confirmation.over_seeds import (
    ConfirmedReference,
    ConfirmedTrial,
    SeedOutcome,
    Spread,
)
from fieldsharp.sweep.study.confirmation.records import (
    Confirmation,
    next_step,
    read_confirmation,
    shortfall,
    write_confirmation,
)
from fieldsharp.sweep.study.confirmation.runs import ConfirmedRun, read_runs, write_run
from fieldsharp.sweep.study.data_summary import BandSummary, DataSummary
from fieldsharp.sweep.study.lookup import load_study, open_or_create_study

JUDGEMENT = MetricValues(overall={"rmse": 0.1}, by_lead={"rmse": [0.1, 0.2]})


def _trial(number: int, feasible: int = 1) -> ConfirmedTrial:
    return ConfirmedTrial(
        trial=number,
        configuration="sobel 0.2 all",
        score=Spread(mean=0.1, error=None),
        held_score=Spread(mean=0.2, error=0.1),
        gradient=None,
        peak=None,
        rmse=None,
        rmse_over_baseline=None,
        below_baseline=None,
        feasible=feasible,
        outcomes=[
            SeedOutcome(seed=1001, score=0.1, gradient=2.0, peak=9.0, rmse=1.0),
            SeedOutcome(seed=1002, failure="it diverged"),
        ],
    )


def _reference() -> ConfirmedReference:
    trial = _trial(0).model_dump(exclude={"trial", "configuration", "sharpening"})
    return ConfirmedReference(name="unsharp", **trial)


def _confirmation() -> Confirmation:
    return Confirmation(
        winner=4,
        sentence="trial 4 wins",
        baseline=0,
        seeds=[1001, 1002],
        finished_trials=8,
        gradient=BandSummary(low=1.0, high=2.0, offset=0.0),
        peak=BandSummary(low=1.0, high=2.0, offset=0.0),
        trials=[_trial(0), _trial(4)],
        references=[_reference()],
    )


@pytest.fixture
def study(storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary) -> Study:
    return open_or_create_study(open_database(storage_url, "write"), tiny_config, tiny_facts)


def test_a_confirmation_is_read_as_it_was_written(study: Study, storage_url: str) -> None:
    assert read_confirmation(study) is None
    write_confirmation(study, storage_url, _confirmation())
    again = load_study(open_database(storage_url, "read"), "tiny")
    found = read_confirmation(again)
    assert found == _confirmation()
    assert found is not None
    assert found.winner == 4
    assert found.for_trial(4) == _trial(4)
    assert found.for_trial(3) is None


def test_each_run_has_an_attribute_of_its_own(study: Study, storage_url: str) -> None:
    runs = [
        ConfirmedRun(trial=0, seed=1001, judgement=JUDGEMENT, seconds=2.5, device="cpu"),
        ConfirmedRun(trial=11, seed=1002, failure="it diverged", sharpening="unsharp"),
        ConfirmedRun(
            trial=12, seed=1001, judgement=JUDGEMENT, sharpening="inflate", without=JUDGEMENT
        ),
        ConfirmedRun(trial=0, seed=1002, judgement=JUDGEMENT, sharpened={"inflate": JUDGEMENT}),
    ]
    for run in runs:
        write_run(study, storage_url, run, "test")
    write_confirmation(study, storage_url, _confirmation())
    assert {"confirm:0:1001", "confirm:11:1002"} < study.user_attrs.keys()
    assert read_runs(study, storage_url, "test") == {(run.trial, run.seed): run for run in runs}


def test_what_an_earlier_version_wrote_has_no_sharpener(study: Study, storage_url: str) -> None:
    confirmation = _confirmation().model_dump(mode="json")
    del confirmation["references"]
    for trial in confirmation["trials"]:
        assert list(trial)[:3] == ["trial", "configuration", "score"]
        del trial["sharpening"]
    study.set_user_attr("confirmation", confirmation)
    found = read_confirmation(study)
    assert found is not None
    assert found.references == []
    assert [trial.sharpening for trial in found.trials] == ["none", "none"]

    run = {"trial": 0, "seed": 1001, "judgement": JUDGEMENT.model_dump(mode="json")}
    study.set_user_attr("confirm:0:1001", run)
    found_run = read_runs(study, storage_url, "test")[0, 1001]
    assert (found_run.sharpening, found_run.without, found_run.sharpened) == ("none", None, None)
    assert found_run.forecasts == {"none": JUDGEMENT}


def test_a_run_has_the_forecast_without_its_sharpener_and_with_it() -> None:
    other = MetricValues(overall={"rmse": 0.2}, by_lead={})
    run = ConfirmedRun(trial=4, seed=1, judgement=JUDGEMENT, sharpening="inflate", without=other)
    assert run.forecasts == {"none": other, "inflate": JUDGEMENT}
    baseline = ConfirmedRun(trial=0, seed=1, judgement=JUDGEMENT, sharpened={"inflate": other})
    assert baseline.forecasts == {"none": JUDGEMENT, "inflate": other}
    assert ConfirmedRun(trial=0, seed=1, failure="it diverged").forecasts == {}


@pytest.mark.parametrize("given", [{}, {"judgement": JUDGEMENT, "failure": "it diverged"}])
def test_a_run_is_judged_or_failed(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="either a judgement or a failure"):
        ConfirmedRun.model_validate({"trial": 0, "seed": 1001, **given})


def test_more_than_half_of_the_seeds_must_be_feasible() -> None:
    assert not _trial(0, feasible=1).mostly_feasible
    assert _trial(0, feasible=2).mostly_feasible


def test_trials_finished_since_are_counted() -> None:
    ended = [TrialState.COMPLETE] * 5 + [TrialState.FAIL, TrialState.PRUNED, TrialState.COMPLETE]
    trials = [
        create_trial(state=state, value=0.1 if state is TrialState.COMPLETE else None)
        for state in [*ended, TrialState.RUNNING, TrialState.WAITING]
    ]
    assert _confirmation().newer_trials(trials) == 0
    assert _confirmation().newer_trials([*trials, *trials[5:7]]) == 2


def test_what_another_version_wrote_is_named(study: Study, storage_url: str) -> None:
    study.set_user_attr("confirmation", {"winner": 3})
    study.set_user_attr("confirm:0:1001", {"seed": 1001})
    with pytest.raises(StudyError, match="the confirmation kept with study 'tiny' is of another"):
        read_confirmation(study)
    with pytest.raises(StudyError, match="the confirm:0:1001 kept with study 'tiny' is of another"):
        read_runs(study, storage_url, "test")


def test_what_is_confirmed_is_not_to_be_confirmed_again() -> None:
    advice = f"{CONFIRM_FIRST}go on"
    confirmation = _confirmation()
    confirmed = confirmation.trials[1].trial
    for trial, kept, expected in (
        (confirmed, confirmation, "go on"),
        (confirmed, None, advice),
        (99, confirmation, advice),
        (None, confirmation, advice),
    ):
        verdict = Verdict(name="success", reason="it is sharp", next=advice, trial=trial)
        assert next_step(verdict, kept) == expected


def test_a_success_that_was_not_confirmed_is_said() -> None:
    confirmation = _confirmation()
    short = confirmation.trials[1].model_copy(
        update={"gradient": Spread(mean=0.9, error=0.01), "peak": Spread(mean=1.5, error=0.01)}
    )
    confirmation = confirmation.model_copy(update={"trials": [confirmation.trials[0], short]})
    verdict = Verdict(name="success", reason="it is sharp", next="go on", trial=4)
    assert shortfall(verdict, confirmation) == (
        "trial 4 falls short of its targets on new seeds and the test split: gradient 0.9 of 1"
    )
    assert shortfall(verdict, None) is None
    assert shortfall(verdict.model_copy(update={"trial": 7}), confirmation) is None
    assert shortfall(verdict.model_copy(update={"name": "promising"}), confirmation) is None
