"""Confirming a study of three candidates, with real trainings on the tiny data."""

import math
import shutil
import signal
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from optuna.study import Study

from fieldsharp.core.errors import DataError, FieldsharpError, StoppedOnRequest, StudyError
from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.model.device import find_hardware
from fieldsharp.model.sharpeners.fitted import FittedSharpener
from fieldsharp.objectives.guards import broken, check_guards
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import Band
from fieldsharp.storage.database import open_database
from fieldsharp.storage.study_lock import StudyLock
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.confirm import confirm_study
from fieldsharp.sweep.execution.executor import ExecutorPlan
from fieldsharp.sweep.study.confirmation.over_seeds import OverSeeds
from fieldsharp.sweep.study.confirmation.records import BandsOfSplit, read_confirmation
from fieldsharp.sweep.study.confirmation.runs import read_runs
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.lookup import load_study, open_or_create_study
from fieldsharp.sweep.study.trial_spec import Part
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.member_forecasts import Forecaster
from fieldsharp.sweep.trials.trial import Trial
from tests.sweep.engine.confirming import (
    BASE,
    GRADIENT,
    NOISY,
    SORTED,
    TRIALS,
    Executor,
    Trainings,
    add_trial,
    confirm,
    study_to_confirm,
)

MakeStudy = Callable[..., Study]


@pytest.fixture(scope="module")
def trainings(tiny_data: ForecastData) -> Trainings:
    return Trainings(tiny_data)


@pytest.fixture
def make_study(storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary) -> MakeStudy:
    return partial(study_to_confirm, storage_url, tiny_config, tiny_facts)


def _config_of(study: Study) -> SweepConfig:
    return SweepConfig.model_validate(study.user_attrs["config"])


def _judged_by_hand(
    config: SweepConfig, data: ForecastData, part: Part, loss: tuple[str, float], seed: int
) -> MetricValues:
    """What a training comes to on a split, judged after every epoch."""
    run = config.run_with(
        {
            "loss.variant": loss[0],
            "loss.gradient_weight": loss[1],
            "loss.multi_step": "last",
            "training.seed": seed,
        }
    )
    trial = Trial(run, data, find_hardware(run.training), Evaluator(data, data.part(part)))
    return list(trial.epochs())[-1].judgement


def _requires_figures_by_hand(
    config: SweepConfig,
    objective: ObjectiveSettings,
    data: ForecastData,
    part: Part,
    bands: BandsOfSplit,
    trial: OverSeeds,
) -> list[float]:
    """Compare SORTED with trainings done by hand; return the leads over the baseline by seed."""
    scores, held, differences, feasible, ratios = [], [], [], 0, []
    for seed in (1001, 1002):
        base = _judged_by_hand(config, data, part, ("none", 0.0), seed)
        sharp = _judged_by_hand(config, data, part, ("sorted", 1.0), seed)
        observed = base.overall
        mean = observed["mean_observed"]
        low, high = 0.95 * observed["gradient_observed"], 1.05 * observed["gradient_observed"]
        above = observed["peak_observed"] - mean
        both = []
        for judgement in (base, sharp):
            m = judgement.overall
            excess = 0.25 * max(0.0, m["rmse"] / base.overall["rmse"] - 1.0)
            both.append(
                Band(low, high).distance(m["gradient"])
                + Band(mean + 0.95 * above, mean + 1.05 * above, mean).distance(m["peak"])
                + excess
            )
        scores.append(both[1])
        fair = not broken(check_guards(sharp, objective.guards, base))
        held.append(both[1] if fair else max(both))
        differences.append(both[0] - held[-1])
        feasible += fair
        ratios.append(sharp.overall["rmse"] / base.overall["rmse"])
    assert trial.score is not None
    assert trial.below_baseline is not None
    assert trial.score.mean == pytest.approx(sum(scores) / 2, rel=1e-9)
    # of two values the standard error is half their distance
    assert trial.score.error == pytest.approx(abs(scores[0] - scores[1]) / 2, rel=1e-9)
    assert trial.held_score.mean == pytest.approx(sum(held) / 2, rel=1e-9)
    assert trial.below_baseline.mean == pytest.approx(sum(differences) / 2, rel=1e-9)
    assert trial.feasible == feasible
    assert trial.rmse_over_baseline == pytest.approx(sum(ratios) / 2, rel=1e-9)
    assert bands.gradient.low == pytest.approx(low)
    return differences


def test_scores_and_guards_on_both_splits_are_those_of_trainings_done_by_hand(
    make_study: MakeStudy, storage_url: str, tiny_config: SweepConfig, trainings: Trainings
) -> None:
    study = make_study(rmse_over_baseline=1.05)
    executor = Executor(trainings)
    found = confirm(storage_url, executor, top=1)
    assert executor.trained == [(BASE, 1001), (SORTED, 1001), (BASE, 1002), (SORTED, 1002)]
    assert executor.closed
    assert found.seeds == [1001, 1002]

    objective = _config_of(study).objective
    trial, tested = found.for_trial(SORTED), found.tested
    assert trial is not None
    assert tested is not None
    by_hand = (tiny_config, objective, trainings.data)
    leads = _requires_figures_by_hand(*by_hand, "validation", found, trial)
    assert sum(leads) > 0
    # From a few windows nobody can tell: the better one is taken, and that is said.
    assert (found.best, found.winner) == (SORTED, SORTED)
    assert "it can't be told from chance" in found.sentence
    assert executor.tested == [(BASE, 1001), (SORTED, 1001), (BASE, 1002), (SORTED, 1002)]
    assert tested.winner is not None
    _requires_figures_by_hand(*by_hand, "test", tested, tested.winner)
    assert read_confirmation(load_study(open_database(storage_url, "read"), "tiny")) == found


def test_the_same_command_goes_on_where_it_was_and_trains_nothing_twice(
    make_study: MakeStudy, storage_url: str, trainings: Trainings
) -> None:
    study = make_study()
    stopped = Executor(trainings, signal_at=3)
    with pytest.raises(StoppedOnRequest, match="was stopped with 2 of 4 trainings done; run the"):
        confirm(storage_url, stopped, top=1)
    assert stopped.closed
    kept = read_runs(study, storage_url, "validation")
    assert list(kept) == [(BASE, 1001), (SORTED, 1001)]
    assert read_confirmation(study) is None

    go_on_hint = Executor(trainings)
    found = confirm(storage_url, go_on_hint, top=1)
    assert go_on_hint.trained == [(BASE, 1002), (SORTED, 1002)]
    assert read_runs(study, storage_url, "validation")[BASE, 1001] == kept[BASE, 1001]

    again = Executor(trainings)
    assert confirm(storage_url, again, top=1) == found
    assert again.trained == []

    wider = Executor(trainings)
    of_two = confirm(storage_url, wider, top=2)
    assert wider.trained == [(GRADIENT, 1001), (GRADIENT, 1002)]  # the second of SORTED is left out

    narrower = Executor(trainings)
    assert confirm(storage_url, narrower, top=1) == of_two  # which forgets none
    assert narrower.trained == []


def test_a_failed_training_is_kept_with_its_reason_and_is_not_feasible(
    make_study: MakeStudy, storage_url: str, trainings: Trainings
) -> None:
    study = make_study()
    failing = frozenset({(SORTED, 1001), (SORTED, 1002), (GRADIENT, 1002)})
    executor = Executor(trainings, failing)
    found = confirm(storage_url, executor)
    assert len(executor.trained) == len(set(executor.trained)) == 6, "each was tried once"
    assert (
        read_runs(study, storage_url, "validation")[SORTED, 1002].failure == "the training diverged"
    )
    sharp, gradient = found.for_trial(SORTED), found.for_trial(GRADIENT)
    assert sharp is not None
    assert gradient is not None
    assert (sharp.feasible, sharp.score) == (0, None)
    assert gradient.feasible == 1  # of two: not more than half
    assert [outcome.failure for outcome in gradient.outcomes] == [None, "the training diverged"]
    assert found.winner == BASE


def test_what_failed_is_tried_again_by_the_next_call(
    make_study: MakeStudy, storage_url: str, trainings: Trainings
) -> None:
    study = make_study()
    failing = frozenset({(BASE, 1001), (SORTED, 1002)})
    confirm(storage_url, Executor(trainings, failing), top=1)
    kept = read_runs(study, storage_url, "validation")

    second = Executor(trainings, frozenset({(SORTED, 1002)}))
    found = confirm(storage_url, second, top=1)
    assert second.trained == [(BASE, 1001), (SORTED, 1002)]
    runs = read_runs(study, storage_url, "validation")
    assert runs[BASE, 1001].failure is None, "overwritten"
    assert runs[SORTED, 1002] == kept[SORTED, 1002], "failed again"
    assert runs[BASE, 1002] == kept[BASE, 1002]
    assert [trial.feasible for trial in found.trials] == [2, 1]

    third = Executor(trainings)
    found = confirm(storage_url, third, top=1)
    assert third.trained == [(SORTED, 1002)]
    assert [trial.feasible for trial in found.trials] == [2, 2]
    assert read_confirmation(load_study(open_database(storage_url, "read"), "tiny")) == found


def test_a_baseline_that_always_failed_is_tried_again(
    make_study: MakeStudy, storage_url: str, trainings: Trainings
) -> None:
    make_study()
    failing = frozenset({(BASE, 1001)})
    with pytest.raises(FieldsharpError, match="run the same command again"):
        confirm(storage_url, Executor(trainings, failing), top=1, seeds=1)
    again = Executor(trainings)
    confirm(storage_url, again, top=1, seeds=1)
    assert again.trained == [(BASE, 1001)]


def test_the_test_split_is_read_after_all_trials_were_compared(
    make_study: MakeStudy,
    storage_url: str,
    tiny_data: ForecastData,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_study()
    parts: list[tuple[int, bool]] = []
    whole = Evaluator.evaluate_sharpened

    def count(
        self: Evaluator,
        predictor: Forecaster,
        sharpeners: Mapping[str, FittedSharpener],
        *,
        detail: bool = True,
        **more: Any,
    ) -> dict[str, MetricValues]:
        parts.append((int(self._windows.starts_B[0]), detail))
        return whole(self, predictor, sharpeners, detail=detail, **more)

    monkeypatch.setattr(Evaluator, "evaluate_sharpened", count)
    executor = Executor(Trainings(tiny_data))
    confirm(storage_url, executor, top=1, seeds=1)
    first = int(tiny_data.test.starts_B[0])
    before = int(tiny_data.validation.starts_B[0])
    # Each training after its last epoch; then the winner and the baseline, and what is observed.
    tests = len(executor.tested)
    assert parts == [(before, True)] * 2 + [(first, True)] * tests + [(first, False)]
    assert [spec.judged_on for spec in executor.submitted] == ["validation"] * 2 + ["test"] * tests


def test_a_number_as_target_is_taken_as_it_is(
    make_study: MakeStudy, storage_url: str, trainings: Trainings
) -> None:
    study = make_study()
    tree = _config_of(study).model_dump(mode="json")
    tree["objective"]["targets"]["gradient"] = 1e4  # sharper than anything observed
    study.set_user_attr("config", tree)
    found = confirm(storage_url, Executor(trainings), top=1, seeds=1).tested
    assert found is not None
    assert (found.gradient.low, found.gradient.high) == (1e4, 1e4)
    baseline = found.baseline
    assert baseline.score is not None
    assert baseline.gradient is not None
    assert baseline.score.mean >= math.log(1e4 / baseline.gradient.mean)


def test_another_data_file_is_refused(
    make_study: MakeStudy, storage_url: str, trainings: Trainings, plume_file: Path
) -> None:
    moved = plume_file.with_name("moved.nc")
    shutil.copy(plume_file, moved)
    study = make_study(moved)
    with moved.open("ab") as file:
        file.write(b"\0")
    executor = Executor(trainings)
    with pytest.raises(DataError, match=r"moved\.nc is not the one study 'tiny' was started on"):
        confirm(storage_url, executor)
    moved.unlink()
    with pytest.raises(DataError, match=r"moved\.nc"):
        confirm(storage_url, executor)
    assert executor.submitted == []
    assert read_runs(study, storage_url, "validation") == {}


def test_a_moved_data_file_is_found_where_the_study_says(
    make_study: MakeStudy, storage_url: str, trainings: Trainings, plume_file: Path
) -> None:
    elsewhere = plume_file.with_name("elsewhere.nc")
    shutil.copy(plume_file, elsewhere)
    study = make_study()
    tree = _config_of(study).model_dump(mode="json")
    study.set_user_attr("config", {**tree, "data": {**tree["data"], "path": str(elsewhere)}})
    executor = Executor(trainings)
    confirm(storage_url, executor, top=1, seeds=1)
    assert {spec.run.data.path for spec in executor.submitted} == {str(elsewhere)}
    assert all(spec.data_sha256 for spec in executor.submitted)


def test_a_study_in_which_nothing_is_feasible_is_refused(
    storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary, trainings: Trainings
) -> None:
    study = open_or_create_study(open_database(storage_url, "write"), tiny_config, tiny_facts)
    for number in (BASE, NOISY):
        add_trial(study, tiny_config, TRIALS[number])
    with pytest.raises(StudyError, match="nothing beat the baseline"):
        confirm(storage_url, Executor(trainings))


def test_a_study_that_is_being_run_is_refused(
    make_study: MakeStudy, storage_url: str, trainings: Trainings
) -> None:
    make_study()
    with (
        StudyLock(storage_url, "tiny"),
        pytest.raises(StudyError, match="study 'tiny' is being run by process"),
    ):
        confirm(storage_url, Executor(trainings))


def test_a_stop_before_the_first_training_is_orderly(
    make_study: MakeStudy, storage_url: str, trainings: Trainings
) -> None:
    make_study()

    def interrupted(_config: SweepConfig) -> ExecutorPlan:
        signal.raise_signal(signal.SIGINT)
        return ExecutorPlan(1, lambda _folder: Executor(trainings))

    with pytest.raises(StoppedOnRequest, match="before any training was started"):
        confirm_study("tiny", storage_url, 1, 1, plan_executor=interrupted)


def test_a_trial_goes_on_from_the_baseline_that_is_trained_with_the_same_seed(
    make_study: MakeStudy, storage_url: str, trainings: Trainings
) -> None:
    study = make_study()
    best = len(TRIALS)
    which = ("sobel", 0.3, 0, 0.01, True)
    add_trial(study, _config_of(study), which, goes_on=True)
    executor = Executor(trainings)
    confirm(storage_url, executor, top=1)
    # Two at a time, and none before the baseline of its seed has ended.
    assert executor.trained == [(BASE, 1001), (BASE, 1002), (best, 1001), (best, 1002)]
    short = executor.submitted[2]
    assert (short.run.training.epochs, short.starts_with) == (1, BASE)
    assert short.run.start_from is not None
    assert short.run.start_from.training.seed == 1001
    baseline = executor.submitted[0]
    sharpening = {"sharpening": baseline.run.sharpening}  # the weights do not depend on it
    first = short.of_its_start.model_copy(
        update={"run": short.of_its_start.run.model_copy(update=sharpening)}
    )
    assert first.fingerprint == baseline.fingerprint
