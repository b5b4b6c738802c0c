"""A report is made of what there is: what is missing is said, and stops nothing."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from optuna.trial import FrozenTrial

from fieldsharp.core.errors import StudyError
from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.storage.location.paths import study_folder
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.report.collect import collect_report
from fieldsharp.sweep.report.model import Report
from fieldsharp.sweep.report.render import lay_out, render
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import study_identity
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.preview_builder import PreviewBuilder
from tests.sweep.report.conftest import NAME, Whole
from tests.sweep.report.studies import (
    against_a_guard,
    copy_samples,
    failed,
    make_study,
    moved,
    pruned,
    trials_of,
)


def test_the_nets_that_are_kept_are_judged_on_the_test_split(
    whole: Whole, tiny_data: ForecastData
) -> None:
    test = whole.report.test
    assert test is not None
    judge, pictures = Evaluator(tiny_data, tiny_data.test), PreviewBuilder(tiny_data, "test")
    for kind, trial in whole.trained.items():
        name = whole.sharpeners.get(kind, NO_SHARPENER)
        found = judge.evaluate_sharpened(trial.predictor, trial.sharpeners)
        assert test.results[kind].metrics == found[name]
        drawn = pictures.forecasts(trial.predictor, trial.sharpeners)[name]
        np.testing.assert_array_equal(test.forecasts[kind].values_LHW, drawn.values_LHW)
    best = whole.sharpeners["reference"]
    sharpened = judge.evaluate_sharpened(
        whole.trained["baseline"].predictor, whole.trained["baseline"].sharpeners
    )
    assert test.results["reference"].metrics == sharpened[best]
    assert test.observed is not None
    assert test.observed.part == "test"
    assert list(test.forecasts) == ["baseline", "reference", "forecast"]
    low = test.targets.gradient.low
    assert low == pytest.approx(0.95 * test.observed_metrics["gradient_observed"])


def test_trials_are_counted_by_what_became_of_them(whole: Whole) -> None:
    points = whole.report.trials
    assert [p.state for p in points].count("COMPLETE") == 9
    assert [p.state for p in points][-3:-1] == ["FAIL", "PRUNED"]
    assert points[-1].guards_broken == ("spike",)
    assert whole.report.failures == {8: NAME}
    spike = next(row for row in whole.report.guards if row.name == "spike")
    assert spike.broken_by == 1
    assert spike.outcomes["baseline"].ok
    assert whole.report.cost.states == {"COMPLETE": 9, "PRUNED": 1, "FAIL": 1}


def test_losses_are_summed_up_the_best_first(whole: Whole) -> None:
    rows = {row.name: row for row in whole.report.variants}
    assert sum(row.trials for row in rows.values()) == 10, "the pruned one was tried, too"
    assert rows["sorted"].sharpens is True
    assert rows["sobel"].sharpens is False
    best = [row.best for row in whole.report.variants if row.best is not None]
    assert best == sorted(best)


def _fallback(report: Report) -> str:
    assert report.test is None
    assert report.validation.observed is not None
    assert set(report.validation.forecasts) == {"baseline", "reference", "forecast"}
    assert report.main_split is report.validation
    return report.why_no_test


def test_without_its_data_file_a_study_shows_its_validation_split(
    finished_url: str,
    storage_url: str,
    tmp_path: Path,
    tiny_config: SweepConfig,
    tiny_facts: DataSummary,
) -> None:
    away = moved(tiny_config, tmp_path / "away.nc")
    study = make_study(storage_url, away, tiny_facts, trials_of(finished_url))
    copy_samples(finished_url, storage_url, study)
    assert "away.nc is not at the path" in _fallback(collect_report("tiny", storage_url))

    shutil.copy(str(tiny_config.data.path), tmp_path / "away.nc")
    with (tmp_path / "away.nc").open("ab") as file:
        file.write(b"!")
    assert "has changed since" in _fallback(collect_report("tiny", storage_url))


def test_without_checkpoints_a_study_shows_its_validation_split_and_says_so(
    finished_url: str,
) -> None:
    report = collect_report("tiny", finished_url)

    assert "no checkpoint of trial 0" in _fallback(report)
    assert report.chosen is not None


def test_a_checkpoint_of_another_training_is_not_shown_as_this_one(
    whole: Whole, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(Path(whole.url.removeprefix("sqlite:///")).parent, folder)
    url = f"sqlite:///{folder / 'x.db'}"
    files = StudyWorkspace(url, study_identity(whole.study))
    shutil.rmtree(files.checkpoints(0))
    shutil.copytree(files.checkpoints(whole.best), files.checkpoints(0))

    assert "no checkpoint of trial 0" in _fallback(collect_report(NAME, url))


def _text(report: Report) -> str:
    return render(report, lay_out(report))


@pytest.mark.parametrize("kind", ["nothing", "failures alone", "baseline alone", "none feasible"])
def test_any_study_has_a_report(
    kind: str,
    finished_url: str,
    storage_url: str,
    tiny_config: SweepConfig,
    tiny_facts: DataSummary,
) -> None:
    trials = trials_of(finished_url)
    made: dict[str, list[FrozenTrial]] = {
        "nothing": [],
        "failures alone": [failed(trials[0]), pruned(trials[1])],
        "baseline alone": trials[:1],
        "none feasible": [against_a_guard(trial) for trial in trials[:2]],
    }
    make_study(storage_url, tiny_config, tiny_facts, made[kind])
    report = collect_report("tiny", storage_url)
    text = _text(report)

    assert report.verdict.name in text
    assert "is unknown: it takes" in text
    if kind in ("nothing", "failures alone"):
        assert report.chosen is None
        assert "No trial is complete yet, so there is no forecast to show." in text
        assert ("the training diverged" in text) == (kind == "failures alone")
    else:
        assert report.chosen is not None
        assert report.chosen.is_baseline
        assert "There are no pictures: of the test split because" in text
    breaks = "Every trial besides the baseline breaks a guard."
    assert (breaks in text) == (kind == "none feasible"), "of no trial it would be no news"
    assert ("No trial but the baseline is complete" in text) == (kind == "baseline alone")
    if kind == "none feasible":
        assert "spike (2 trials)" in text
        assert "Every complete trial breaks a guard, so there is no front." in text


def test_a_front_of_several_objectives_has_a_report(
    finished_url: str, storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary
) -> None:
    objective = tiny_config.objective.model_copy(update={"mode": "pareto"})
    pareto = tiny_config.model_copy(update={"objective": objective})
    trials = []
    for trial in trials_of(finished_url)[:3]:
        parts = trial.user_attrs["record"]["score_parts"]
        trial.values = [parts["gradient"], parts["peak"], trial.user_attrs["rmse"]]
        trials.append(trial)
    make_study(storage_url, pareto, tiny_facts, trials)
    report = collect_report("tiny", storage_url)

    assert report.mode == "pareto"
    assert "three objectives" in _text(report)


def test_a_trial_can_be_named_and_must_be_complete(whole: Whole) -> None:
    assert whole.report.chosen is not None
    assert whole.report.chosen.number == whole.best
    advice = f"choose a complete trial, such as --trial {whole.best}"
    for number, state in ((8, "FAIL"), (9, "PRUNED")):
        said = f"trial {number} is {state}, and a report is of complete ones; {advice}"
        with pytest.raises(StudyError, match=re.escape(said)):
            collect_report(NAME, whole.url, number)


def test_samples_of_another_version_are_passed_over(whole: Whole, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(Path(whole.url.removeprefix("sqlite:///")).parent, folder)
    url = f"sqlite:///{folder / 'x.db'}"
    files = StudyWorkspace(url, study_identity(whole.study))
    shutil.rmtree(study_folder(url, study_identity(whole.study)) / "trials")
    files._previews.put("validation", b"something else")
    report = collect_report(NAME, url)

    assert report.validation.observed is None
    assert report.validation.results
