"""Structural similarity: torchmetrics inside the grid, and by definition along a coast."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from fieldsharp.fields.structure import similarity
from fieldsharp.model.losses.structure import one_minus_ssim

Tensor = torch.Tensor
MARGIN = 5  # cells of the window beyond its centre


def similarity_by_definition(
    pred: Tensor, target: Tensor, mask_HW: Tensor, value_range: float, row: int, column: int
) -> float:
    """Weighted moments of the valid cells in the window around one cell."""
    valid = mask_HW.numpy()
    i, j = np.mgrid[: valid.shape[0], : valid.shape[1]]
    distance = (i - row) ** 2 + (j - column) ** 2
    near = (abs(i - row) <= MARGIN) & (abs(j - column) <= MARGIN) & valid
    weights = np.exp(-distance[near] / (2 * 1.5**2))
    p, t = pred.numpy()[near], target.numpy()[near]
    means = np.average([p, t], axis=1, weights=weights)
    covariances = np.cov(p, t, aweights=weights, ddof=0)
    c1, c2 = (0.01 * value_range) ** 2, (0.03 * value_range) ** 2
    similar_means = (2 * means[0] * means[1] + c1) / (means[0] ** 2 + means[1] ** 2 + c1)
    similar_patterns = (2 * covariances[0, 1] + c2) / (np.trace(covariances) + c2)
    return float(similar_means * similar_patterns)


@pytest.mark.parametrize("value_range", [1.0, 7.0])
def test_inside_the_grid_it_is_the_similarity_of_torchmetrics(value_range: float) -> None:
    draw = torch.Generator().manual_seed(6)
    pred, target = torch.rand(2, 2, 1, 1, 18, 21, generator=draw, dtype=torch.float64)
    _, expected = structural_similarity_index_measure(
        pred[:, 0], target[:, 0], data_range=value_range, return_full_image=True
    )

    found = similarity(pred, target, torch.ones(18, 21, dtype=torch.bool), value_range)

    inside = np.s_[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
    torch.testing.assert_close(found[:, 0][inside], expected[inside], rtol=1e-9, atol=1e-12)


def test_along_a_coast_the_window_holds_the_valid_cells_alone(
    pair: tuple[Tensor, Tensor], coast_HW: Tensor
) -> None:
    pred, target = pair[0][0, 0, 0], pair[1][0, 0, 0]

    found = similarity(pred[None, None, None], target[None, None, None], coast_HW, 2.0)[0, 0, 0]

    for row, column in coast_HW.nonzero().tolist():
        expected = similarity_by_definition(pred, target, coast_HW, 2.0, row, column)
        assert found[row, column].item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_the_loss_is_what_valid_cells_lack_to_similarity_in_the_training_range(
    pair: tuple[Tensor, Tensor], coast_HW: Tensor
) -> None:
    pred, target = (field[:1, :1, :1] for field in pair)
    similar = [
        similarity_by_definition(pred[0, 0, 0], target[0, 0, 0], coast_HW, 1.0, row, column)
        for row, column in coast_HW.nonzero().tolist()
    ]

    found = one_minus_ssim(pred, target, coast_HW)

    assert found.tolist() == pytest.approx([1.0 - np.mean(similar)], rel=1e-9)


@pytest.mark.parametrize(("pred", "target"), [(0.5, 0.5), (0.25, 0.75), (0.0, 1.0)])
def test_flat_fields_are_as_similar_as_their_means(pred: float, target: float) -> None:
    flat_pred, flat_target = (torch.full((1, 1, 1, 9, 9), x).double() for x in (pred, target))

    found = one_minus_ssim(flat_pred, flat_target, torch.ones(9, 9, dtype=torch.bool))

    expected = (2 * pred * target + 1e-4) / (pred**2 + target**2 + 1e-4)
    assert found.tolist() == pytest.approx([1.0 - expected], abs=1e-12)


def test_in_kelvin_and_single_precision_the_variances_are_not_swallowed() -> None:
    draw = torch.Generator().manual_seed(6)
    pred, target = 280.0 + torch.rand(2, 1, 1, 1, 18, 21, generator=draw, dtype=torch.float64)
    mask_HW = torch.ones(18, 21, dtype=torch.bool)

    single = similarity(pred.float(), target.float(), mask_HW, 1.0)

    torch.testing.assert_close(
        single.double(), similarity(pred, target, mask_HW, 1.0), rtol=0, atol=1e-3
    )
