"""The verification of forecasts waits for the device at its end, not once a batch.

Windows have no values. Those of the next batch are taken when the batch before is verified: where
all were taken, what is raised for want of a value is not of a batch, or only of the last one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.fields.frames import Frames
from fieldsharp.model.predictors.ensemble import NOISES, Ensemble
from fieldsharp.model.registry import SHARPENERS
from fieldsharp.model.sharpeners.fitted import FittedSharpener, fit_sharpener, make_sharpener
from fieldsharp.objectives.members.result import CLIMATOLOGY, DRESSED
from fieldsharp.objectives.settings import MembersJudged
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.trials import evaluator as evaluator_module
from fieldsharp.sweep.trials.evaluator import Evaluator, Persistence
from fieldsharp.sweep.trials.member_forecasts import Forecaster
from fieldsharp.sweep.trials.member_references import climatological, dressed
from fieldsharp.sweep.trials.sharpening import region_of, training_forecasts
from fieldsharp.sweep.trials.trial import forecast_shape
from fieldsharp.sweep.trials.variable_statistics import WindowsOfVariables
from tests.tensors_without_values import (
    NEEDS_A_VALUE,
    RefuseWaitingCopies,
    Tensors,
    fake,
    meta,
    on_tensors_without_values,
)

Tensor = torch.Tensor
Fitted = dict[str, FittedSharpener]
BATCH = 4
JUDGED = MembersJudged(count=2, thresholds=(0.9,))


class CountedFrames:
    """Counts the batches of windows that were taken of frames."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self.batches = 0

    @property
    def shape(self) -> torch.Size:
        return self._frames.shape

    def take(self, index_BT: Tensor) -> Tensor:
        self.batches += 1
        return self._frames.take(index_BT)


@pytest.fixture(autouse=True)
def _small_batches_that_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator_module, "BATCH", BATCH)
    monkeypatch.setattr(evaluator_module, "CACHED_VALUES", 0)
    # Starts of windows on meta have no times.
    monkeypatch.setattr(
        evaluator_module, "initial_time_keys", lambda windows, _: range(len(windows))
    )


@pytest.fixture(scope="module")
def datas(tiny_data: ForecastData, tiny_config: SweepConfig) -> dict[Tensors, ForecastData]:
    return {fake: tiny_data, meta: load_forecast_data(tiny_config.data, "meta")}


def damped(history_BTCHW: Tensor) -> Tensor:
    return 0.25 + 0.5 * Persistence(horizon=2, channels=1)(history_BTCHW)


def fitted(data: ForecastData, name: str) -> FittedSharpener:
    forecasts = training_forecasts(data, damped, 0)
    region = region_of(data)
    return fit_sharpener(name, region, forecasts.pred_BTCHW, forecasts.target_BTCHW)


def on_the_device_of(data: ForecastData, sharpeners: Fitted) -> Fitted:
    region = region_of(data)
    device = region.mask_HW.device
    return {
        name: replace(
            one,
            sharpener=make_sharpener(one.name, region),
            parameters={key: value.to(device) for key, value in one.parameters.items()},
            mask_HW=region.mask_HW,
        )
        for name, one in sharpeners.items()
    }


def batches_without_waiting(
    tensors: Tensors,
    data: ForecastData,
    verify: Callable[[Evaluator], object],
    members: MembersJudged | None = None,
) -> int:
    """Return how many batches were taken until a value was read."""
    frames = CountedFrames(data.validation.frames)
    evaluator = Evaluator(data, replace(data.validation, frames=frames), members)
    if tensors is fake:  # what follows from masks and training data is known before
        verify(evaluator)
        frames.batches = 0
    with tensors(), RefuseWaitingCopies(), pytest.raises(NEEDS_A_VALUE):  # type: ignore[no-untyped-call]
        verify(evaluator)
    return frames.batches


def all_batches(data: ForecastData) -> int:
    batches = -(-len(data.validation) // BATCH)
    assert batches > 2
    return batches


@on_tensors_without_values
@pytest.mark.parametrize("name", ["none", *SHARPENERS])
def test_no_batch_waits(name: str, tensors: Tensors, datas: dict[Tensors, ForecastData]) -> None:
    data = datas[tensors]
    fit = {} if name == "none" else {name: fitted(datas[fake], name)}
    sharpeners = on_the_device_of(data, fit)

    def verify(evaluator: Evaluator) -> None:
        evaluator.evaluate_sharpened(
            damped,
            sharpeners,
            frontier=evaluator.frontier_statistics(),
            by_window=WindowsOfVariables(evaluator.names, range(evaluator.windows), 1, 1),
        )

    assert batches_without_waiting(tensors, data, verify) == all_batches(data)


@on_tensors_without_values
def test_no_batch_of_the_truth_waits(tensors: Tensors, datas: dict[Tensors, ForecastData]) -> None:
    found = batches_without_waiting(tensors, datas[tensors], Evaluator.field_variation)

    assert found == all_batches(datas[tensors])


def an_ensemble(kind: str, config: SweepConfig, data: ForecastData) -> Forecaster:
    device = data.mask_HW.device
    if kind == DRESSED:
        return dressed(damped, torch.rand(4, 2, 1, *data.mask_HW.shape, device=device))
    if kind == CLIMATOLOGY:
        return climatological(data.train)
    shape = forecast_shape(data, config.run)
    return Ensemble(shape, width=8, member="unet", members=3, noise=kind).to(device)


@on_tensors_without_values
@pytest.mark.parametrize("kind", [*NOISES, DRESSED, CLIMATOLOGY])
def test_no_batch_of_an_ensemble_waits(
    kind: str, tensors: Tensors, datas: dict[Tensors, ForecastData], tiny_config: SweepConfig
) -> None:
    data = datas[tensors]
    ensemble = an_ensemble(kind, tiny_config, data)
    sharpeners = on_the_device_of(data, {"quantile": fitted(datas[fake], "quantile")})

    def verify(evaluator: Evaluator) -> None:
        evaluator.evaluate_sharpened(
            ensemble,
            sharpeners,
            by_window=WindowsOfVariables(evaluator.names, range(evaluator.windows), 1, 1),
        )

    assert batches_without_waiting(tensors, data, verify, JUDGED) == all_batches(data)


def reading(history_BTCHW: Tensor) -> Tensor:
    return damped(history_BTCHW) * history_BTCHW.mean().item()


@on_tensors_without_values
def test_a_predictor_that_waits_is_found(
    tensors: Tensors, datas: dict[Tensors, ForecastData]
) -> None:
    def verify(evaluator: Evaluator) -> None:
        evaluator.evaluate(reading)

    assert batches_without_waiting(tensors, datas[tensors], verify) == 1
