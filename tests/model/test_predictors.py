from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from fieldsharp.model.predictors.convlstm import ConvLSTM
from fieldsharp.model.predictors.factory import build_predictor, check_predictor
from fieldsharp.model.predictors.interface import ForecastShape, TeacherForced
from fieldsharp.model.predictors.layers import crop, pad_to_multiple
from fieldsharp.model.predictors.simvp import SimVP
from fieldsharp.model.registry import NETS
from fieldsharp.model.settings import PredictorSettings

Tensor = torch.Tensor

QUICKSTART = ForecastShape(history=4, horizon=3, channels=1, height=22, width=28)
SHAPES = [
    QUICKSTART,
    ForecastShape(history=2, horizon=5, channels=2, height=13, width=17),
    ForecastShape(history=5, horizon=2, channels=1, height=9, width=30),
    ForecastShape(history=1, horizon=1, channels=2, height=5, width=6),
    ForecastShape(history=2, horizon=2, channels=3, height=7, width=9),
    ForecastShape(history=2, horizon=2, channels=3, height=7, width=9, inputs=5),
]
SMALL: dict[str, dict[str, int]] = {"simvp": {"translator_width": 16, "blocks": 2}}

every_predictor = pytest.mark.parametrize("name", NETS)
every_shape = pytest.mark.parametrize(
    "shape",
    SHAPES,
    ids=lambda s: f"{s.history}x{s.inputs}to{s.horizon}x{s.channels}x{s.height}x{s.width}",
)


def build(name: str, shape: ForecastShape = QUICKSTART, width: int = 8) -> nn.Module:
    torch.manual_seed(0)
    settings = PredictorSettings(name=name, width=width, options=SMALL.get(name, {}))
    return build_predictor(settings, shape)


def history_of(shape: ForecastShape, batch: int = 2, seed: int = 1) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(batch, shape.history, shape.inputs, shape.height, shape.width, generator=draw)


def with_drawn_weights(predictor: nn.Module) -> nn.Module:
    """Leave the zero head behind, as the first steps of a training do."""
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in predictor.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=draw))
    return predictor


# What every entry of NETS must hold.


@every_predictor
@every_shape
def test_the_forecast_has_the_shape_asked_for(name: str, shape: ForecastShape) -> None:
    predictor = with_drawn_weights(build(name, shape))

    forecast = predictor(history_of(shape))

    assert forecast.shape == (2, shape.horizon, shape.channels, shape.height, shape.width)
    assert torch.isfinite(forecast).all()
    check_predictor(predictor, shape, name)


@every_predictor
@every_shape
def test_an_untrained_predictor_is_persistence(name: str, shape: ForecastShape) -> None:
    history = history_of(shape)

    forecast = build(name, shape).eval()(history)

    last = history[:, -1:, : shape.channels]
    assert torch.equal(forecast, last.expand_as(forecast))


@every_predictor
def test_the_same_seed_draws_the_same_weights(name: str) -> None:
    one, other = build(name).state_dict(), build(name).state_dict()

    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


@every_predictor
def test_the_same_history_gives_the_same_forecast(name: str) -> None:
    predictor = with_drawn_weights(build(name)).eval()
    history = history_of(QUICKSTART)

    with torch.no_grad():
        assert torch.equal(predictor(history), predictor(history))


@every_predictor
def test_a_forecast_does_not_depend_on_its_batch(name: str) -> None:
    predictor = with_drawn_weights(build(name)).eval()
    history = history_of(QUICKSTART, batch=3)

    with torch.no_grad():
        together, alone = predictor(history), predictor(history[1:2])

    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-4)


@every_predictor
def test_every_frame_of_the_history_matters(name: str) -> None:
    predictor = with_drawn_weights(build(name))
    history = history_of(QUICKSTART).requires_grad_()

    predictor(history).square().sum().backward()

    assert history.grad is not None
    assert (history.grad.abs().amax(dim=(0, 2, 3, 4)) > 0).all()


@every_predictor
def test_no_parameter_is_dead(name: str) -> None:
    predictor = build(name)
    history, future = history_of(QUICKSTART), torch.rand(2, 3, 1, 22, 28)
    optimizer = torch.optim.SGD(predictor.parameters(), lr=1.0)
    for _ in range(2):  # the first step moves the head off zero, the second reaches all
        optimizer.zero_grad()
        (predictor(history) - future).square().mean().backward()
        optimizer.step()

    largest = {
        key: 0.0 if parameter.grad is None else float(parameter.grad.abs().max())
        for key, parameter in predictor.named_parameters()
    }

    scale = max(largest.values())
    assert [key for key, slope in largest.items() if slope < 1e-7 * scale] == []


class _ConvolutionLog(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes whether each convolution that runs is transposed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.transposed: list[bool] = []

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is torch.ops.aten.convolution.default:
            self.transposed.append(bool(args[6]))
        return func(*args, **(kwargs or {}))


def test_the_log_of_convolutions_sees_a_transposed_one() -> None:
    with _ConvolutionLog() as log, torch.no_grad():
        nn.ConvTranspose2d(1, 1, 2)(torch.zeros(1, 1, 3, 3))

    assert log.transposed == [True]


@every_predictor
def test_no_convolution_is_transposed(name: str) -> None:
    predictor = build(name)

    with _ConvolutionLog() as log, torch.no_grad():
        predictor(history_of(QUICKSTART))

    assert log.transposed
    assert not any(log.transposed)


@every_predictor
def test_bfloat16_autocast_returns_the_forecast_asked_for(name: str) -> None:
    predictor = with_drawn_weights(build(name)).eval()
    history = history_of(QUICKSTART)

    with torch.no_grad():
        exact = predictor(history)
        with torch.autocast("cpu", torch.bfloat16):
            short = predictor(history)

    assert short.dtype == torch.float32  # the last frame is added in full precision
    assert float((short - exact).abs().mean()) < 0.05 * float((exact - history[:, -1:]).std())


# The ConvLSTM and teacher forcing.


@pytest.fixture
def convlstm() -> ConvLSTM:
    torch.manual_seed(0)
    predictor = ConvLSTM(QUICKSTART, width=8)
    with_drawn_weights(predictor)
    return predictor


def slope_by_future(convlstm: ConvLSTM, forced_BT: Tensor, lead: int) -> tuple[Tensor, list[float]]:
    """Return the forecast, and how strongly one lead depends on the truth at each lead."""
    draw = torch.Generator().manual_seed(3)
    future = torch.rand(2, 3, 1, 22, 28, generator=draw).requires_grad_()
    forecast = convlstm.forecast_forced(history_of(QUICKSTART), future, forced_BT)
    (slope,) = torch.autograd.grad(
        forecast[:, lead].square().sum(), future, materialize_grads=True, allow_unused=True
    )
    return forecast.detach(), slope.abs().amax(dim=(0, 2, 3, 4)).tolist()


def test_only_the_convlstm_can_be_forced() -> None:
    assert {name for name in NETS if isinstance(build(name), TeacherForced)} == {"convlstm"}


@pytest.mark.parametrize("lead", [0, 1, 2])
def test_forced_everywhere_a_lead_depends_on_the_truth_before_it(
    convlstm: ConvLSTM, lead: int
) -> None:
    _, slopes = slope_by_future(convlstm, torch.ones(2, 3, dtype=torch.bool), lead)

    assert all(slope > 0 for slope in slopes[:lead])
    assert not any(slopes[lead:])


@pytest.mark.parametrize("lead", [0, 1, 2])
def test_forced_nowhere_the_truth_does_not_matter(convlstm: ConvLSTM, lead: int) -> None:
    forecast, slopes = slope_by_future(convlstm, torch.zeros(2, 3, dtype=torch.bool), lead)

    assert not any(slopes)
    assert torch.equal(forecast, convlstm(history_of(QUICKSTART)))


def test_a_forced_step_starts_from_the_truth_itself(convlstm: ConvLSTM) -> None:
    history, future = history_of(QUICKSTART), history_of(QUICKSTART, seed=4)[:, :3]
    forced = convlstm.forecast_forced(history, future, torch.ones(2, 3, dtype=torch.bool))

    seen = torch.cat([history, future[:, :1]], dim=1)

    torch.testing.assert_close(convlstm(seen)[:, 0], forced[:, 1], rtol=1e-5, atol=1e-5)


def test_samples_are_forced_one_by_one(convlstm: ConvLSTM) -> None:
    history, future = history_of(QUICKSTART), history_of(QUICKSTART, seed=4)[:, :3]
    forced_BT = torch.tensor([[True, True, True], [False, False, False]])

    forecast = convlstm.forecast_forced(history, future, forced_BT)

    free = convlstm(history)
    torch.testing.assert_close(forecast[1], free[1])
    assert not torch.allclose(forecast[0, 1:], free[0, 1:])


def test_each_lead_is_forced_by_its_own_draw(convlstm: ConvLSTM) -> None:
    only_the_second = torch.tensor([[False, True, False]]).expand(2, 3)

    _, slopes = slope_by_future(convlstm, only_the_second, lead=2)

    assert slopes[0] == 0.0
    assert slopes[1] > 0.0


def test_the_plans_hidden_width_can_be_built() -> None:
    shape = ForecastShape(history=2, horizon=1, channels=1, height=6, width=6)

    predictor = build("convlstm", shape, width=256)

    check_predictor(predictor, shape, "convlstm")
    assert sum(p.numel() for p in predictor.parameters()) > 7e6


# SimVP.


def test_the_simvp_decoder_sees_the_last_frame_even_where_the_translator_says_nothing() -> None:
    predictor = with_drawn_weights(build("simvp"))
    assert isinstance(predictor, SimVP)
    nn.init.zeros_(predictor.widen.weight)
    history = history_of(QUICKSTART).requires_grad_()

    predictor(history)[:, 0].square().sum().backward()

    assert history.grad is not None
    assert (history.grad.abs().amax(dim=(0, 2, 3, 4)) > 0).tolist() == [False, False, False, True]


# Padding.


@pytest.mark.parametrize(("height", "width"), [(22, 28), (13, 17), (1, 3), (8, 8)])
@pytest.mark.parametrize("multiple", [1, 2, 4, 64])
def test_padding_reaches_a_multiple_and_cropping_undoes_it(
    height: int, width: int, multiple: int
) -> None:
    images = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(5))

    padded = pad_to_multiple(images, multiple)

    assert not any(side % multiple for side in padded.shape[-2:])
    assert padded.shape[-2] - height < multiple
    assert torch.equal(crop(padded, height, width), images)


def test_padding_repeats_the_far_edge() -> None:
    padded = pad_to_multiple(torch.arange(6.0).reshape(1, 1, 2, 3), 4)

    assert padded[0, 0].tolist() == [[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]


@pytest.mark.parametrize(
    ("name", "options", "wide"),
    [
        ("unet", {"depth": 1}, {"depth": 4}),
        ("simvp", {"blocks": 1}, {"blocks": 3}),
        ("convlstm", {"layers": 1}, {"layers": 3}),
        ("convlstm", {"kernel": 1}, {"kernel": 5}),
    ],
)
def test_options_change_the_network(
    name: str, options: dict[str, int], wide: dict[str, int]
) -> None:
    def parameters(chosen: dict[str, int]) -> int:
        settings = PredictorSettings.model_validate({"name": name, "width": 4, "options": chosen})
        predictor = build_predictor(settings, QUICKSTART)
        check_predictor(predictor, QUICKSTART, name)
        return sum(p.numel() for p in predictor.parameters())

    assert parameters(options) < parameters(wide)
