"""Proper scores of an ensemble's members at each cell by itself: CRPS and Brier score.

Fair versions: their mean is that of an ensemble with endless members of the same distribution, so
that ensembles of different sizes can be compared. Ferro 2014, doi 10.1002/qj.2270.
Shape legend: K members, of at least 2; leading dimensions are free.
"""

import torch

Tensor = torch.Tensor


def fair_crps(members_K: Tensor, observed: Tensor) -> Tensor:
    """Return the fair continuous ranked probability score, in the unit of the field [...].

    mean_i |x_i - y| - sum_{i, j} |x_i - x_j| / (2 K (K - 1)), the second sum from the sorted
    members. 0 at best; of members that agree it is their absolute error.

    Args:
        members_K: The members in the last dimension [..., K].
        observed: What was observed [...].
    """
    members = members_K.shape[-1]
    error = (members_K - observed[..., None]).abs().mean(dim=-1)
    rank_K = torch.arange(1, members + 1, dtype=members_K.dtype, device=members_K.device)
    sorted_K = members_K.sort(dim=-1).values
    weight_K = (2.0 * rank_K - members - 1.0) / (members * (members - 1))
    return error - (sorted_K * weight_K).sum(dim=-1)


def fair_crps_above(members_K: Tensor, observed: Tensor, threshold: float) -> Tensor:
    """Return the fair CRPS that counts only what lies above a threshold [...].

    The integral of the squared difference of the distributions over values above the threshold: the
    CRPS of max(x, threshold). Gneiting and Ranjan 2011, doi 10.1198/jbes.2010.08110.
    """
    return fair_crps(members_K.clamp(min=threshold), observed.clamp(min=threshold))


def fair_brier_score(members_K: Tensor, observed: Tensor, threshold: float) -> Tensor:
    """Return the fair Brier score of the event that a threshold is exceeded [...].

    (p - o)^2 - p (1 - p) / (K - 1), p the share of members above it, o 1 where it was exceeded.
    """
    share = (members_K > threshold).to(members_K.dtype).mean(dim=-1)
    happened = (observed > threshold).to(members_K.dtype)
    return (share - happened) ** 2 - share * (1.0 - share) / (members_K.shape[-1] - 1)
