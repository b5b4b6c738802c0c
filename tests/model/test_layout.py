from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from model.predictors import simvp, unet
from model.predictors.layout import GroupNorm, channels_together, upsampled
from model.predictors.shape import ForecastShape

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
