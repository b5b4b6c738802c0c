"""The rank histogram: how often the truth has each rank among the members, and whether it is flat.

Shape legend: K members, N valid cells, W windows, R ranks (K + 1); leading dimensions are free.
"""

import numpy as np
import torch

from fieldsharp.objectives.leads.reality_check import widening
from fieldsharp.objectives.leads.resampling import resampled_weights
from fieldsharp.objectives.leads.window_statistics import FloatArray

Tensor = torch.Tensor
FEWEST_BLOCKS = 10
"""Independent blocks of windows without which nothing is said of chance."""


def rank_shares(
    members_KN: Tensor, observed_N: Tensor, weights_N: Tensor | None, random_N: Tensor
) -> Tensor:
    """Return the share of the cells in which the truth has each rank among the members [..., R].

    Rank 0: below all members. Of members equal to the truth a random number counts as below it, so
    that a field that is often 0 has a flat histogram where it should. Hamill 2001, doi
    10.1175/1520-0493(2001)129<0550:IORHFV>2.0.CO;2.

    Args:
        members_KN: The members [..., K, N].
        observed_N: What was observed [..., N].
        weights_N: Share of each cell in a mean, 1 on average; None where all are 1.
        random_N: Of each cell a number drawn evenly between 0 and 1 [..., N].
    """
    below_N = (members_KN < observed_N[..., None, :]).sum(dim=-2)
    equal_N = (members_KN == observed_N[..., None, :]).sum(dim=-2)
    rank_N = below_N + (random_N * (equal_N + 1)).long()
    ranks = members_KN.shape[-2] + 1
    every_R = torch.arange(ranks, device=rank_N.device)
    found_NR = (rank_N[..., None] == every_R).double()
    if weights_N is not None:
        found_NR = found_NR * weights_N[:, None]
    return found_NR.mean(dim=-2)


def flatness_chance(shares_WR: FloatArray, length: float, seed: int) -> float | None:
    """Return how likely chance alone makes a rank histogram as uneven as this one.

    The sum of squared departures from equal shares, beside that of 2,000 resamples of the windows
    (stationary bootstrap), whose departures are taken from the histogram itself and widened for
    blocks that are short and few: windows follow each other, and neighbouring cells are alike, so
    that a chi-squared test on the counts would find every histogram uneven.

    Args:
        shares_WR: Of each window.
        length: Mean length of a block, in windows.
        seed: Of the resampling.

    Returns:
        None where there are fewer than ten independent blocks.
    """
    windows, ranks = shares_WR.shape
    blocks = windows / length
    if blocks < FEWEST_BLOCKS:
        return None
    mean_R = shares_WR.mean(axis=0)
    weights = resampled_weights(np.ones(windows), length, seed)
    by_chance = widening(blocks) ** 2 * np.square(weights @ shares_WR - mean_R).sum(axis=1)
    return float(np.mean(by_chance >= np.square(mean_R - 1.0 / ranks).sum()))
