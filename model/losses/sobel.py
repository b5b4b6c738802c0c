"""The plan's "perceptual" gradient loss: square difference of Sobel/8 derivatives."""

import torch

from fieldsharp.fields.derivatives import interior_mask, masked_mean, sobel, zero_masked

Tensor = torch.Tensor


def sobel_mse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean((gx_p - gx_t)^2 + (gy_p - gy_t)^2) over interior cells, per sample [B].

    Masked cells contribute neither value nor gradient. The mean square error of a linear filter:
    its optimum is the same conditional mean as that of the plain mean square error, so it can help
    a net that is trained too little but cannot cure blur that comes from uncertainty.
    """
    gx, gy = sobel(zero_masked(pred_BTCHW - target_BTCHW, mask_HW))
    return masked_mean(gx * gx + gy * gy, interior_mask(mask_HW)).mean(dim=1)
