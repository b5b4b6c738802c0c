"""Base losses: the mean error of each cell."""

import torch

from fields.derivatives import masked_mean

Tensor = torch.Tensor


def mse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the mean square error over valid cells, one value per sample [B].

    Masked cells contribute neither value nor gradient. Its optimum is the conditional mean: it
    smooths whatever cannot be known.
    """
    return masked_mean((pred_BTCHW - target_BTCHW) ** 2, mask_HW).mean(dim=1)


def l1(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the mean absolute error over valid cells, one value per sample [B].

    Masked cells contribute neither value nor gradient. Its optimum is the conditional median.
    """
    return masked_mean((pred_BTCHW - target_BTCHW).abs(), mask_HW).mean(dim=1)
