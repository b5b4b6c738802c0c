"""Several predicted variables beside each of them alone: every number must be the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.fields.settings import DataSettings
from fieldsharp.model.losses.several_variables import MeanOfVariables
from fieldsharp.model.registry import NO_SHARPENER, SHARPENERS
from fieldsharp.model.settings import LossSettings
from fieldsharp.objectives.guards import check_guards
from fieldsharp.objectives.guards_of_variables import check_all_guards
from fieldsharp.objectives.settings import GuardSettings
from fieldsharp.sweep.trials.evaluator import Evaluator, Persistence
from fieldsharp.sweep.trials.linear_forecast import fit_linear_forecast
from fieldsharp.sweep.trials.loss import make_loss
from fieldsharp.sweep.trials.preview_builder import PreviewBuilder
from fieldsharp.sweep.trials.sharpening import SharpeningPlan, fit_sharpeners, training_forecasts
from tests.sweep.several_variables import NAMES, write_three_variables

Tensor = torch.Tensor
each_variable = pytest.mark.parametrize("position", range(3), ids=NAMES)


def damped(history_BTCHW: Tensor) -> Tensor:
    """A forecast of each channel from that channel alone: its mean of two frames, damped."""
    mean_B1CHW = history_BTCHW.mean(dim=1, keepdim=True)
    return torch.cat([0.9 * mean_B1CHW, 0.8 * mean_B1CHW], dim=1)


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ForecastData]:
    path = tmp_path_factory.mktemp("three") / "three.nc"
    write_three_variables(path)

    def load(*names: str) -> ForecastData:
        settings = DataSettings(path=str(path), predict=names, history=2, horizon=2, train_every=2)
        return load_forecast_data(settings)

    return load


@pytest.fixture(scope="module")
def joint(load: Callable[..., ForecastData]) -> ForecastData:
    return load(*NAMES)


@each_variable
def test_metrics_are_those_of_the_variable_alone(
    load: Callable[..., ForecastData], joint: ForecastData, position: int
) -> None:
    alone = load(NAMES[position])
    together, by_itself = Evaluator(joint, joint.validation), Evaluator(alone, alone.validation)

    assert together.evaluate(damped).of(NAMES[position]) == by_itself.evaluate(damped)
    assert together.field_variation().of(NAMES[position]) == by_itself.field_variation()


@each_variable
def test_the_rmse_is_that_of_numpy_over_the_cells_of_the_variable(
    joint: ForecastData, position: int
) -> None:
    found = Evaluator(joint, joint.validation).evaluate(damped, detail=False)

    variable, settings = joint.predicted[position], joint.validation.settings
    field_NHW = variable.series.values_TCHW[:, 0].astype(np.float64)
    low, high = variable.scaling.low, variable.scaling.high
    squares = []
    for start in joint.validation.starts_B.tolist():
        known_HW = ((field_NHW[start] + field_NHW[start + 1]) / 2 - low) / (high - low)
        for lead, share in enumerate((0.9, 0.8)):
            truth_HW = field_NHW[start + settings.history + lead]
            error_HW = low + share * known_HW * (high - low) - truth_HW
            squares.append(np.mean(error_HW[variable.series.mask_HW] ** 2))
    expected = np.sqrt(np.mean(squares))
    assert found.of(variable.name).overall["rmse"] == pytest.approx(expected, rel=1e-5)


@each_variable
def test_frontier_and_windows_are_those_of_the_variable_alone(
    load: Callable[..., ForecastData], joint: ForecastData, position: int
) -> None:
    found = []
    for data in (joint, load(NAMES[position])):
        evaluator = Evaluator(data, data.validation)
        statistics, by_window = evaluator.frontier_statistics(), evaluator.window_accumulation()
        evaluator.evaluate_sharpened(damped, {}, frontier=statistics, by_window=by_window)
        found.append((statistics.frontier(), by_window.statistics()))
    (frontier, windows), (own_frontier, own_windows) = found

    assert frontier.of(NAMES[position]) == own_frontier
    assert windows.of(NAMES[position]) == own_windows


@each_variable
def test_sharpeners_are_fitted_on_each_variable_by_itself(
    load: Callable[..., ForecastData], joint: ForecastData, position: int
) -> None:
    alone, plan = load(NAMES[position]), SharpeningPlan(tuple(SHARPENERS), must_fit=True)
    together = fit_sharpeners(plan, joint, training_forecasts(joint, damped, 0))
    by_itself = fit_sharpeners(plan, alone, training_forecasts(alone, damped, 0))

    sharpened = Evaluator(joint, joint.validation).evaluate_sharpened(damped, together)
    own = Evaluator(alone, alone.validation).evaluate_sharpened(damped, by_itself)

    assert set(sharpened) == {NO_SHARPENER, *SHARPENERS}
    assert {name: one.of(NAMES[position]) for name, one in sharpened.items()} == own


@each_variable
def test_guards_are_those_of_the_variable_alone(joint: ForecastData, position: int) -> None:
    evaluator, settings = Evaluator(joint, joint.validation), GuardSettings()
    values, baseline = evaluator.evaluate(damped), evaluator.evaluate(Persistence.of(joint))

    found = {one.name: one for one in check_all_guards(values, settings, baseline)}

    name = NAMES[position]
    for own in check_guards(values.of(name), settings, baseline.of(name)):
        outcome = found[f"{name}: {own.name}" if position else own.name]
        assert (outcome.value, outcome.limit, outcome.violation) == (
            own.value,
            own.limit,
            own.violation,
        )


@each_variable
def test_previews_are_those_of_the_variable_alone(
    load: Callable[..., ForecastData], joint: ForecastData, position: int
) -> None:
    alone = load(NAMES[position])
    together, by_itself = PreviewBuilder(joint, "validation"), PreviewBuilder(alone, "validation")
    together._shown_B = by_itself._shown_B  # the window that the first variable chooses

    found, own = together.observed().of(position), by_itself.observed()
    assert (found.variable, found.units) == (own.variable, own.units)
    np.testing.assert_array_equal(found.values_LHW, own.values_LHW)
    np.testing.assert_array_equal(found.mask_HW, own.mask_HW)
    forecast, own_forecast = together.forecast(damped).of(position), by_itself.forecast(damped)
    np.testing.assert_array_equal(forecast.values_LHW, own_forecast.values_LHW)
    np.testing.assert_array_equal(forecast.power_LK, own_forecast.power_LK)


def test_the_loss_is_the_mean_of_that_of_each_variable_over_its_cells(joint: ForecastData) -> None:
    loss = make_loss(LossSettings(base="mse"), joint)
    history_BTCHW, future_BTCHW = joint.train.take(torch.arange(5))
    pred_BTCHW = damped(history_BTCHW)

    found = loss(pred_BTCHW, future_BTCHW, joint.masks)

    square_BTCHW = ((pred_BTCHW - future_BTCHW) ** 2).double().numpy()
    expected_B = np.mean(
        [
            square_BTCHW[:, :, channel][..., variable.series.mask_HW].mean(axis=(1, 2))
            for channel, variable in enumerate(joint.predicted)
        ],
        axis=0,
    )
    np.testing.assert_allclose(found.total_B.numpy(), expected_B, rtol=1e-5)


def test_members_are_compared_variable_by_variable(joint: ForecastData) -> None:
    loss = make_loss(LossSettings(base="crps"), joint)
    history_BTCHW, future_BTCHW = joint.train.take(torch.arange(4))
    draw = torch.Generator().manual_seed(0)
    members_BKTCHW = damped(history_BTCHW)[:, None] + 0.1 * torch.randn(
        4, 3, *future_BTCHW.shape[1:], generator=draw
    )

    found = loss(members_BKTCHW, future_BTCHW, joint.masks)

    assert isinstance(loss, MeanOfVariables)
    alone = [
        one(
            members_BKTCHW[:, :, :, [channel]],
            future_BTCHW[:, :, [channel]],
            joint.predicted[channel].mask_HW,
        ).base_B
        for channel, one in enumerate(loss.losses)
    ]
    torch.testing.assert_close(found.base_B, torch.stack(alone).mean(dim=0))


def test_a_masked_cell_of_one_variable_counts_in_the_others(joint: ForecastData) -> None:
    loss = make_loss(LossSettings(base="mse"), joint)
    history_BTCHW, future_BTCHW = joint.train.take(torch.arange(3))
    pred_BTCHW = damped(history_BTCHW)
    before = loss(pred_BTCHW, future_BTCHW, joint.masks).total_B

    spoilt = pred_BTCHW.clone()
    spoilt[:, :, 0, 0, 0] = 1e3  # masked in the first variable
    assert torch.equal(loss(spoilt, future_BTCHW, joint.masks).total_B, before)
    spoilt[:, :, 1, 0, 0] = 1e3  # and not in the second
    assert (loss(spoilt, future_BTCHW, joint.masks).total_B > before + 100).all()


@each_variable
def test_terms_are_scaled_by_each_variable(
    load: Callable[..., ForecastData], joint: ForecastData, position: int
) -> None:
    settings = LossSettings(variant="gradient", gradient_weight=1.0, normalise="persistence")
    loss, alone = make_loss(settings, joint, joint.train), load(NAMES[position])
    own = make_loss(settings, alone, alone.train)

    assert isinstance(loss, MeanOfVariables)
    assert not isinstance(own, MeanOfVariables)
    assert loss.losses[position].scales == own.scales


def test_a_linear_forecast_fits_each_variable_in_its_own_cells(
    tmp_path: Path, joint: ForecastData
) -> None:
    forecast = fit_linear_forecast(joint.train, joint.masks, seed=0)
    found = Evaluator(joint, joint.validation).evaluate(forecast, detail=False)
    still = Evaluator(joint, joint.validation).evaluate(Persistence.of(joint), detail=False)

    for one, other in zip(found.each(), still.each(), strict=True):
        assert one.overall["rmse"] < 0.9 * other.overall["rmse"]
