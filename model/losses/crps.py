"""Continuous ranked probability score of an ensemble: spread is rewarded where it is needed."""

import torch

from fieldsharp.fields.derivatives import masked_mean, zero_masked

Tensor = torch.Tensor
ALPHA = 0.95


def almost_fair_crps(pred_BKTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the almost fair CRPS of K members, per sample [B].

    sum_{i != j} [ |x_i - t| + |x_j - t| - (1 - e) |x_i - x_j| ] / (2 K (K - 1)), e = (1 - a) / K,
    a = 0.95, averaged over valid cells. Fair (a = 1) members are drawn from the truth's own
    distribution at the optimum, so each of them is as sharp as the truth; a little below 1 keeps a
    pair of members from drifting apart together. Lang et al. 2024, arXiv 2412.15832. Masked cells
    contribute neither value nor gradient.

    Args:
        pred_BKTCHW: Members, at least 2.
        target_BTCHW: What was observed.
        mask_HW: Cells that count.
    """
    members = pred_BKTCHW.shape[1]
    error = zero_masked(pred_BKTCHW - target_BTCHW[:, None], mask_HW)
    epsilon = (1.0 - ALPHA) / members
    total = torch.zeros_like(error[:, 0])
    for i in range(members):
        for j in range(i):
            # The distance of two members is that of their errors, which are 0 where masked.
            pair = error[:, i].abs() + error[:, j].abs()
            total = total + pair - (1.0 - epsilon) * (error[:, i] - error[:, j]).abs()
    return masked_mean(total / (members * (members - 1)), mask_HW).mean(dim=1)
