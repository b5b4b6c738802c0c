"""Reliability: how often an event happened beside the share of members that said so.

Shape legend: K members, N valid cells, P shares of members (0/K to K/K); leading dimensions free.
"""

import torch

from fieldsharp.objectives.members.scores import Reliability

Tensor = torch.Tensor


def said_and_happened(
    members_KN: Tensor, observed_N: Tensor, weights_N: Tensor | None, threshold: float
) -> Tensor:
    """Return the share of cells where so many members exceed a threshold, and where it happened.

    Returns:
        For each number of members from 0 to K [..., P, 2].
    """
    number_N = (members_KN > threshold).sum(dim=-2)
    every_P = torch.arange(members_KN.shape[-2] + 1, device=number_N.device)
    said_NP = (number_N[..., None] == every_P).double()
    if weights_N is not None:
        said_NP = said_NP * weights_N[:, None]
    happened_N = (observed_N > threshold).double()
    return torch.stack(
        [said_NP.mean(dim=-2), (said_NP * happened_N[..., None]).mean(dim=-2)], dim=-1
    )


def reliability(threshold: float, found_P2: Tensor) -> Reliability:
    """Return the curve from what ``said_and_happened`` found, averaged over windows."""
    said_P, happened_P = found_P2[:, 0].tolist(), found_P2[:, 1].tolist()
    members = len(said_P) - 1
    return Reliability(
        threshold,
        [number / members for number in range(members + 1)],
        [h / s if s > 0 else None for s, h in zip(said_P, happened_P, strict=True)],
        said_P,
    )
