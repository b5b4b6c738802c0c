from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fieldsharp.fields.structure import similarity

RANGE = 8.0
Tensor = torch.Tensor


def pair(height: int = 20, width: int = 24, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two like fields [2, 3, 1, H, W]."""
    rng = np.random.default_rng(seed)
    target = rng.normal(size=(2, 3, 1, height, width))
    pred = target + 0.5 * rng.normal(size=target.shape)
    return torch.from_numpy(pred), torch.from_numpy(target)


def coast(height: int = 20, width: int = 24) -> Tensor:
    mask = torch.ones(height, width, dtype=torch.bool)
    mask[:7, :9] = False
    mask[12, 15] = False
    return mask


def everywhere(field: Tensor) -> Tensor:
    return torch.ones(field.shape[-2:], dtype=torch.bool)


def test_off_the_edge_it_is_that_of_torchmetrics() -> None:
    """In the outer five cells torchmetrics mirrors the field; here the window is cut."""
    image = pytest.importorskip("torchmetrics.functional.image")
    pred, target = pair()

    found = similarity(pred, target, everywhere(pred), RANGE)

    _, expected = image.structural_similarity_index_measure(
        pred.flatten(0, 1), target.flatten(0, 1), data_range=RANGE, return_full_image=True
    )
    torch.testing.assert_close(
        found.flatten(0, 1)[..., 5:-5, 5:-5], expected[..., 5:-5, 5:-5], rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("cell", [(0, 23), (7, 9), (6, 12), (12, 14), (19, 0), (10, 12)])
def test_beside_a_coast_it_is_the_formula_over_valid_cells(cell: tuple[int, int]) -> None:
    pred, target = pair()
    mask = coast()
    p, t = pred[1, 2, 0].numpy(), target[1, 2, 0].numpy()
    weights, ps, ts = [], [], []
    for y in range(max(cell[0] - 5, 0), min(cell[0] + 6, 20)):
        for x in range(max(cell[1] - 5, 0), min(cell[1] + 6, 24)):
            if mask[y, x]:
                apart = (y - cell[0]) ** 2 + (x - cell[1]) ** 2
                weights.append(math.exp(-apart / (2 * 1.5**2)))
                ps.append(p[y, x])
                ts.append(t[y, x])
    spread = np.cov(ps, ts, aweights=weights, ddof=0)
    mean_p, mean_t = np.average(ps, weights=weights), np.average(ts, weights=weights)
    c1, c2 = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2
    expected = (2 * mean_p * mean_t + c1) / (mean_p**2 + mean_t**2 + c1)
    expected *= (2 * spread[0, 1] + c2) / (spread[0, 0] + spread[1, 1] + c2)

    found = similarity(pred, target, mask, RANGE)[1, 2, 0][cell]

    assert found.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("intruder", [math.nan, math.inf, 1e9])
def test_masked_cells_never_matter_neither_for_the_value_nor_for_the_slope(intruder: float) -> None:
    pred, target = pair()
    mask = coast()
    soiled_p = torch.where(mask, pred, intruder).requires_grad_()
    soiled_t = torch.where(mask, target, intruder)

    found = similarity(soiled_p, soiled_t, mask, RANGE)[..., mask]
    found.sum().backward()  # type: ignore[no-untyped-call]

    assert torch.equal(found, similarity(pred, target, mask, RANGE)[..., mask])
    assert soiled_p.grad is not None
    assert soiled_p.grad.isfinite().all()
    assert (soiled_p.grad[..., ~mask] == 0).all()
    assert (soiled_p.grad[..., mask] != 0).any()


def test_it_is_one_for_identical_fields_and_alike_both_ways_round() -> None:
    pred, target = pair()

    there, back = (
        similarity(*fields, coast(), RANGE) for fields in ((pred, target), (target, pred))
    )

    torch.testing.assert_close(
        similarity(target, target, coast(), RANGE), torch.ones_like(target), rtol=1e-12, atol=0
    )
    torch.testing.assert_close(there[..., coast()], back[..., coast()], rtol=1e-10, atol=1e-12)
    assert there[..., coast()].abs().max() <= 1.0


def test_a_pattern_turned_upside_down_is_negative() -> None:
    _, target = pair()

    found = similarity(10.0 - target, 10.0 + target, everywhere(target), RANGE)

    assert found.mean() < -0.9


def test_it_falls_as_the_error_grows() -> None:
    pred, target = pair()

    scores = [
        similarity(target + share * (pred - target), target, everywhere(target), RANGE).mean()
        for share in (0.0, 0.5, 1.0, 2.0)
    ]

    assert scores == sorted(scores, reverse=True)


def test_single_precision_is_enough_in_kelvin() -> None:
    """The squares of 280 K would leave three digits of a variance of 0.1 K^2."""
    pred, target = pair()
    p, t = 280.0 + 0.3 * pred, 280.0 + 0.3 * target

    exact = similarity(p, t, coast(), 3.0)
    single = similarity(p.float(), t.float(), coast(), 3.0)

    torch.testing.assert_close(single.double(), exact, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(("height", "width"), [(3, 3), (1, 1), (4, 30)])
def test_a_grid_smaller_than_the_window_is_no_error(height: int, width: int) -> None:
    pred, target = pair(height, width)

    found = similarity(pred, target, everywhere(pred), RANGE)

    assert found.shape == pred.shape
    assert found.isfinite().all()


@pytest.mark.parametrize("level", [0.0, 280.0])
def test_constant_fields_are_alike(level: float) -> None:
    flat = torch.full((1, 1, 1, 6, 7), level, dtype=torch.float64)

    torch.testing.assert_close(
        similarity(flat, flat.clone(), everywhere(flat), RANGE), torch.ones_like(flat)
    )
