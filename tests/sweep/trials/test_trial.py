"""One training and its verification: repeatable, and right where the answer is known."""

import pytest
import torch

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.model.device import find_hardware
from fieldsharp.sweep.configuration.ranges import Scalar
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.trials.evaluator import Evaluator, Persistence
from fieldsharp.sweep.trials.trial import Trial, forecast_shape


def _metrics(config: SweepConfig, data: ForecastData, **seed: int) -> list[dict[str, float]]:
    values: dict[str, Scalar] = {f"training.{name}": value for name, value in seed.items()}
    run = config.run_with({"loss.variant": "sobel", "loss.gradient_weight": 0.2, **values})
    trial = Trial(run, data, find_hardware(run.training))
    return [report.metrics for report in trial.epochs()]


def test_equal_settings_give_equal_bits(tiny_config: SweepConfig, tiny_data: ForecastData) -> None:
    first = _metrics(tiny_config, tiny_data)
    torch.rand(17)  # whatever else drew random numbers before
    assert _metrics(tiny_config, tiny_data) == first
    assert len(first) == 2
    assert _metrics(tiny_config, tiny_data, seed=1) != first


def test_persistence_has_no_skill_over_itself(tiny_data: ForecastData) -> None:
    metrics = Evaluator(tiny_data, tiny_data.validation).evaluate(Persistence(2, 1)).overall
    assert metrics["skill_persistence"] == 0.0
    assert metrics["rmse"] == metrics["rmse_persistence"] > 0


def test_the_truth_has_full_skill_and_the_observed_gradient(tiny_data: ForecastData) -> None:
    futures = iter([future for _, future in tiny_data.validation.in_order(64)])
    judge = Evaluator(tiny_data, tiny_data.validation)
    metrics = judge.evaluate(lambda _history: next(futures)).overall
    assert metrics["rmse"] == 0.0
    assert metrics["skill_persistence"] == 1.0
    assert metrics["gradient"] == metrics["gradient_observed"]
    assert metrics["peak"] == metrics["peak_observed"]
    assert metrics["correlation"] == pytest.approx(1.0, abs=1e-9)


def test_metrics_are_in_physical_units(tiny_data: ForecastData) -> None:
    """The plumes' background is 26 and their peaks are above 100 ug m-3; scaled they are 0 to 1."""
    metrics = Evaluator(tiny_data, tiny_data.validation).evaluate(Persistence(2, 1)).overall
    windows = tiny_data.validation
    frames = torch.unique((windows.starts_B[:, None] + torch.tensor([2, 3])).flatten())
    values = tiny_data.series.values_TCHW[frames.numpy()][..., tiny_data.series.mask_HW]
    assert values.min() > 26.0
    assert metrics["peak_observed"] > 60.0
    assert metrics["mean_observed"] == pytest.approx(float(values.mean()), rel=0.05)


def test_a_training_is_verified_in_evaluation_mode_and_trained_on(
    tiny_config: SweepConfig, tiny_data: ForecastData
) -> None:
    run = tiny_config.run_with({"sharpening.name": "none"})
    trial = Trial(run, tiny_data, find_hardware(run.training))
    modes = []
    trial.predictor.register_forward_hook(lambda module, _i, _o: modes.append(module.training))
    reports = list(trial.epochs())
    verifying = len(list(tiny_data.validation.in_order(64)))
    training = trial.trainer.steps_an_epoch
    assert modes == ([True] * training + [False] * verifying) * 2
    assert [report.epoch for report in reports] == [0, 1]


def test_a_forecast_that_is_not_finite_ends_the_training(
    tiny_config: SweepConfig, tiny_data: ForecastData
) -> None:
    trial = Trial(tiny_config.run, tiny_data, find_hardware(tiny_config.training))

    def spoil(module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        return output if module.training else output * torch.inf

    trial.predictor.register_forward_hook(spoil)
    with pytest.raises(
        TrainingFailed, match=r"of the forecast is (nan|-?inf) after epoch 1: the training"
    ):
        list(trial.epochs())


def test_the_shape_is_that_of_the_data(tiny_config: SweepConfig, tiny_data: ForecastData) -> None:
    shape = forecast_shape(tiny_data, tiny_config.run)
    assert (shape.history, shape.horizon, shape.channels) == (2, 2, 1)
    assert (shape.height, shape.width) == (24, 24)
