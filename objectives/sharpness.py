"""Sharpness of a field: its gradients, curvature and peaks, in physical units.

Gradients are per cell, or per km where the batch has the distances of cells; all cells count the
same.
"""

import torch

from fieldsharp.objectives.masked_field import MaskedField
from fieldsharp.objectives.verification_batch import VerificationBatch, of_truth

Tensor = torch.Tensor


def mean_gradient(field_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean sqrt(gx^2 + gy^2) over interior cells [B, T], in units per cell.

    gx, gy are Sobel/8 derivatives; a cell counts where its whole 3 x 3 stencil is valid. The
    operator matters: central or forward differences give other numbers on the same field.
    """
    return MaskedField(field_BTCHW, mask_HW, None).steepness.mean(dim=(2, 3))


def peak(field_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the maximum over valid cells of each frame [B, T], averaged over channels."""
    return MaskedField(field_BTCHW, mask_HW, None).highest_BTC.mean(dim=2)


def gradient_predicted(case: VerificationBatch) -> Tensor:
    """Return the forecast's mean gradient [B, T]."""
    return case.forecast.steepness.mean(dim=(2, 3))


@of_truth
def gradient_observed(case: VerificationBatch) -> Tensor:
    """Return the observed mean gradient [B, T]."""
    return case.truth.steepness.mean(dim=(2, 3))


def forward_gradient_predicted(case: VerificationBatch) -> Tensor:
    """Return the forecast's mean gradient by forward differences over interior cells [B, T].

    Sees the checkerboards that Sobel is blind to.
    """
    return case.forecast.forward_steepness.mean(dim=(2, 3))


@of_truth
def forward_gradient_observed(case: VerificationBatch) -> Tensor:
    """Return the observed mean gradient by forward differences [B, T]."""
    return case.truth.forward_steepness.mean(dim=(2, 3))


def curvature_predicted(case: VerificationBatch) -> Tensor:
    """Return the mean square of the forecast's Laplacian [B, T]."""
    return (case.forecast.curvature**2).mean(dim=(2, 3))


@of_truth
def curvature_observed(case: VerificationBatch) -> Tensor:
    """Return the mean square of the observed Laplacian [B, T]."""
    return (case.truth.curvature**2).mean(dim=(2, 3))


def peak_predicted(case: VerificationBatch) -> Tensor:
    """Return the forecast's peak [B, T]."""
    return case.forecast.highest_BTC.mean(dim=2)


@of_truth
def peak_observed(case: VerificationBatch) -> Tensor:
    """Return the observed peak [B, T]."""
    return case.truth.highest_BTC.mean(dim=2)


def peak_isolation_predicted(case: VerificationBatch) -> Tensor:
    """Return the height of the forecast's peak above the cells around it [B, T]."""
    return case.forecast.peak_isolation_BTC.mean(dim=2)


@of_truth
def peak_isolation_observed(case: VerificationBatch) -> Tensor:
    """Return the height of the observed peak above the cells around it [B, T]."""
    return case.truth.peak_isolation_BTC.mean(dim=2)
