"""Any video net by its import path."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.predictors.factory import build_predictor, check_predictor
from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.predictors.video import Video
from fieldsharp.model.settings import PredictorSettings

NETS = "tests.model.predictors.nets:"
SHAPES = [ForecastShape(4, 3, 1, 10, 12), ForecastShape(2, 5, 2, 7, 9, 3)]
LSTM: dict[str, Any] = {
    "inputs_as": "input_dim",
    "arguments": {"hidden_dim": [3, "{outputs}"], "kernel_size": {"tuple": [3, 3]}},
}
CHANNELS_FIRST = {"order": "BCTHW"}
TRANSLATOR: dict[str, Any] = {
    "inputs_as": "none",
    "outputs_as": "none",
    "arguments": {"shape_in": ["{frames}", "{inputs}", "{rows}", "{columns}"]},
}


def build(module: str, shape: ForecastShape = SHAPES[0], **options: Any) -> Video:
    torch.manual_seed(0)
    settings = PredictorSettings.model_validate(
        {
            "name": "video",
            "options": {"module": NETS + module, "from_persistence": False, **options},
        }
    )
    predictor = build_predictor(settings, shape)
    check_predictor(predictor, shape, "video")
    assert isinstance(predictor, Video)
    return predictor


def refusal(module: str, **options: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        build(module, **options)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("module", "options"), [("conv3d", CHANNELS_FIRST), ("ConvLSTM", {**LSTM})]
)
def test_a_net_of_a_frame_for_each_sees_the_whole_history_before_every_lead(
    module: str, options: dict[str, Any], shape: ForecastShape
) -> None:
    predictor = build(module, shape, **options).eval()
    assert predictor.repeats
    size = (2, shape.history, shape.inputs, shape.height, shape.width)
    history = torch.rand(size, generator=torch.Generator().manual_seed(1)).requires_grad_()
    forecast = predictor(history)
    assert forecast.shape == (2, shape.horizon, shape.channels, shape.height, shape.width)
    (slope,) = torch.autograd.grad(forecast[:, -1].sum(), history)
    assert float(slope[:, -1].abs().max()) > 0


def test_a_net_that_is_told_how_many_frames_to_return_is_called_with_the_history_alone() -> None:
    predictor = build("Translator", frames_as="out_frames", **TRANSLATOR)
    assert not predictor.repeats
    assert predictor(torch.rand(2, 4, 1, 10, 12)).shape == (2, 3, 1, 10, 12)


def test_of_more_frames_than_are_predicted_the_first_are_taken() -> None:
    predictor = build("Translator", **TRANSLATOR).eval()
    assert not predictor.repeats
    history = torch.rand(2, 4, 1, 10, 12)
    with torch.no_grad():
        made = predictor.library_net(history)
        torch.testing.assert_close(predictor(history), history[:, -1:] + made[:, :3])


def test_a_net_that_returns_too_few_frames_is_refused() -> None:
    arguments = {**TRANSLATOR["arguments"], "out_frames": 2}
    said = refusal("Translator", **{**TRANSLATOR, "arguments": arguments})
    assert "returns 2 frames for 4, and 3 are predicted (data.horizon)" in said


def test_an_order_of_axes_that_does_not_exist_is_refused() -> None:
    assert "unknown order 'BTHWC'" in refusal("conv3d", order="BTHWC")


def test_the_wrong_order_of_axes_is_refused() -> None:
    assert "fails in evaluation mode" in refusal("conv3d", order="BTCHW")
    assert "kernel_size must be a tuple" in refusal(
        "ConvLSTM", inputs_as="input_dim", arguments={"hidden_dim": ["{outputs}"], "kernel_size": 3}
    )
