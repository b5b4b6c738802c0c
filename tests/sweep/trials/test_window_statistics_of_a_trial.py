"""The statistics of each window in the last report of a trial."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.fields.split import window_span
from fieldsharp.model.device import find_hardware
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.leads.window_statistics import Series, WindowStatistics
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.epoch_report import reports_as_text, reports_from_text
from fieldsharp.sweep.trials.evaluator import Evaluator, Persistence
from fieldsharp.sweep.trials.trial import Trial


@pytest.fixture(scope="module")
def trial(tiny_config: SweepConfig, tiny_data: ForecastData) -> Trial:
    run = tiny_config.run
    trained = Trial(run, tiny_data, find_hardware(run.training))
    list(trained.epochs())
    return trained


def _found(trial: Trial) -> WindowStatistics:
    found = trial.reports[-1].window_statistics
    assert found is not None
    return found


def test_only_the_last_report_has_them_of_every_window(
    trial: Trial, tiny_data: ForecastData
) -> None:
    assert trial.reports[0].window_statistics is None
    observed = _found(trial).observed
    assert observed is not None
    assert sum(observed.sizes) == len(tiny_data.validation) == len(observed.mean.values_W())
    settings = tiny_data.validation.settings
    assert observed.span == math.ceil(window_span(settings) / settings.score_every)
    assert observed.stretches == [0]


def test_their_means_are_the_metrics_under_every_sharpener(trial: Trial) -> None:
    last, found = trial.reports[-1], _found(trial)
    assert set(found.forecasts) == {NO_SHARPENER, *last.sharpened}
    assert len(found.forecasts) > 2
    for name, windows in found.forecasts.items():
        values = last.judgement if name == NO_SHARPENER else last.sharpened[name]
        metrics = values.overall
        assert _mean(windows.gradient) == pytest.approx(metrics["gradient"], rel=1e-12)
        assert _mean(windows.peak) == pytest.approx(metrics["peak"], rel=1e-12)
        rmse = math.sqrt(_mean(windows.squared_error))
        assert rmse == pytest.approx(metrics["rmse"], rel=1e-12)
    observed = found.observed
    assert observed is not None
    for series, name in (
        (observed.gradient, "gradient_observed"),
        (observed.peak, "peak_observed"),
        (observed.mean, "mean_observed"),
    ):
        assert _mean(series) == pytest.approx(last.metrics[name], rel=1e-12)


def test_each_is_of_its_own_window(tiny_data: ForecastData) -> None:
    """The error of persistence in each window, by NumPy on the frames of the file."""
    evaluator = Evaluator(tiny_data, tiny_data.validation)
    by_window = evaluator.window_accumulation()
    evaluator.evaluate_sharpened(Persistence(2, 1), {}, by_window=by_window)
    found = by_window.statistics().forecasts[NO_SHARPENER].squared_error.values_W()
    series = tiny_data.series
    cells_TN = series.values_TCHW[:, 0][:, series.mask_HW].astype(float)
    by_hand = [
        np.square(cells_TN[start + 1] - cells_TN[start + 2 : start + 4]).mean()
        for start in tiny_data.validation.starts_B.tolist()
    ]
    assert found == pytest.approx(np.array(by_hand), rel=1e-5)


def test_they_survive_checkpoint_and_spool(trial: Trial) -> None:
    text = reports_as_text(trial.reports)
    assert reports_from_text(text) == trial.reports
    tree = json.loads(text)
    for report in tree:
        del report["window_statistics"]
    old = [replace(report, window_statistics=None) for report in trial.reports]
    assert reports_from_text(json.dumps(tree)) == old


def _mean(series: Series) -> float:
    return float(series.values_W().mean())
