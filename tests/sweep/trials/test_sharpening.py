"""Sharpeners of a trial: on which windows they are fitted, when, and that they disturb nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.model.device import find_hardware
from fieldsharp.model.registry import SHARPENERS
from fieldsharp.sweep.configuration.presets import BASELINE
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.epoch_report import EpochReport, reports_as_text, reports_from_text
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials import sharpening
from fieldsharp.sweep.trials.evaluator import Evaluator, Persistence
from fieldsharp.sweep.trials.sharpening import (
    SharpeningPlan,
    fit_sharpeners,
    fitting_windows,
    training_forecasts,
)
from fieldsharp.sweep.trials.trial import Trial


def _with(config: SweepConfig, name: str) -> RunSettings:
    return config.run_with({"sharpening.name": name})


def _reports(
    run: RunSettings, data: ForecastData, plan: SharpeningPlan | None = None
) -> list[EpochReport]:
    trial = Trial(run, data, find_hardware(run.training), sharpening=plan)
    return list(trial.epochs())


def test_the_plan_of_a_setting(tiny_config: SweepConfig) -> None:
    assert SharpeningPlan.of(_with(tiny_config, "none")).names == ()
    assert SharpeningPlan.of(_with(tiny_config, "quantile")).names == ("quantile",)
    assert SharpeningPlan.of(_with(tiny_config, "auto")).names == tuple(SHARPENERS)


@pytest.mark.parametrize("name", ["none", "auto", "inflate"])
def test_every_sharpener_is_tried_on_the_baseline(tiny_config: SweepConfig, name: str) -> None:
    spec = TrialSpec(number=0, preset=BASELINE, run=_with(tiny_config, name), rungs=(1,))
    plan = SharpeningPlan.for_trial(spec)

    assert plan.names == tuple(SHARPENERS)
    assert plan.rungs == (1,)
    assert not plan.must_fit


@pytest.mark.parametrize(
    ("windows", "used"), [(1000, 150), (200, 30), (107, 16), (40, 16), (16, 16), (9, 9)]
)
def test_a_share_of_the_windows_is_used_but_of_few_more(windows: int, used: int) -> None:
    assert fitting_windows(windows) == used


def test_the_forecasts_are_of_windows_spread_over_the_training_part(
    tiny_data: ForecastData,
) -> None:
    windows = tiny_data.train
    taken: list[torch.Tensor] = []

    def forecast(history_BTCHW: torch.Tensor) -> torch.Tensor:
        taken.append(history_BTCHW)
        return Persistence(2, 1)(history_BTCHW)

    forecasts = training_forecasts(tiny_data, forecast, seed=0)

    history_BTCHW = torch.cat(taken)
    all_BTCHW, future_BTCHW = windows.take(torch.arange(len(windows)))
    which = [
        next(i for i in range(len(windows)) if torch.equal(all_BTCHW[i], one))
        for one in history_BTCHW
    ]
    assert len(which) == fitting_windows(len(windows))
    assert which == sorted(set(which))
    steps = torch.tensor(which).diff()
    assert steps.max() - steps.min() <= 1
    physical = tiny_data.scaling.to_physical(future_BTCHW[which])
    assert torch.equal(forecasts.target_BTCHW, physical)


@pytest.mark.parametrize(("most", "used"), [(10 * 2 * 576, 10), (1, 4), (2**22, 20)])
def test_of_large_data_few_forecasts_are_in_memory(
    tiny_data: ForecastData, monkeypatch: pytest.MonkeyPatch, most: int, used: int
) -> None:
    """A window has two frames of 24 x 24 cells to predict."""
    monkeypatch.setattr(sharpening, "LARGE_VALUES", 1000)
    monkeypatch.setattr(sharpening, "MOST_VALUES", most)

    found = training_forecasts(tiny_data, Persistence(2, 1), seed=0)

    expected = min(used, fitting_windows(len(tiny_data.train)))
    assert len(found.pred_BTCHW) == len(found.target_BTCHW) == expected


def test_the_same_seed_gives_the_same_sharpener_whatever_was_drawn_before(
    tiny_data: ForecastData,
) -> None:
    def noisy(history_BTCHW: torch.Tensor) -> torch.Tensor:
        still = Persistence(2, 1)(history_BTCHW)
        return still + 0.1 * torch.rand(still.shape)

    first = training_forecasts(tiny_data, noisy, seed=0)
    torch.rand(7)
    state = torch.get_rng_state()
    again = training_forecasts(tiny_data, noisy, seed=0)

    assert torch.equal(first.pred_BTCHW, again.pred_BTCHW)
    assert torch.equal(torch.get_rng_state(), state)
    other = training_forecasts(tiny_data, noisy, seed=1)
    assert not torch.equal(first.pred_BTCHW, other.pred_BTCHW)


def test_sharpeners_are_tried_at_rungs_and_at_the_end(
    tiny_config: SweepConfig, tiny_data: ForecastData
) -> None:
    run = tiny_config.run_with({"training.epochs": 3, "sharpening.name": "auto"})

    at_rung, between, last = _reports(run, tiny_data, SharpeningPlan.of(run, rungs=(1,)))

    assert set(at_rung.sharpened) == set(last.sharpened) == set(SHARPENERS)
    assert not between.sharpened
    assert last.sharpened["unsharp"].overall["gradient"] > last.metrics["gradient"]
    assert {"ssim", "fss_90"} <= last.sharpened["unsharp"].overall.keys()
    assert "ssim" not in at_rung.sharpened["unsharp"].overall


@pytest.mark.parametrize("predictor", ["unet", "ensemble"])
def test_trying_sharpeners_at_a_rung_changes_nothing_in_a_training(
    tiny_config: SweepConfig, tiny_data: ForecastData, predictor: str
) -> None:
    """An ensemble draws random numbers for every forecast."""
    values = {"predictor.name": predictor, "sharpening.name": "auto"}
    run = tiny_config.run_with({**values, "training.epochs": 3})

    plain = _reports(run, tiny_data, SharpeningPlan(()))
    tried = _reports(run, tiny_data, SharpeningPlan.of(run, rungs=(1,)))

    assert [r.judgement for r in plain] == [r.judgement for r in tried]
    alone = _reports(run, tiny_data, SharpeningPlan(("spectral",)))
    assert alone[-1].sharpened["spectral"] == tried[-1].sharpened["spectral"]


def test_a_training_restored_after_its_last_epoch_has_its_sharpeners(
    tiny_config: SweepConfig, tiny_data: ForecastData
) -> None:
    """As after a worker was lost between its last checkpoint and its pictures."""
    run = tiny_config.run_with({"training.epochs": 1, "sharpening.name": "spectral"})
    trial = Trial(run, tiny_data, find_hardware(run.training))
    list(trial.epochs())
    restored = Trial(run, tiny_data, find_hardware(run.training))
    restored.restore(trial.state(), trial.reports)
    assert list(restored.epochs()) == []

    restored.fit_sharpeners()

    gains = (t.sharpeners["spectral"].parameters["gain"] for t in (trial, restored))
    assert torch.equal(*gains)


def test_reports_with_sharpened_metrics_are_read_back(
    tiny_config: SweepConfig, tiny_data: ForecastData
) -> None:
    (report,) = _reports(tiny_config.run_with({"training.epochs": 1}), tiny_data)
    report = replace(report, sharpened={"inflate": report.judgement})

    assert reports_from_text(reports_as_text([report])) == [report]


def test_what_cannot_be_fitted_is_left_out_unless_it_is_asked_for(tiny_data: ForecastData) -> None:
    forecasts = training_forecasts(
        tiny_data, lambda history: torch.full_like(history[:, :2], 0.5), seed=0
    )

    fitted = fit_sharpeners(SharpeningPlan(("quantile", "inflate")), tiny_data, forecasts)

    assert list(fitted) == ["inflate"]
    with pytest.raises(TrainingFailed, match="'quantile' cannot be fitted: the forecasts of a"):
        fit_sharpeners(SharpeningPlan(("quantile",), must_fit=True), tiny_data, forecasts)


def test_a_sharpener_that_returns_what_is_not_finite_is_refused_where_forecasts_are_verified(
    tiny_data: ForecastData,
) -> None:
    persistence = Persistence.of(tiny_data)
    forecasts = training_forecasts(tiny_data, persistence, seed=0)
    fitted = fit_sharpeners(SharpeningPlan(("inflate",)), tiny_data, forecasts)["inflate"]
    endless = replace(fitted, parameters={"factor": fitted.parameters["factor"] * torch.inf})
    evaluator = Evaluator(tiny_data, tiny_data.validation)

    with pytest.raises(TrainingFailed, match="'inflate' returns values that are not finite"):
        evaluator.evaluate_sharpened(persistence, {"inflate": endless})
