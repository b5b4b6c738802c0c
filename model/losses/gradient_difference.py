"""Gradient difference loss: absolute forward differences compared, pair by pair."""

import torch

from fieldsharp.fields.derivatives import (
    forward_differences,
    forward_masks,
    masked_mean,
    zero_masked,
)

Tensor = torch.Tensor


def gdl(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the gradient difference loss with exponent 1, per sample [B].

    Mean over pairs of neighbours of | |d p| - |d t| |, d the difference to the next cell, along y
    plus along x. A pair counts where both its cells are valid. Mathieu, Couprie and LeCun,
    arXiv 1511.05440, equation 6 (there a sum).
    """
    return _difference(pred_BTCHW, target_BTCHW, mask_HW, alpha=1)


def gdl2(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the gradient difference loss with exponent 2, per sample [B]; see ``gdl``."""
    return _difference(pred_BTCHW, target_BTCHW, mask_HW, alpha=2)


def _difference(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor, alpha: int) -> Tensor:
    differences_p = forward_differences(zero_masked(pred_BTCHW, mask_HW))
    differences_t = forward_differences(zero_masked(target_BTCHW, mask_HW))
    parts = [
        # A grid with no valid pair along one axis has nothing to say about that axis.
        masked_mean((d_p.abs() - d_t.abs()).abs() ** alpha, pairs).mean(dim=1)
        for d_p, d_t, pairs in zip(
            differences_p, differences_t, forward_masks(mask_HW), strict=True
        )
        if pairs.any()
    ]
    return sum(parts, pred_BTCHW.new_zeros(pred_BTCHW.shape[0]))
