"""The almost fair CRPS: the ``scores`` package, examples by hand, and what it rewards."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr
from scores.probability import crps_for_ensemble

from fieldsharp.model.losses.pointwise import almost_fair_crps, l1

Tensor = torch.Tensor
ALPHA = 0.95


def ensemble(members: int) -> Tensor:
    """Members [3, K, 2, 2, 11, 14], as many samples, leads and channels as ``pair``."""
    draw = torch.Generator().manual_seed(11)
    return torch.randn(3, members, 2, 2, 11, 14, generator=draw, dtype=torch.float64)


def land(height: int = 1, width: int = 1) -> Tensor:
    return torch.ones(height, width, dtype=torch.bool)


def single_cell(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(1, -1, 1, 1, 1, 1)


@pytest.mark.parametrize("members", [2, 3, 5])
def test_it_is_the_fair_score_with_a_little_of_the_plain_one(
    members: int, pair: tuple[Tensor, Tensor], coast_HW: Tensor
) -> None:
    pred, target = ensemble(members), pair[1]
    forecast = xr.DataArray(
        pred.numpy()[..., coast_HW.numpy()], dims=["sample", "member", "lead", "channel", "cell"]
    )
    observed = xr.DataArray(
        target.numpy()[..., coast_HW.numpy()], dims=["sample", "lead", "channel", "cell"]
    )
    fair, plain = (
        crps_for_ensemble(forecast, observed, "member", method=method, preserve_dims=["sample"])
        for method in ("fair", "ecdf")
    )

    found = almost_fair_crps(pred, target, coast_HW)

    np.testing.assert_allclose(found, ALPHA * fair + (1.0 - ALPHA) * plain, rtol=1e-12)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        # |x_i - t| averages 1; members 2 apart are worth (1 - 0.05 / 2) / 2 of it.
        (single_cell(-1.0, 1.0), 1.0 - 0.975 * 2.0 / 2.0),
        (single_cell(1.0, 1.0), 1.0),
        (single_cell(0.0, 0.0, 0.0), 0.0),
        # Distances 1, 1, 2 of three pairs.
        (single_cell(0.0, 1.0, 2.0), 1.0 - (1.0 - 0.05 / 3) * (4.0 / 3.0) / 2.0),
    ],
)
def test_small_ensembles_score_what_they_do_by_hand(members: Tensor, expected: float) -> None:
    found = almost_fair_crps(members, torch.zeros(1, 1, 1, 1, 1).double(), land())

    assert found.tolist() == pytest.approx([expected], abs=1e-15)


def test_members_that_agree_score_their_absolute_error(
    pair: tuple[Tensor, Tensor], coast_HW: Tensor
) -> None:
    pred, target = pair
    same = pred[:, None].expand(-1, 4, -1, -1, -1, -1)

    torch.testing.assert_close(
        almost_fair_crps(same, target, coast_HW), l1(pred, target, coast_HW), rtol=1e-12, atol=0
    )


def test_the_order_of_the_members_does_not_matter(
    pair: tuple[Tensor, Tensor], coast_HW: Tensor
) -> None:
    pred, target = ensemble(4), pair[1]

    torch.testing.assert_close(
        almost_fair_crps(pred.flip(1), target, coast_HW), almost_fair_crps(pred, target, coast_HW)
    )


def test_a_sample_is_judged_by_itself(pair: tuple[Tensor, Tensor], coast_HW: Tensor) -> None:
    pred, target = ensemble(3), pair[1]
    together_B = almost_fair_crps(pred, target, coast_HW)

    alone = almost_fair_crps(pred[1:2], target[1:2], coast_HW)

    torch.testing.assert_close(alone[0], together_B[1], rtol=1e-12, atol=0)


@pytest.mark.parametrize("held", [1e6, float("nan"), float("inf")])
def test_masked_cells_contribute_neither_value_nor_gradient(
    held: float, pair: tuple[Tensor, Tensor], coast_HW: Tensor
) -> None:
    def value_and_slope(pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        pred = pred.clone().requires_grad_()
        value_B = almost_fair_crps(pred, target, coast_HW)
        (slope,) = torch.autograd.grad(value_B.sum(), pred)
        return value_B.detach(), slope

    pred, target = ensemble(3), pair[1]
    expected_B, expected_slope = value_and_slope(pred, target)
    pred[..., ~coast_HW] = held
    target[..., ~coast_HW] = held

    found_B, slope = value_and_slope(pred, target)

    assert torch.equal(found_B, expected_B)
    assert torch.equal(slope, expected_slope)
    assert not slope[..., ~coast_HW].any()


def test_gradients_agree_with_finite_differences() -> None:
    draw = torch.Generator().manual_seed(12)
    pred = torch.randn(2, 3, 1, 1, 4, 5, generator=draw, dtype=torch.float64)
    target = torch.randn(2, 1, 1, 4, 5, generator=draw, dtype=torch.float64)

    assert torch.autograd.gradcheck(
        lambda p: almost_fair_crps(p, target, land(4, 5)), (pred.requires_grad_(),)
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["single", "double"])
def test_gradients_are_finite_where_members_and_truth_agree(dtype: torch.dtype) -> None:
    pred = torch.ones(2, 3, 1, 1, 4, 5, dtype=dtype, requires_grad=True)

    value_B = almost_fair_crps(pred, torch.ones(2, 1, 1, 4, 5, dtype=dtype), land(4, 5))
    (slope,) = torch.autograd.grad(value_B.sum(), pred)

    assert value_B.dtype == dtype
    assert not value_B.any()
    assert torch.isfinite(slope).all()


def expected_score(draw_member: Tensor, truths: Tensor) -> float:
    """Mean score over all truths and all pairs of members drawn from the values given."""
    first, second = torch.meshgrid(draw_member, draw_member, indexing="ij")
    pairs = torch.stack([first.flatten(), second.flatten()], dim=1)
    cases, draws = len(truths), len(pairs)
    pred = pairs.repeat(cases, 1)[:, :, None, None, None, None]
    target = truths.repeat_interleave(draws)[:, None, None, None, None]
    return float(almost_fair_crps(pred, target, land()).mean())


def test_members_as_uncertain_as_the_truth_score_best() -> None:
    """Hence each may be as sharp as the truth: agreeing on the mean does not pay."""
    truths = torch.linspace(-2.0, 2.0, 21, dtype=torch.float64)
    spreads = [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5]

    scores = [expected_score(spread * truths, truths) for spread in spreads]

    assert spreads[int(np.argmin(scores))] == 1.0
    assert scores[0] > 1.3 * scores[4]
