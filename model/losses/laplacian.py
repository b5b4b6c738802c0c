"""The plan's last loss: square difference of Laplacians."""

import torch

from fieldsharp.fields.derivatives import cross_mask, laplacian, masked_mean, zero_masked

Tensor = torch.Tensor


def laplacian_mse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean((L p - L t)^2), L = [[0,-1,0],[-1,4,-1],[0,-1,0]]/4, per sample [B].

    A cell counts only where it and its four neighbours are valid, so masked cells contribute
    neither value nor gradient. Linear inside the square, as the Sobel term: same optimum as the
    mean square error.
    """
    error_BTCHW = zero_masked(pred_BTCHW - target_BTCHW, mask_HW)
    return masked_mean(laplacian(error_BTCHW) ** 2, cross_mask(mask_HW)).mean(dim=1)
