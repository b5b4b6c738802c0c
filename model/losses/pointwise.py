"""Base losses: the mean error of each cell.

The error is zeroed where masked before anything else is done to it, here and in the gradient
terms: a NaN that is only masked at the end still makes the gradient NaN (0 times NaN).
"""

import torch

from fieldsharp.fields.derivatives import masked_mean, zero_masked

Tensor = torch.Tensor


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
