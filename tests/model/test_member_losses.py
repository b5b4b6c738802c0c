"""Losses of members: ``scores``, ``scoringrules``, examples by hand, and what they reward."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scoringrules
import torch
import xarray as xr
from scores.probability import crps_for_ensemble

from fieldsharp.fields.spectrum import taper
from fieldsharp.model.losses.members import (
    almost_fair_crps,
    energy_score,
    multiscale_crps,
    spectral_crps,
)
from fieldsharp.model.losses.pointwise import l1
from fieldsharp.model.registry import MEMBER_LOSSES, load

Tensor = torch.Tensor
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
ALPHA = 0.95
every_loss = pytest.mark.parametrize(
    "loss", [load(path, "test") for path in MEMBER_LOSSES.values()], ids=MEMBER_LOSSES.keys()
)


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


@pytest.mark.parametrize("members", [2, 4])
def test_the_energy_score_is_that_of_scoringrules_on_the_valid_cells(
    members: int, pair: tuple[Tensor, Tensor], coast_HW: Tensor
) -> None:
    drawn = np.moveaxis(ensemble(members)[..., coast_HW].numpy(), 1, -2)
    fair, plain = (
        scoringrules.es_ensemble(pair[1][..., coast_HW].numpy(), drawn, estimator=estimator)
        for estimator in ("fair", "nrg")
    )
    expected = (ALPHA * fair + (1 - ALPHA) * plain) / np.sqrt(drawn.shape[-1])

    found = energy_score(ensemble(members), pair[1], coast_HW)

    np.testing.assert_allclose(found, expected.mean(axis=(1, 2)), rtol=1e-12)


def test_the_multiscale_crps_is_the_mean_of_that_of_block_means(
    pair: tuple[Tensor, Tensor], coast_HW: Tensor
) -> None:
    drawn, observed = ensemble(3), pair[1]
    by_scale = []
    for scale in (1, 2, 4, 8):
        blocks = [
            (slice(y, y + scale), slice(x, x + scale))
            for y in range(0, 11 - scale + 1, scale)
            for x in range(0, 14 - scale + 1, scale)
        ]
        valid = [coast_HW[block].sum() for block in blocks]

        def means(fields: Tensor, blocks: list[tuple[slice, slice]] = blocks) -> Tensor:
            cells = [fields[(..., *block)][..., coast_HW[block]] for block in blocks]
            known = [one.mean(dim=-1) for one in cells if one.shape[-1]]
            return torch.stack(known, dim=-1)

        kept = torch.stack([count for count in valid if count]).double()
        of_blocks = [
            almost_fair_crps(one[..., None, None], other[..., None, None], land())
            for one, other in zip(
                means(drawn).unbind(dim=-1), means(observed).unbind(dim=-1), strict=True
            )
        ]
        by_scale.append((torch.stack(of_blocks, dim=-1) * kept).sum(dim=-1) / kept.sum())

    found = multiscale_crps(drawn, observed, coast_HW)

    torch.testing.assert_close(found, torch.stack(by_scale).mean(dim=0), rtol=1e-10, atol=0)


def test_the_spectral_crps_is_that_of_cells_and_of_coefficients_as_pairs_of_numbers(
    pair: tuple[Tensor, Tensor], coast_HW: Tensor
) -> None:
    weights = taper(coast_HW).numpy()

    def coefficients(fields: Tensor) -> np.ndarray:
        transformed = np.fft.fft2(np.where(coast_HW, fields, 0.0) * weights, norm="ortho")
        return np.stack([transformed.real, transformed.imag], axis=-1)

    drawn, observed = ensemble(3), pair[1]
    fair, plain = (
        scoringrules.es_ensemble(
            coefficients(observed), np.moveaxis(coefficients(drawn), 1, -2), estimator=estimator
        )
        for estimator in ("fair", "nrg")
    )
    of_scales = (ALPHA * fair + (1 - ALPHA) * plain).mean(axis=(1, 2, 3, 4))
    of_scales /= np.sqrt(np.square(weights).mean())
    of_cells = almost_fair_crps(drawn, observed, coast_HW).numpy()

    found = spectral_crps(drawn, observed, coast_HW)

    np.testing.assert_allclose(found, 0.5 * (of_cells + of_scales), rtol=1e-10)


@every_loss
def test_a_single_member_scores_its_distance(
    loss: Loss, pair: tuple[Tensor, Tensor], coast_HW: Tensor
) -> None:
    pred, target = pair
    alone = loss(pred[:, None], target, coast_HW)

    same = loss(pred[:, None].expand(-1, 3, -1, -1, -1, -1), target, coast_HW)

    torch.testing.assert_close(alone, same, rtol=1e-12, atol=0)


@every_loss
def test_members_drawn_as_the_truth_is_score_best(loss: Loss) -> None:
    """Hence each may be as sharp as the truth: agreeing on the mean does not pay."""
    draw = torch.Generator().manual_seed(3)
    noise = torch.randn(400, 5, 1, 1, 12, 12, generator=draw, dtype=torch.float64)
    noise = noise + noise.roll(1, -1) + noise.roll(1, -2)
    scores = [
        float(loss(spread * noise[:, :4], noise[:, 4], land(12, 12)).mean())
        for spread in (0.0, 0.5, 0.8, 1.0, 1.2, 1.5)
    ]

    assert min(scores) == scores[3]


@pytest.mark.parametrize("loss", [multiscale_crps, spectral_crps, energy_score])
def test_losses_of_more_than_cells_see_that_the_cells_of_a_member_belong_together(
    loss: Loss,
) -> None:
    draw = torch.Generator().manual_seed(4)
    noise = torch.randn(4000, 5, 1, 1, 12, 12, generator=draw, dtype=torch.float64)
    for step in (1, 2):
        noise = (
            noise + noise.roll(step, -1) + noise.roll(step, -2) + noise.roll((step,) * 2, (-1, -2))
        )
    members, truth = noise[:, :4], noise[:, 4]
    order = torch.randperm(144, generator=draw)
    shuffled = members.flatten(-2)[..., order].reshape(members.shape)

    def worse(loss: Loss) -> float:
        """By how many standard errors the shuffled members score worse."""
        difference_B = loss(shuffled, truth, land(12, 12)) - loss(members, truth, land(12, 12))
        return float(difference_B.mean() / difference_B.std() * len(truth) ** 0.5)

    assert abs(worse(almost_fair_crps)) < 3
    assert worse(loss) > 4


@every_loss
def test_the_order_of_the_members_does_not_matter(
    loss: Loss, pair: tuple[Tensor, Tensor], coast_HW: Tensor
) -> None:
    pred, target = ensemble(4), pair[1]

    torch.testing.assert_close(loss(pred.flip(1), target, coast_HW), loss(pred, target, coast_HW))


@every_loss
def test_a_sample_is_judged_by_itself(
    loss: Loss, pair: tuple[Tensor, Tensor], coast_HW: Tensor
) -> None:
    pred, target = ensemble(3), pair[1]
    together_B = loss(pred, target, coast_HW)

    alone = loss(pred[1:2], target[1:2], coast_HW)

    torch.testing.assert_close(alone[0], together_B[1], rtol=1e-12, atol=0)


@every_loss
@pytest.mark.parametrize("held", [1e6, float("nan"), float("inf")])
def test_masked_cells_contribute_neither_value_nor_gradient(
    loss: Loss, held: float, pair: tuple[Tensor, Tensor], coast_HW: Tensor
) -> None:
    def value_and_slope(pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        pred = pred.clone().requires_grad_()
        value_B = loss(pred, target, coast_HW)
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


@every_loss
def test_gradients_agree_with_finite_differences(loss: Loss) -> None:
    draw = torch.Generator().manual_seed(12)
    pred = torch.randn(2, 3, 1, 1, 6, 7, generator=draw, dtype=torch.float64)
    target = torch.randn(2, 1, 1, 6, 7, generator=draw, dtype=torch.float64)

    assert torch.autograd.gradcheck(lambda p: loss(p, target, land(6, 7)), (pred.requires_grad_(),))


@every_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["single", "double"])
def test_gradients_are_finite_where_members_and_truth_agree(loss: Loss, dtype: torch.dtype) -> None:
    pred = torch.ones(2, 3, 1, 1, 6, 7, dtype=dtype, requires_grad=True)

    value_B = loss(pred, torch.ones(2, 1, 1, 6, 7, dtype=dtype), land(6, 7))
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
