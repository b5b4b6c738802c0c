"""Losses between spatial derivatives: slopes, Laplacians, differences of neighbouring cells.

Over cells whose whole stencil is valid, so masked cells contribute neither value nor gradient.
Shape legend: B sample, T lead, C channel, H rows, W columns. Units of the training range.
"""

import torch
from torch.nn import functional

from fieldsharp.fields.derivatives import (
    cross_mask,
    forward_differences,
    forward_masks,
    interior_mask,
    laplacian,
    masked_mean,
    mean_or_zero,
    sobel,
    sobel_magnitude,
    zero_masked,
)

Tensor = torch.Tensor
EPSILON = 1e-12
"""Under the root, squared units of the training range: keeps its derivative finite at 0."""
SCALES = (1, 2, 4)


def gradient_l1(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean(|gx_p - gx_t| + |gy_p - gy_t|) over interior cells, per sample [B].

    gx, gy are Sobel/8 derivatives; a cell counts only where its 3 x 3 stencil is valid, so masked
    cells contribute neither value nor gradient. In the spirit of the gradient difference loss of
    Mathieu, Couprie and LeCun (arXiv 1511.05440), but of signed derivatives.
    """
    # The operator is linear: the derivative of the error is the error of the derivatives.
    gx, gy = sobel(zero_masked(pred_BTCHW - target_BTCHW, mask_HW))
    return masked_mean(gx.abs() + gy.abs(), interior_mask(mask_HW)).mean(dim=1)


def sobel_mse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean((gx_p - gx_t)^2 + (gy_p - gy_t)^2) over interior cells, per sample [B].

    Masked cells contribute neither value nor gradient. The mean square error of a linear filter:
    its optimum is the same conditional mean as that of the plain mean square error, so it can help
    a net that is trained too little but cannot cure blur that comes from uncertainty.
    """
    gx, gy = sobel(zero_masked(pred_BTCHW - target_BTCHW, mask_HW))
    return masked_mean(gx * gx + gy * gy, interior_mask(mask_HW)).mean(dim=1)


def laplacian_mse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean((L p - L t)^2), L = [[0,-1,0],[-1,4,-1],[0,-1,0]]/4, per sample [B].

    A cell counts only where it and its four neighbours are valid, so masked cells contribute
    neither value nor gradient. Linear inside the square, as the Sobel term: same optimum as the
    mean square error.
    """
    error_BTCHW = zero_masked(pred_BTCHW - target_BTCHW, mask_HW)
    return masked_mean(laplacian(error_BTCHW) ** 2, cross_mask(mask_HW)).mean(dim=1)


def gradient_magnitude_mse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return mean((|g_p| - |g_t|)^2), |g| = sqrt(gx^2 + gy^2) of Sobel/8, per sample [B].

    Over interior cells; masked cells contribute neither value nor gradient. Not linear in the
    forecast, so its optimum is not the conditional mean: it raises contrast, at the cost of error.
    """
    steep_p = sobel_magnitude(zero_masked(pred_BTCHW, mask_HW), EPSILON)
    steep_t = sobel_magnitude(zero_masked(target_BTCHW, mask_HW), EPSILON)
    return masked_mean((steep_p - steep_t) ** 2, interior_mask(mask_HW)).mean(dim=1)


def gdl(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the gradient difference loss with exponent 1, per sample [B].

    Mean over pairs of neighbours of | |d p| - |d t| |, d the difference to the next cell, along y
    plus along x. A pair counts where both its cells are valid. Mathieu, Couprie and LeCun,
    arXiv 1511.05440, equation 6 (a sum in the paper).
    """
    return _gradient_difference(pred_BTCHW, target_BTCHW, mask_HW, alpha=1)


def gdl2(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the gradient difference loss with exponent 2, per sample [B]; see ``gdl``."""
    return _gradient_difference(pred_BTCHW, target_BTCHW, mask_HW, alpha=2)


def _gradient_difference(
    pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor, alpha: int
) -> Tensor:
    differences_p = forward_differences(zero_masked(pred_BTCHW, mask_HW))
    differences_t = forward_differences(zero_masked(target_BTCHW, mask_HW))
    parts = [
        # An axis without a valid pair contributes nothing.
        mean_or_zero((d_p.abs() - d_t.abs()).abs() ** alpha, pairs).mean(dim=1)
        for d_p, d_t, pairs in zip(
            differences_p, differences_t, forward_masks(mask_HW), strict=True
        )
    ]
    return sum(parts, pred_BTCHW.new_zeros(pred_BTCHW.shape[0]))


def multiscale_mse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the Sobel term at 1x, 2x and 4x, averaged over the scales that fit, per sample [B].

    Coarse fields are masked averages over blocks; a block is valid when any of its cells is, and
    masked cells contribute neither value nor gradient. Scales at which no 3 x 3 stencil is valid
    are left out. Average pooling is linear: same optimum as the mean square error.
    """
    error_BTCHW = pred_BTCHW - target_BTCHW
    terms, fits = [], []
    for scale in SCALES:
        coarse_BTCHW, coarse_mask_HW = block_average(error_BTCHW, mask_HW, scale)
        if min(coarse_mask_HW.shape) < 3:
            continue
        inside = interior_mask(coarse_mask_HW)
        gx, gy = sobel(coarse_BTCHW)
        terms.append(mean_or_zero(gx * gx + gy * gy, inside).mean(dim=1))
        fits.append(inside.any())
    if not terms:
        return pred_BTCHW.new_zeros(pred_BTCHW.shape[0])
    # A scale that does not fit adds 0.
    return torch.stack(terms).sum(dim=0) / torch.stack(fits).sum().clamp(min=1)


def block_average(field_BTCHW: Tensor, mask_HW: Tensor, scale: int) -> tuple[Tensor, Tensor]:
    """Return means over the valid cells of scale x scale blocks, and which blocks have any.

    Rows and columns that do not fill a block at the far edge form a smaller one.
    """
    if scale == 1:
        return zero_masked(field_BTCHW, mask_HW), mask_HW
    samples, leads, channels, height, width = field_BTCHW.shape
    pad = (0, -width % scale, 0, -height % scale)
    values = zero_masked(field_BTCHW, mask_HW).reshape(-1, 1, height, width)
    sums = functional.avg_pool2d(functional.pad(values, pad), scale)
    share = functional.avg_pool2d(functional.pad(mask_HW[None, None].to(values), pad), scale)
    means = torch.where(share > 0, sums / share.clamp(min=1e-12), 0.0)
    return means.reshape(samples, leads, channels, *means.shape[-2:]), share[0, 0] > 0
