"""Losses of each cell by itself: the base losses, and terms that weight high values.

The error is zeroed where masked before anything else is done to it, here and in the gradient
terms: a NaN that is only masked at the end still makes the gradient NaN (0 times NaN).
Shape legend: B sample, T lead, C channel, H rows, W columns. Units of the training range.
"""

import torch

from fieldsharp.fields.derivatives import masked_mean, zero_masked

Tensor = torch.Tensor
HIGHEST_WEIGHT = 10.0
QUANTILE = 0.9


def no_term(
    pred_BTCHW: Tensor,
    target_BTCHW: Tensor,  # noqa: ARG001 - every term takes the same three arguments
    mask_HW: Tensor,  # noqa: ARG001
) -> Tensor:
    """Return 0 for every sample [B]."""
    return pred_BTCHW.new_zeros(pred_BTCHW.shape[0])


def mse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the mean square error over valid cells, one value per sample [B].

    Masked cells contribute neither value nor gradient. Its optimum is the conditional mean: it
    smooths whatever cannot be known.
    """
    error_BTCHW = zero_masked(pred_BTCHW - target_BTCHW, mask_HW)
    return masked_mean(error_BTCHW**2, mask_HW).mean(dim=1)


def l1(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the mean absolute error over valid cells, one value per sample [B].

    Masked cells contribute neither value nor gradient. Its optimum is the conditional median.
    """
    error_BTCHW = zero_masked(pred_BTCHW - target_BTCHW, mask_HW)
    return masked_mean(error_BTCHW.abs(), mask_HW).mean(dim=1)


def balanced_mse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the mean square error weighted by observed intensity, per sample [B].

    The weight rises from 1 at the lowest training value to 10 at the highest, over its mean in each
    frame and channel. After the balanced loss of Shi et al. (TrajGRU, arXiv 1706.03458), whose
    weights are steps at fixed rain rates. Masked cells contribute neither value nor gradient.
    """
    error_BTCHW = zero_masked(pred_BTCHW - target_BTCHW, mask_HW)
    level = zero_masked(target_BTCHW, mask_HW).clamp(0.0, 1.0)
    weight = zero_masked(1.0 + (HIGHEST_WEIGHT - 1.0) * level, mask_HW)
    cost_BTC = (weight * error_BTCHW**2).sum(dim=(3, 4)) / weight.sum(dim=(3, 4))
    return cost_BTC.mean(dim=(1, 2))


def pinball(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean max(q (t - p), (q - 1) (t - p)) for q = 0.9, per sample [B].

    Its optimum is the conditional 0.9 quantile (Koenker and Bassett 1978): it biases upward, which
    raises peaks, and does not sharpen. Masked cells contribute neither value nor gradient.
    """
    missing_BTCHW = zero_masked(target_BTCHW - pred_BTCHW, mask_HW)
    cost = torch.maximum(QUANTILE * missing_BTCHW, (QUANTILE - 1.0) * missing_BTCHW)
    return masked_mean(cost, mask_HW).mean(dim=1)
