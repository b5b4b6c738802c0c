from __future__ import annotations

import copy
import ctypes
import sys
from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.nn import functional

from fieldsharp.model.predictors import simvp, unet
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.predictors.layers import GroupNorm, channels_together, upsampled
from fieldsharp.model.settings import PredictorSettings

Tensor = torch.Tensor
SHAPE = ForecastShape(history=3, horizon=2, channels=2, height=10, width=14)


def _drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_the_channels_of_a_cell_lie_side_by_side() -> None:
    images = _drawn(2, 5, 3, 4)
    found = channels_together(images)
    assert torch.equal(found, images)
    assert found.stride()[1] == 1


@pytest.mark.parametrize("alone", [True, False])
def test_images_are_enlarged_as_torch_does_it(*, alone: bool) -> None:
    """Also where what follows hands back its gradient as a part of a larger tensor."""
    ours = channels_together(_drawn(2, 4, 5, 7)).requires_grad_()
    plain = _drawn(2, 4, 5, 7).requires_grad_()
    expected = functional.interpolate(plain, scale_factor=2.0, mode="bilinear")
    weights, beside = _drawn(2, 4, 10, 14), torch.zeros(2, 3, 10, 14)
    if alone:
        (upsampled(ours) * weights).sum().backward()  # type: ignore[no-untyped-call]
    else:
        joined = torch.cat([channels_together(beside), upsampled(ours)], dim=1)
        (joined[:, 3:] * weights).sum().backward()  # type: ignore[no-untyped-call]
    (expected * weights).sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(upsampled(ours), expected)
    torch.testing.assert_close(ours.grad, plain.grad)


def test_group_normalisation_in_bfloat16_is_that_of_single_precision() -> None:
    images = _drawn(2, 8, 6, 5).bfloat16()
    ours, torchs = GroupNorm(4, 8), nn.GroupNorm(4, 8)
    found = ours(channels_together(images))
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, torchs(images.float()).bfloat16())
    assert ours.state_dict().keys() == torchs.state_dict().keys()


@pytest.mark.parametrize("module", [unet, simvp])
def test_a_predictor_is_the_same_in_the_layout_of_torch(
    module: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    ours: nn.Module = unet.UNet(SHAPE, 8) if module is unet else simvp.SimVP(SHAPE, 8, 16, blocks=1)
    for parameter in ours.parameters():  # leaves the zero head behind
        parameter.data += 0.1 * _drawn(*parameter.shape)
    plain = copy.deepcopy(ours)
    history = _drawn(2, 3, 2, 10, 14)
    found = ours(history)
    found.square().sum().backward()
    monkeypatch.setattr(module, "channels_together", lambda images: images)
    expected = plain(history)
    expected.square().sum().backward()

    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    for one, other in zip(ours.parameters(), plain.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        scale = float(other.grad.abs().max())
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-4 * scale)


def _leave_behind(byte: int) -> None:
    """Fill memory and give it back: whoever reads what it did not write reads this."""
    libc = ctypes.CDLL(None)
    for parameter in (-3, -1):  # large blocks come from the heap and stay there, as in a worker
        libc.mallopt(parameter, 1 << 30)
    libc.malloc.restype = ctypes.c_void_p
    sizes = [64 << power for power in range(18) for _ in range(max(2, 2000 >> power))]
    blocks = [(ctypes.c_void_p(libc.malloc(ctypes.c_size_t(size))), size) for size in sizes]
    for block, size in blocks:
        ctypes.memset(block, byte, size)
    for block, _ in blocks:
        libc.free(block)


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.skipif(sys.platform != "linux", reason="the C library is called by its Linux name")
@pytest.mark.parametrize(
    "name",
    ["unet", *(pytest.param(name, marks=pytest.mark.slow) for name in ("simvp", "convlstm"))],
)
def test_gradients_in_bfloat16_do_not_depend_on_what_lies_in_memory(name: str) -> None:
    torch.manual_seed(0)
    shape = ForecastShape(history=5, horizon=2, channels=1, height=64, width=64)
    predictor = build_predictor(PredictorSettings(name=name, width=16), shape)
    history_BTCHW, target_BTCHW = torch.rand(4, 5, 1, 64, 64), torch.rand(4, 2, 1, 64, 64)

    def gradients(byte: int) -> list[torch.Tensor]:
        predictor.zero_grad()
        _leave_behind(byte)
        with torch.autocast("cpu", torch.bfloat16):
            predicted_BTCHW = predictor(history_BTCHW)
        loss = functional.mse_loss(predicted_BTCHW.float(), target_BTCHW)
        _leave_behind(byte)
        loss.backward()  # type: ignore[no-untyped-call]
        return [p.grad.clone() for p in predictor.parameters() if p.grad is not None]

    zeros, ones = gradients(0x00), gradients(0xFF)
    assert all(torch.equal(a, b) for a, b in zip(zeros, ones, strict=True))
