"""Terms without indexing by a mask have the bits of the same terms with it."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from fieldsharp.fields.derivatives import (
    forward_differences,
    forward_masks,
    interior_mask,
    masked_mean,
    sobel,
    sobel_magnitude,
    zero_masked,
)
from fieldsharp.fields.masked_statistics import in_rising_order
from fieldsharp.model.losses.derivatives import EPSILON, block_average
from fieldsharp.model.losses.forecast_loss import LossTerm
from fieldsharp.model.registry import LOSS_VARIANTS, load

Tensor = torch.Tensor


def distance(pred: Tensor, target: Tensor) -> Tensor:
    return (in_rising_order(pred) - in_rising_order(target)).abs().mean(dim=(1, 2, 3))


def sorted_values(pred: Tensor, target: Tensor, mask_HW: Tensor) -> Tensor:
    return distance(pred[..., mask_HW], target[..., mask_HW])


def sorted_gradients(pred: Tensor, target: Tensor, mask_HW: Tensor) -> Tensor:
    inside = interior_mask(mask_HW)
    steep = [sobel_magnitude(zero_masked(one, mask_HW), EPSILON) for one in (pred, target)]
    return distance(*(one[..., inside] for one in steep))


def sorted_both(pred: Tensor, target: Tensor, mask_HW: Tensor) -> Tensor:
    of_values = sorted_values(pred, target, mask_HW)
    return of_values + 4.0 * sorted_gradients(pred, target, mask_HW)


def extremes(pred: Tensor, target: Tensor, mask_HW: Tensor) -> Tensor:
    count = max(1, math.ceil(0.02 * int(mask_HW.sum())))
    highest = [one[..., mask_HW].topk(count, dim=-1).values for one in (pred, target)]
    return (highest[0] - highest[1]).abs().mean(dim=(1, 2, 3))


def gradient_difference(alpha: int) -> LossTerm:
    def term(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
        differences = [
            forward_differences(zero_masked(one, mask_HW)) for one in (pred_BTCHW, target_BTCHW)
        ]
        total = pred_BTCHW.new_zeros(len(pred_BTCHW))
        for d_p, d_t, pairs in zip(*differences, forward_masks(mask_HW), strict=True):
            if pairs.any():
                cost = (d_p.abs() - d_t.abs()).abs() ** alpha
                total = total + masked_mean(cost, pairs).mean(dim=1)
        return total

    return term


def multiscale(pred: Tensor, target: Tensor, mask_HW: Tensor) -> Tensor:
    terms = []
    for scale in (1, 2, 4):
        coarse, coarse_mask_HW = block_average(pred - target, mask_HW, scale)
        if min(coarse_mask_HW.shape) >= 3 and interior_mask(coarse_mask_HW).any():
            gx, gy = sobel(coarse)
            square = gx * gx + gy * gy
            terms.append(masked_mean(square, interior_mask(coarse_mask_HW)).mean(dim=1))
    return torch.stack(terms).mean(dim=0) if terms else pred.new_zeros(len(pred))


BY_MASK: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "sorted_values": sorted_values,
    "sorted_gradients": sorted_gradients,
    "sorted": sorted_both,
    "extremes": extremes,
    "gdl": gradient_difference(1),
    "gdl2": gradient_difference(2),
    "multiscale": multiscale,
}


def mask_of(kind: str, height: int, width: int) -> Tensor:
    mask_HW = torch.ones(height, width, dtype=torch.bool)
    if kind == "coast":
        mask_HW[: height // 3, : width // 2] = False
        mask_HW[height // 2, width // 2] = False
    elif kind == "scattered":
        draw = torch.Generator().manual_seed(5)
        mask_HW = torch.rand(height, width, generator=draw) > 0.1
    elif kind == "row":
        mask_HW[:-1] = False
    return mask_HW


def value_and_slope(
    term: Callable[..., Tensor], pred: Tensor, target: Tensor, mask_HW: Tensor
) -> tuple[Tensor, Tensor]:
    pred = pred.clone().requires_grad_()
    value_B = term(pred, target, mask_HW)
    if not value_B.requires_grad:
        return value_B, torch.zeros_like(pred)
    return value_B.detach(), torch.autograd.grad(value_B.sum(), pred)[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("size", [(11, 14), (34, 50), (5, 7)], ids=str)
@pytest.mark.parametrize("kind", ["everywhere", "coast", "scattered", "row"])
@pytest.mark.parametrize("name", BY_MASK)
def test_a_term_has_the_bits_of_the_term_by_its_mask(
    name: str, kind: str, size: tuple[int, int], dtype: torch.dtype
) -> None:
    draw = torch.Generator().manual_seed(4)
    mask_HW = mask_of(kind, *size)
    pred, target = torch.randn(2, 3, 2, 1, *size, generator=draw, dtype=dtype)
    target[..., ~mask_HW] = float("nan")

    found = value_and_slope(load(LOSS_VARIANTS[name].path, "test"), pred, target, mask_HW)
    expected = value_and_slope(BY_MASK[name], pred, target, mask_HW)

    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
