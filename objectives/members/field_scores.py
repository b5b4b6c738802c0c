"""Scores of whole fields: they see how the cells of a member belong together.

Shape legend: K members, of at least 2, N valid cells, H rows, W columns; leading dimensions are
free.
"""

from functools import partial

import torch

from fieldsharp.fields.valid_cells import derived_once, take_cells

Tensor = torch.Tensor
LAGS = (1, 2, 4, 8)
"""Cells between the two of a pair, along rows and along columns."""
ORDER = 0.5
"""Of the variogram: with the root, large differences count no more than many small ones."""


def fair_energy_score(members_KN: Tensor, observed_N: Tensor, weights_N: Tensor | None) -> Tensor:
    """Return the fair energy score of fields, in the unit of the field [...].

    mean_i |x_i - y| - sum_{i, j} |x_i - x_j| / (2 K (K - 1)) with the root of the mean square over
    the cells as distance. Gneiting and Raftery 2007, doi 10.1198/016214506000001437.

    Args:
        members_KN: The members [..., K, N].
        observed_N: What was observed [..., N].
        weights_N: Share of each cell in a mean, 1 on average; None where all are 1.
    """
    members = members_KN.shape[-2]
    error_K = _distance(members_KN - observed_N[..., None, :], weights_N)
    between = torch.zeros_like(error_K[..., 0])
    for i in range(1, members):
        apart = members_KN[..., i : i + 1, :] - members_KN[..., :i, :]
        between = between + _distance(apart, weights_N).sum(dim=-1)
    return error_K.mean(dim=-1) - between / (members * (members - 1))


def _distance(difference_N: Tensor, weights_N: Tensor | None) -> Tensor:
    squares = difference_N**2 if weights_N is None else difference_N**2 * weights_N
    return squares.mean(dim=-1).sqrt()


def fair_variogram_score(members_KHW: Tensor, observed_HW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the fair variogram score of fields, in the unit of the field [...].

    The mean over pairs of cells (|y_a - y_b|^p - mean_i |x_ia - x_ib|^p)^2 less the share of it
    that so few members make by chance, the unbiased variance of |x_ia - x_ib|^p over K; p = 0.5.
    Pairs are 1, 2, 4 and 8 cells apart along rows and along columns, and those of each distance
    weigh 1 over it together. Scheuerer and Hamill 2015, doi 10.1175/MWR-D-14-00269.1. NaN where no
    two valid cells are a pair.

    Args:
        members_KHW: The members [..., K, H, W]; anything in masked cells.
        observed_HW: What was observed [..., H, W].
        mask_HW: Cells that count.
    """
    total = torch.zeros_like(observed_HW[..., 0, 0])
    weight = 0.0
    for dim in (-2, -1):
        for lag in LAGS:
            if lag >= mask_HW.shape[dim]:
                continue
            (pair_N,) = derived_once(mask_HW, ("pairs", dim, lag), partial(_pairs, dim, lag))
            if not len(pair_N):
                continue
            of_members_K = take_cells(_roughness(members_KHW, dim, lag), pair_N)
            of_truth = take_cells(_roughness(observed_HW, dim, lag), pair_N)
            miss = (of_truth - of_members_K.mean(dim=-2)) ** 2
            by_chance = of_members_K.var(dim=-2) / of_members_K.shape[-2]
            total = total + (miss - by_chance).mean(dim=-1) / lag
            weight += 1.0 / lag
    return total / weight if weight else torch.full_like(total, torch.nan)


def _pairs(dim: int, lag: int, mask_HW: Tensor) -> tuple[Tensor]:
    """Return the numbers of the pairs of valid cells, among all pairs in order."""
    both = _shifted(mask_HW, dim, lag, last=True) & _shifted(mask_HW, dim, lag, last=False)
    return (both.flatten().nonzero().flatten(),)


def _roughness(fields_HW: Tensor, dim: int, lag: int) -> Tensor:
    ahead, behind = (_shifted(fields_HW, dim, lag, last=last) for last in (True, False))
    return (ahead - behind).abs() ** ORDER


def _shifted(fields_HW: Tensor, dim: int, lag: int, *, last: bool) -> Tensor:
    return fields_HW.narrow(dim, lag if last else 0, fields_HW.shape[dim] - lag)
