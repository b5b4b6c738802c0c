"""Structural similarity as a loss."""

import torch

from fieldsharp.fields.derivatives import masked_mean
from fieldsharp.fields.structure import similarity

Tensor = torch.Tensor


def one_minus_ssim(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return 1 - mean structural similarity over valid cells, per sample [B].

    With a range of 1, since fields are in units of the training range; see
    ``fields.structure.similarity`` for formula, mask and source.
    """
    similar = similarity(pred_BTCHW, target_BTCHW, mask_HW, value_range=1.0)
    return masked_mean(1.0 - similar, mask_HW).mean(dim=1)
