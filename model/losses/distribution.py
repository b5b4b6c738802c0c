"""Losses between the distributions of values in a frame, whatever their position.

Blind to position, so they are used only together with a pointwise base loss.
"""

import math

import torch

from fieldsharp.fields.derivatives import sobel_magnitude, zero_masked
from fieldsharp.fields.masked_statistics import in_rising_order
from fieldsharp.fields.valid_cells import cell_index, take_cells
from fieldsharp.model.losses.derivatives import EPSILON

Tensor = torch.Tensor
GRADIENT_SHARE = 4.0
"""Weight of gradient magnitudes beside values in ``sorted_both``: 0.05 to 0.2, as was measured to
sharpen the humidity data without loss of accuracy."""
EXTREME_SHARE = 0.02


def sorted_values(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean |sort(p) - sort(t)| over the valid cells of each frame, per sample [B].

    The 1-Wasserstein distance between the values of forecast and truth. Masked cells contribute
    neither value nor gradient. Its optimum has the truth's spread, peaks included.
    """
    valid_N = cell_index(mask_HW).valid_N
    return _sorted_distance(take_cells(pred_BTCHW, valid_N), take_cells(target_BTCHW, valid_N))


def sorted_gradients(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean |sort(|g_p|) - sort(|g_t|)| of Sobel/8 magnitudes, per sample [B].

    Over the interior cells of each frame: the 1-Wasserstein distance between gradient magnitudes.
    """
    inner_N = cell_index(mask_HW).inner_N
    steep_p = sobel_magnitude(zero_masked(pred_BTCHW, mask_HW), EPSILON)
    steep_t = sobel_magnitude(zero_masked(target_BTCHW, mask_HW), EPSILON)
    return _sorted_distance(take_cells(steep_p, inner_N), take_cells(steep_t, inner_N))


def sorted_both(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return ``sorted_values`` + 4 ``sorted_gradients``, per sample [B]."""
    values_B = sorted_values(pred_BTCHW, target_BTCHW, mask_HW)
    return values_B + GRADIENT_SHARE * sorted_gradients(pred_BTCHW, target_BTCHW, mask_HW)


def extremes(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean |sort(p) - sort(t)| over the highest 2 % of the cells, per sample [B].

    At least one cell of each frame: the part of ``sorted_values`` that peaks are made of.
    """
    valid_N = cell_index(mask_HW).valid_N
    p, t = take_cells(pred_BTCHW, valid_N), take_cells(target_BTCHW, valid_N)
    count = max(1, math.ceil(EXTREME_SHARE * p.shape[-1]))
    difference = p.topk(count, dim=-1).values - t.topk(count, dim=-1).values
    return difference.abs().mean(dim=(1, 2, 3))


def _sorted_distance(pred_BTCN: Tensor, target_BTCN: Tensor) -> Tensor:
    difference = in_rising_order(pred_BTCN) - in_rising_order(target_BTCN)
    return difference.abs().mean(dim=(1, 2, 3))
