"""The frontier in the last report of the baseline."""

from dataclasses import replace

import pytest

from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.model.device import find_hardware
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.epoch_report import reports_as_text, reports_from_text
from fieldsharp.sweep.trials.trial import Trial


@pytest.fixture(scope="module")
def trial(tiny_config: SweepConfig, tiny_data: ForecastData) -> Trial:
    run = tiny_config.run
    trained = Trial(run, tiny_data, find_hardware(run.training), with_frontier=True)
    list(trained.epochs())
    return trained


def test_only_the_last_report_has_one_and_it_is_of_every_window(
    trial: Trial, tiny_data: ForecastData
) -> None:
    assert [report.frontier is not None for report in trial.reports] == [False, True]
    frontier, last = trial.reports[-1].frontier, trial.reports[-1]
    assert frontier is not None
    assert frontier.windows == len(tiny_data.validation)
    assert len(frontier.by_lead) == last.judgement.leads
    metrics = last.metrics
    assert frontier.overall.rmse_as_trained == pytest.approx(metrics["rmse"], rel=1e-6)
    share = metrics["gradient"] / metrics["gradient_observed"]
    assert frontier.overall.gradient_share_as_trained == pytest.approx(share, rel=1e-6)


def test_the_metrics_are_those_without_it(
    trial: Trial, tiny_config: SweepConfig, tiny_data: ForecastData
) -> None:
    run = tiny_config.run
    plain = Trial(run, tiny_data, find_hardware(run.training))
    list(plain.epochs())
    assert plain.reports[-1].frontier is None
    assert plain.reports[-1].judgement == trial.reports[-1].judgement


def test_it_survives_checkpoint_and_spool(trial: Trial) -> None:
    text = reports_as_text(trial.reports)
    assert reports_from_text(text) == trial.reports
    old = [replace(report, frontier=None) for report in trial.reports]
    earlier = reports_as_text(old).replace(', "frontier": null', "")
    assert reports_from_text(earlier) == old
