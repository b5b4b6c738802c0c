"""Whole reports, made from a study that was really run, under a name that must be escaped."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from optuna.study import Study

from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.report.collect import collect_report
from fieldsharp.sweep.report.model import Report
from fieldsharp.sweep.report.render import ReportPage, lay_out, render
from fieldsharp.sweep.study.confirmation.records import Confirmation
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.trial_records import best_trial
from tests.sweep.engine.confirming import Executor, Trainings, confirm
from tests.sweep.report.studies import (
    against_a_guard,
    copy_samples,
    failed,
    make_study,
    pruned,
    renamed,
    trials_of,
)

NAME = "</title><script>alert('x')</script> & \"quotes\" <b>\u00fc \u6c34</b> {{ 7 * 7 }}"


@dataclass(frozen=True)
class Whole:
    """A study with all its files, and its report.

    Attributes:
        url: Address of its database.
        study: The study.
        best: Number of its best trial.
        report: What there is to say.
        page: The same laid out.
        path: The file.
    """

    url: str
    study: Study
    best: int
    report: Report
    page: ReportPage
    path: Path


@pytest.fixture(scope="session")
def whole(
    finished_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    tiny_config: SweepConfig,
    tiny_facts: DataSummary,
) -> Whole:
    """A study of which nothing is missing but a confirmation; not to be changed."""
    folder = tmp_path_factory.mktemp("whole")
    url = f"sqlite:///{folder / 'x.db'}"
    trials = trials_of(finished_url)
    best = best_trial(trials)
    assert best is not None
    assert best.number > 0
    others = [failed(trials[1], NAME), pruned(trials[2]), against_a_guard(trials[4])]
    config, facts = renamed(tiny_config, tiny_facts, NAME)
    study = make_study(url, config, facts, [*trials, *others])
    copy_samples(finished_url, url, study)
    report = collect_report(NAME, url)
    page = lay_out(report)
    path = folder / "report.html"
    path.write_text(render(report, page), encoding="utf-8")
    return Whole(url, study, best.number, report, page, path)


@dataclass(frozen=True)
class Confirmed:
    """A study that was really confirmed with two seeds, and its report.

    Attributes:
        url: Address of its database.
        found: The confirmation.
        report: What there is to say.
        html: The page.
    """

    url: str
    found: Confirmation
    report: Report
    html: str


@pytest.fixture(scope="session")
def confirmed(
    finished_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    tiny_config: SweepConfig,
    tiny_facts: DataSummary,
    tiny_data: ForecastData,
) -> Confirmed:
    """The finished study, confirmed; not to be changed."""
    url = f"sqlite:///{tmp_path_factory.mktemp('confirmed') / 'x.db'}"
    study = make_study(url, tiny_config, tiny_facts, trials_of(finished_url))
    copy_samples(finished_url, url, study)
    found = confirm(url, Executor(Trainings(tiny_data)), top=1)
    report = collect_report("tiny", url)
    return Confirmed(url, found, report, render(report, lay_out(report)))
