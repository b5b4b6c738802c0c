"""How sharp a field is: its mean gradient and its peak, in physical units."""

import torch

from fields.derivatives import interior_mask, masked_mean, sobel_magnitude, zero_masked
from objectives.case import Case

Tensor = torch.Tensor


def mean_gradient(field_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean sqrt(gx^2 + gy^2) over interior cells [B, T], in units per cell.

    gx, gy are Sobel/8 derivatives; a cell counts where its whole 3 x 3 stencil is valid. The
    operator matters: central or forward differences give other numbers on the same field.
    """
    finite_BTCHW = zero_masked(field_BTCHW, mask_HW)
    return masked_mean(sobel_magnitude(finite_BTCHW), interior_mask(mask_HW))


def peak(field_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the maximum over valid cells of each frame [B, T], averaged over channels."""
    lowest = torch.where(mask_HW, field_BTCHW, -torch.inf)
    return lowest.amax(dim=(3, 4)).mean(dim=2)


def gradient_predicted(case: Case) -> Tensor:
    """Return the forecast's mean gradient [B, T]."""
    return mean_gradient(case.pred_BTCHW, case.mask_HW)


def gradient_observed(case: Case) -> Tensor:
    """Return the observed mean gradient [B, T]."""
    return mean_gradient(case.target_BTCHW, case.mask_HW)


def peak_predicted(case: Case) -> Tensor:
    """Return the forecast's peak [B, T]."""
    return peak(case.pred_BTCHW, case.mask_HW)


def peak_observed(case: Case) -> Tensor:
    """Return the observed peak [B, T]."""
    return peak(case.target_BTCHW, case.mask_HW)
