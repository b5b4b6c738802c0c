"""Pointwise losses that care more about high values."""

import torch

from fieldsharp.fields.derivatives import masked_mean, zero_masked

Tensor = torch.Tensor
HIGHEST_WEIGHT = 10.0
QUANTILE = 0.9


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
