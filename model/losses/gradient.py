"""The plan's first gradient loss: absolute difference of Sobel/8 derivatives."""

import torch

from fieldsharp.fields.derivatives import interior_mask, masked_mean, sobel, zero_masked

Tensor = torch.Tensor


def gradient_l1(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean(|gx_p - gx_t| + |gy_p - gy_t|) over interior cells, per sample [B].

    gx, gy are Sobel/8 derivatives; a cell counts only where its 3 x 3 stencil is valid, so masked
    cells contribute neither value nor gradient. In the spirit of the gradient difference loss of
    Mathieu, Couprie and LeCun (arXiv 1511.05440), but of signed derivatives.
    """
    # The operator is linear: the derivative of the error is the error of the derivatives.
    gx, gy = sobel(zero_masked(pred_BTCHW - target_BTCHW, mask_HW))
    return masked_mean(gx.abs() + gy.abs(), interior_mask(mask_HW)).mean(dim=1)
