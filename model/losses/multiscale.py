"""The Sobel term on the field averaged over 1, 2 and 4 cells."""

import torch
from torch.nn import functional

from fieldsharp.fields.derivatives import interior_mask, masked_mean, sobel, zero_masked

Tensor = torch.Tensor
SCALES = (1, 2, 4)


def multiscale_mse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the Sobel term at 1x, 2x and 4x, averaged over the scales that fit, per sample [B].

    Coarse fields are masked averages over blocks; a block is valid when any of its cells is, and
    masked cells contribute neither value nor gradient. Scales at which no 3 x 3 stencil is valid
    are left out. Average pooling is linear: same optimum as the mean square error.
    """
    error_BTCHW = pred_BTCHW - target_BTCHW
    terms = []
    for scale in SCALES:
        coarse_BTCHW, coarse_mask_HW = block_average(error_BTCHW, mask_HW, scale)
        if min(coarse_mask_HW.shape) < 3 or not (inside := interior_mask(coarse_mask_HW)).any():
            continue
        gx, gy = sobel(coarse_BTCHW)
        terms.append(masked_mean(gx * gx + gy * gy, inside).mean(dim=1))
    if not terms:
        return pred_BTCHW.new_zeros(pred_BTCHW.shape[0])
    return torch.stack(terms).mean(dim=0)


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
