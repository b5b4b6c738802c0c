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

from collections.abc import Sequence
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from fieldsharp.fields.derivatives import masked_mean, zero_masked
from fieldsharp.fields.spectrum import coefficients_in_half, taper, transform_half

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
    return masked_mean(_score((error,)), mask_HW).mean(dim=1)


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
        score_BTCHW = _score((means,)) * share_HW
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
    of_cells = masked_mean(_score((error,)), mask_HW).mean(dim=1)
    weights_HW = taper(mask_HW).to(error)
    half = transform_half(error * weights_HW)
    score = _score((half.real.contiguous(), half.imag.contiguous()))
    counts_W = coefficients_in_half(error.shape[-1], error.device).to(error)
    share = weights_HW.square().mean().sqrt()  # so that the taper does not change the level
    of_scales = (score * counts_W).sum(dim=(-2, -1)).mean(dim=(1, 2)) / mask_HW.numel() / share
    return 0.5 * (of_cells + of_scales)


def energy_score(pred_BKTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the energy score of whole fields, per sample [B].

    The distance of two fields is the root of their mean square difference over valid cells, of each
    lead and channel by itself. Gneiting and Raftery 2007, doi 10.1198/016214506000001437.
    """
    error = _errors(pred_BKTCHW, target_BTCHW, mask_HW)

    members = error.shape[1]
    root = mask_HW.sum().to(error).sqrt()

    def sizes(differences: Tensor) -> Tensor:
        # The derivative of this norm is 0 at 0, where that of a root of a mean is not finite.
        norm: Tensor = torch.linalg.vector_norm(differences, dim=(-2, -1))
        return norm / root

    score = sizes(error).mean(dim=1)
    for i in range(members):
        for j in range(i):
            score = score - _pair_weight(members) * sizes(error[:, i] - error[:, j])
    return score.mean(dim=(1, 2))


def _errors(pred_BKTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    return zero_masked(pred_BKTCHW - target_BTCHW[:, None], mask_HW)


def _pair_weight(members: int) -> float:
    """Return what the distance of two members takes from the mean distance to the truth."""
    return (1.0 - (1.0 - ALPHA) / members) / (members * (members - 1))


def _score(parts: tuple[Tensor, ...]) -> Tensor:
    """Return the almost fair score of numbers with these errors [B, ...], without the axis K.

    Args:
        parts: The errors of real numbers [B, K, ...], or real and imaginary parts of complex ones.
    """
    score: Tensor = _KernelScore.apply(*parts)  # type: ignore[no-untyped-call]
    return score


class _KernelScore(torch.autograd.Function):
    """The score and its gradient in one pass over all pairs of members.

    One by one, their operations and what torch keeps of them to go back take as long as a net.
    """

    @staticmethod
    def forward(ctx: Any, *parts: Tensor) -> Tensor:
        members = parts[0].shape[1]
        sizes, slopes = _size_and_slopes(parts)
        score = sizes.mean(dim=1)
        gradients = [slope / members for slope in slopes]
        for i in range(1, members):
            weight = _pair_weight(members)
            # Member i beside all before it.
            sizes, slopes = _size_and_slopes([part[:, i : i + 1] - part[:, :i] for part in parts])
            score -= weight * sizes.sum(dim=1)
            for gradient, slope in zip(gradients, slopes, strict=True):
                gradient[:, i] -= weight * slope.sum(dim=1)
                gradient[:, :i] += weight * slope
        ctx.save_for_backward(*gradients)
        return score

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *of_score: Tensor) -> tuple[Tensor, ...]:
        return tuple(gradient * of_score[0][:, None] for gradient in ctx.saved_tensors)


def _size_and_slopes(parts: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Return absolute values, and their derivatives by each part: 0 at 0."""
    if len(parts) == 1:
        return parts[0].abs(), [parts[0].sign()]
    real, imaginary = parts
    size = (real * real + imaginary * imaginary).sqrt_()
    inverse = size.clamp(min=torch.finfo(size.dtype).tiny).reciprocal_()
    return size, [real * inverse, imaginary * inverse]


def _block_means(fields: Tensor, scale: int) -> Tensor:
    """Return means over blocks of cells; rows and columns that fill no block are left out."""
    if scale == 1:
        return fields
    height, width = (size // scale * scale for size in fields.shape[-2:])
    rows, columns = height // scale, width // scale
    whole = fields[..., :height, :width]
    means: Tensor = whole.reshape(*whole.shape[:-2], rows, scale, columns, scale).mean(dim=(-3, -1))
    return means
