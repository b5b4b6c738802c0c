"""Losses of the members of an ensemble: proper scores, so that each may be as sharp as the truth.

Members drawn from the truth's own distribution minimise them. All are almost fair kernel scores: of
K members x_i and the truth t, with a distance d,

    sum_{i != j} [ d(x_i, t) + d(x_j, t) - (1 - e) d(x_i, x_j) ] / (2 K (K - 1)), e = (1 - a) / K

and a = 0.95. Fair (a = 1) members have no reason to shrink towards each other; a little below 1
keeps a pair of them from drifting apart together. Lang et al. 2024, arXiv 2412.15832. A single
member has its distance to the truth.

The error is zeroed where masked before anything else is done to it: masked cells contribute neither
value nor gradient. Distances of members are those of their errors, since every distance here is of
a linear transform of the field.
Shape legend: B sample, K member, T lead, C channel, H rows, W columns. Units of the training range.
"""

from collections.abc import Callable

import torch

from fieldsharp.fields.derivatives import masked_mean, zero_masked
from fieldsharp.fields.spectrum import taper, transform

Tensor = torch.Tensor
ALPHA = 0.95
SCALES = (1, 2, 4, 8)
"""Cells along a side of the blocks whose means are compared."""


def almost_fair_crps(pred_BKTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the CRPS of each cell by itself, averaged over valid cells, per sample [B].

    It does not see how the cells of a member belong together.

    Args:
        pred_BKTCHW: Members.
        target_BTCHW: What was observed.
        mask_HW: Cells that count.
    """
    error = _errors(pred_BKTCHW, target_BTCHW, mask_HW)
    return masked_mean(_kernel_score(error, torch.abs), mask_HW).mean(dim=1)


def multiscale_crps(pred_BKTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the mean of the CRPS of cells and of means over blocks of 2, 4 and 8, per sample [B].

    A block counts by its valid cells; scales that the grid is too small for are left out. Members
    whose cells vary independently have block means that are too sure.
    """
    error = _errors(pred_BKTCHW, target_BTCHW, mask_HW)
    by_scale = []
    for scale in SCALES:
        if scale > min(mask_HW.shape):
            break
        share_HW = _block_means(mask_HW.to(error), scale)
        means = _block_means(error, scale) / share_HW.clamp(min=1.0 / scale**2)
        score_BTCHW = _kernel_score(means, torch.abs) * share_HW
        by_scale.append(score_BTCHW.sum(dim=(-2, -1)) / share_HW.sum())
    mean_B: Tensor = torch.stack(by_scale).mean(dim=(0, 2, 3))
    return mean_B


def spectral_crps(pred_BKTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return half the CRPS of cells and half that of the Fourier coefficients, per sample [B].

    The distance of two coefficients is the modulus of their difference; the mean is over all
    coefficients of the orthonormal transform, tapered towards coast and edge, whose mean square is
    that of the tapered cells. Small scales, whose coefficients are small, count more than in the
    mean square error: arXiv 2511.23043.
    """
    error = _errors(pred_BKTCHW, target_BTCHW, mask_HW)
    of_cells = masked_mean(_kernel_score(error, torch.abs), mask_HW).mean(dim=1)
    weights_HW = taper(mask_HW).to(error)
    coefficients = transform(error * weights_HW)
    share = weights_HW.square().mean().sqrt()  # so that the taper does not change the level
    of_scales = _kernel_score(coefficients, torch.abs).mean(dim=(1, 2, 3, 4)) / share
    return 0.5 * (of_cells + of_scales)


def energy_score(pred_BKTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the energy score of whole fields, per sample [B].

    The distance of two fields is the root of their mean square difference over valid cells, of each
    lead and channel by itself. Gneiting and Raftery 2007, doi 10.1198/016214506000001437.
    """
    error = _errors(pred_BKTCHW, target_BTCHW, mask_HW)

    def size(difference: Tensor) -> Tensor:
        # The derivative of this norm is 0 at 0, where that of a root of a mean is not finite.
        norm: Tensor = torch.linalg.vector_norm(difference, dim=(-2, -1))
        return norm / mask_HW.sum().to(norm).sqrt()

    return _kernel_score(error, size).mean(dim=(1, 2))


def _errors(pred_BKTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    return zero_masked(pred_BKTCHW - target_BTCHW[:, None], mask_HW)


def _kernel_score(error_BK: Tensor, size: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the almost fair score of members with these errors [B, ...], without the axis K."""
    members = error_BK.shape[1]
    if members == 1:
        return size(error_BK[:, 0])
    epsilon = (1.0 - ALPHA) / members
    total = torch.zeros_like(size(error_BK[:, 0]))
    for i in range(members):
        for j in range(i):
            pair = size(error_BK[:, i]) + size(error_BK[:, j])
            total = total + pair - (1.0 - epsilon) * size(error_BK[:, i] - error_BK[:, j])
    return total / (members * (members - 1))


def _block_means(fields: Tensor, scale: int) -> Tensor:
    """Return means over blocks of cells; rows and columns that fill no block are left out."""
    if scale == 1:
        return fields
    height, width = (size // scale * scale for size in fields.shape[-2:])
    rows, columns = height // scale, width // scale
    whole = fields[..., :height, :width]
    means: Tensor = whole.reshape(*whole.shape[:-2], rows, scale, columns, scale).mean(dim=(-3, -1))
    return means
