"""Losses between distributions of values: SciPy's Wasserstein distance, and examples by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import wasserstein_distance

from fieldsharp.model.losses.distribution import (
    extremes,
    sorted_both,
    sorted_gradients,
    sorted_values,
)
from fieldsharp.model.losses.forecast_loss import LossTerm

Tensor = torch.Tensor
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def value_distance(pred: Array, target: Array, mask: Mask) -> float:
    return float(wasserstein_distance(pred[mask], target[mask]))


def gradient_distance(pred: Array, target: Array, mask: Mask) -> float:
    inside = ndimage.binary_erosion(mask, np.ones((3, 3)), border_value=0)
    steepness = [
        np.hypot(ndimage.sobel(f, axis=0), ndimage.sobel(f, axis=1))[inside] / 8.0
        for f in (pred, target)
    ]
    return float(wasserstein_distance(*steepness))


def both_distances(pred: Array, target: Array, mask: Mask) -> float:
    return value_distance(pred, target, mask) + 4.0 * gradient_distance(pred, target, mask)


def highest_distance(pred: Array, target: Array, mask: Mask) -> float:
    count = math.ceil(0.02 * int(mask.sum()))
    highest = [np.sort(field[mask])[-count:] for field in (pred, target)]
    return float(wasserstein_distance(*highest))


@pytest.mark.parametrize(
    ("term", "oracle"),
    [
        (sorted_values, value_distance),
        (sorted_gradients, gradient_distance),
        (sorted_both, both_distances),
        (extremes, highest_distance),
    ],
    ids=["sorted_values", "sorted_gradients", "sorted", "extremes"],
)
def test_values_agree_with_the_wasserstein_distance_of_scipy(
    term: LossTerm,
    oracle: Callable[[Array, Array, Mask], float],
    pair: tuple[Tensor, Tensor],
    coast_HW: Tensor,
) -> None:
    pred, target = pair
    expected = [
        np.mean(
            [
                oracle(pred[b, t, c].numpy(), target[b, t, c].numpy(), coast_HW.numpy())
                for t in range(2)
                for c in range(2)
            ]
        )
        for b in range(3)
    ]

    np.testing.assert_allclose(term(pred, target, coast_HW), expected, rtol=1e-9)


def frame(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(1, 1, 1, 1, -1)


@pytest.mark.parametrize(
    ("pred", "target", "expected"),
    [
        (frame(3, 1, 2), frame(1, 2, 3), 0.0),
        (frame(0, 0, 0), frame(1, -2, 3), (2 + 1 + 3) / 3),
        (frame(2, 0, 5), frame(1, 1, 1), (1 + 1 + 4) / 3),
    ],
)
def test_values_are_compared_rank_by_rank(pred: Tensor, target: Tensor, expected: float) -> None:
    value_B = sorted_values(pred, target, torch.ones(1, 3, dtype=torch.bool))

    assert value_B.tolist() == pytest.approx([expected])


@pytest.mark.parametrize("term", [sorted_values, sorted_gradients, sorted_both, extremes])
def test_where_things_are_does_not_matter(term: LossTerm, pair: tuple[Tensor, Tensor]) -> None:
    field = pair[0]

    value_B = term(field.flip(3, 4), field, torch.ones(11, 14, dtype=torch.bool))

    torch.testing.assert_close(value_B, torch.zeros(3).double(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("cells", "counted"), [(1, 1), (50, 1), (51, 2), (100, 2), (101, 3)])
def test_extremes_are_the_highest_two_percent_and_at_least_one_cell(
    cells: int, counted: int
) -> None:
    target = frame(*range(cells))
    missed = target.clamp(max=cells - 1 - counted)  # the highest cells lack 1, 2, ... counted

    value_B = extremes(missed, target, torch.ones(1, cells, dtype=torch.bool))

    assert value_B.tolist() == pytest.approx([(1 + counted) / 2])


def test_extremes_care_for_nothing_below() -> None:
    target = frame(*range(100))
    lower = torch.where(target < 90, -target, target)

    assert not extremes(lower, target, torch.ones(1, 100, dtype=torch.bool)).any()


def test_each_frame_has_its_own_distribution() -> None:
    early_and_late = torch.cat([frame(0, 0), frame(1, 1)], dim=1)

    value_B = sorted_values(
        early_and_late.flip(1), early_and_late, torch.ones(1, 2, dtype=torch.bool)
    )

    assert value_B.tolist() == [1.0]
