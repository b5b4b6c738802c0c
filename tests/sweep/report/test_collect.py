"""A report is made of what there is: what is missing is said, and stops nothing."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FrozenTrial

from fieldsharp.core.errors import StudyError
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.report.collect import collect_report
from fieldsharp.sweep.report.measured import measured_split, why_not_tested
from fieldsharp.sweep.report.model import Report
from fieldsharp.sweep.report.render import lay_out, render
from fieldsharp.sweep.study.confirmation.runs import read_runs
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import load_study, study_identity
from tests.sweep.report.conftest import NAME, Confirmed, Whole
from tests.sweep.report.studies import against_a_guard, failed, make_study, pruned, trials_of


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


def test_before_a_confirmation_nothing_of_the_test_split_is_known(whole: Whole) -> None:
    report = whole.report
    assert (report.tested, report.shows_test) == (None, False)
    assert report.why_not_tested == (
        "the test split was not read, since the study was not confirmed"
    )
    said = whole.path.read_text(encoding="utf-8")
    assert "The test split was not read, since the study was not confirmed." in said
    assert report.confirm_command.startswith("python run_sweep.py confirm ")
    assert "Test split" not in said
    assert set(report.validation.forecasts) == {"baseline", "reference", "forecast"}


def test_a_confirmed_study_shows_what_its_confirmation_measured(confirmed: Confirmed) -> None:
    tested, report = confirmed.found.tested, confirmed.report
    assert tested is not None
    assert report.tested is not None
    assert (report.why_not_tested, report.shows_test) == ("", True)
    gradients = [one.gradient.mean for one in report.tested.forecasts]
    found = [tested.baseline, tested.reference, tested.winner]
    assert gradients == [one.gradient.mean for one in found if one and one.gradient]
    study = load_study(open_database(confirmed.url, "read"), "tiny")
    runs = read_runs(study, confirmed.url, "test")
    skills = [
        run.judgement.overall["skill_persistence"]
        for (trial, _), run in runs.items()
        if trial == 0 and run.judgement is not None
    ]
    assert len(skills) == 2
    assert report.tested.forecasts[0].skill == pytest.approx(sum(skills) / 2)
    assert confirmed.html.count("<caption>Test split, ") == 2
    assert "Validation split, 2 new seeds: mean" in confirmed.html


def test_pictures_are_of_the_validation_split_alone(confirmed: Confirmed) -> None:
    observed = confirmed.report.validation.observed
    assert observed is not None
    assert observed.part == "validation"
    assert "All pictures are of the validation split." in confirmed.html
    assert "of the test split" not in confirmed.html.split('id="maps"')[1].split("<h2>")[1]


def test_no_window_is_read_for_a_report(confirmed: Confirmed, tmp_path: Path) -> None:
    """Neither is the data file there, nor what could forecast or read a field."""
    shutil.copytree(Path(confirmed.url.removeprefix("sqlite:///")).parent, tmp_path / "copy")
    url = f"sqlite:///{tmp_path / 'copy' / 'x.db'}"
    study = load_study(open_database(url, "write"), "tiny")
    tree = study.user_attrs["config"]
    away = {**tree["data"], "path": str(tmp_path / "away.nc")}
    study.set_user_attr("config", {**tree, "data": away})
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from fieldsharp.sweep.report.build import make_report\n"
        f"made = make_report('tiny', {url!r}, Path({str(tmp_path / 'report.html')!r}))\n"
        "print(made.test_split, sorted({'torch', 'xarray', 'h5netcdf'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout == "True []\n", done.stderr

    report = collect_report("tiny", url)
    assert report.tested == confirmed.report.tested
    page, before = lay_out(report), lay_out(confirmed.report)
    assert page.pictures == before.pictures
    assert [*page.metrics, *page.tested] == [*before.metrics, *before.tested]


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ({"part": "test"}, "an earlier version confirmed the study"),
        ({"tested": None, "winner": None}, "no guard with more than half of the new seeds on the"),
    ],
)
def test_a_confirmation_without_a_test_is_told(
    known: dict[str, Any], why: str, confirmed: Confirmed
) -> None:
    found = confirmed.found.model_copy(update={"tested": None, **known})
    assert why in why_not_tested(found, {})
    assert measured_split(found, {}) is None


def test_an_interrupted_confirmation_is_not_said_to_have_read_nothing(confirmed: Confirmed) -> None:
    study = load_study(open_database(confirmed.url, "read"), "tiny")
    said = why_not_tested(None, read_runs(study, confirmed.url, "test"))
    assert said == "the confirmation was interrupted while it read the test split"


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
        assert "There are no pictures: no previews of the validation split are stored" in text
        assert "The test split was not read" in text
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
    files._previews.put("validation", b"something else")
    report = collect_report(NAME, url)

    assert report.validation.observed is None
    assert report.validation.results
