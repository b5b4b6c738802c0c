"""What every entry of LOSS_VARIANTS and every pointwise base loss must hold."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from fieldsharp.model.losses.forecast_loss import ForecastLoss, LossTerm, TermScales
from fieldsharp.model.losses.several_variables import MeanOfVariables
from fieldsharp.model.registry import BASE_LOSSES, LOSS_VARIANTS, load
from fieldsharp.model.settings import LossSettings

Tensor = torch.Tensor
Pair = tuple[Tensor, Tensor]

TERMS: dict[str, LossTerm] = {
    **{name: load(path, "test") for name, path in BASE_LOSSES.items()},
    **{name: load(variant.path, "test") for name, variant in LOSS_VARIANTS.items()},
}
TERMS |= {
    f"{name}-{when}": partial(load(variant.path, "test"), progress=progress)
    for name, variant in LOSS_VARIANTS.items()
    if variant.takes_progress
    for when, progress in (("at the start", 0.0), ("at the end", 1.0))
}
every_term = pytest.mark.parametrize("term", TERMS.values(), ids=TERMS.keys())


def value_and_gradients(
    term: LossTerm, pred: Tensor, target: Tensor, mask_HW: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    pred = pred.clone().requires_grad_()
    target = target.clone().requires_grad_()
    value_B = term(pred, target, mask_HW)
    if not value_B.requires_grad:  # "none" depends on nothing
        return value_B, torch.zeros_like(pred), torch.zeros_like(target)
    by_pred, by_target = torch.autograd.grad(
        value_B.sum(), (pred, target), allow_unused=True, materialize_grads=True
    )
    return value_B.detach(), by_pred, by_target


@every_term
def test_identical_fields_cost_nothing(term: LossTerm, pair: Pair, coast_HW: Tensor) -> None:
    value_B = term(pair[0], pair[0].clone(), coast_HW)

    # Not exactly for 1 - cosine, where a root and a quotient are rounded.
    torch.testing.assert_close(value_B, torch.zeros(3).double(), rtol=0, atol=1e-12)


@every_term
def test_there_is_one_value_for_each_sample_and_none_is_negative(
    term: LossTerm, pair: Pair, coast_HW: Tensor
) -> None:
    value_B = term(*pair, coast_HW)

    assert value_B.shape == (3,)
    assert (value_B >= 0).all()


@every_term
def test_different_fields_cost_something(term: LossTerm, pair: Pair, coast_HW: Tensor) -> None:
    free = term is TERMS["none"]

    assert (term(*pair, coast_HW) > 0).tolist() == [not free] * 3


@every_term
def test_the_value_of_a_sample_does_not_depend_on_its_batch(
    term: LossTerm, pair: Pair, coast_HW: Tensor
) -> None:
    pred, target = pair
    together_B = term(pred, target, coast_HW)

    for b in range(3):
        alone = term(pred[b : b + 1], target[b : b + 1], coast_HW)
        torch.testing.assert_close(alone[0], together_B[b], rtol=1e-12, atol=0)


@every_term
def test_the_value_is_the_mean_over_leads_and_channels(
    term: LossTerm, pair: Pair, coast_HW: Tensor
) -> None:
    pred, target = pair
    parts = [
        term(pred[:, t : t + 1, c : c + 1], target[:, t : t + 1, c : c + 1], coast_HW)
        for t in range(2)
        for c in range(2)
    ]

    expected_B = torch.stack(parts).mean(dim=0)
    torch.testing.assert_close(term(pred, target, coast_HW), expected_B, rtol=1e-12, atol=0)


@every_term
@pytest.mark.parametrize("where", ["prediction", "target", "both"])
def test_masked_cells_contribute_neither_value_nor_gradient(
    term: LossTerm, where: str, pair: Pair, coast_HW: Tensor
) -> None:
    pred, target = pair
    expected = value_and_gradients(term, pred, target, coast_HW)
    for held in (0.0, 1e6, float("nan"), float("inf"), -float("inf")):
        if where != "target":
            pred[..., ~coast_HW] = held
        if where != "prediction":
            target[..., ~coast_HW] = held

        found = value_and_gradients(term, pred, target, coast_HW)

        for one, other in zip(found, expected, strict=True):
            assert torch.isfinite(one).all()
            assert torch.equal(one, other)
        assert not found[1][..., ~coast_HW].any()
        assert not found[2][..., ~coast_HW].any()


@every_term
@pytest.mark.parametrize("level", [0.0, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["single", "double"])
def test_gradients_are_finite_on_constant_fields(
    term: LossTerm, level: float, dtype: torch.dtype
) -> None:
    target = torch.full((2, 1, 1, 9, 9), level, dtype=dtype)
    land_HW = torch.ones(9, 9, dtype=torch.bool)

    for error in (0.0, 1.0, 1e-8, 1e-30):
        found = value_and_gradients(term, target + error, target, land_HW)

        assert all(torch.isfinite(part).all() for part in found)
        assert found[1].abs().max() < 1e3


@every_term
def test_identical_fields_have_finite_gradients_in_single_precision(
    term: LossTerm, pair: Pair, coast_HW: Tensor
) -> None:
    field = pair[0].float()

    found = value_and_gradients(term, field, field, coast_HW)

    assert all(torch.isfinite(part).all() for part in found)
    assert found[0].abs().max() < 1e-6


# Constants to the gradient, on purpose: test_spectral_losses.py has their gradient in closed form.
DETACHED = {"focal_frequency"}


@pytest.mark.parametrize("name", sorted(TERMS.keys() - DETACHED - {"none"}))
def test_gradients_agree_with_finite_differences(name: str) -> None:
    # Random fields are at no kink: no two cells tie, no error or difference is 0.
    draw = torch.Generator().manual_seed(3)
    pred, target = torch.randn(2, 2, 1, 1, 6, 7, generator=draw, dtype=torch.float64)
    mask_HW = torch.ones(6, 7, dtype=torch.bool)
    mask_HW[0, :3] = False

    assert torch.autograd.gradcheck(
        lambda p: TERMS[name](p, target, mask_HW), (pred.requires_grad_(),)
    )


@every_term
def test_single_precision_is_kept_and_close_to_double(
    term: LossTerm, pair: Pair, coast_HW: Tensor
) -> None:
    single_B = term(pair[0].float(), pair[1].float(), coast_HW)

    assert single_B.dtype == torch.float32
    torch.testing.assert_close(single_B.double(), term(*pair, coast_HW), rtol=1e-4, atol=0)


@pytest.fixture
def three() -> tuple[Tensor, Tensor, Tensor]:
    """Forecast, truth and masks of three variables on 11 x 14 cells, each masked elsewhere."""
    draw = torch.Generator().manual_seed(3)
    pred, target = torch.randn(2, 3, 2, 3, 11, 14, generator=draw, dtype=torch.float64)
    mask_CHW = torch.ones(3, 11, 14, dtype=torch.bool)
    mask_CHW[0, :4, :5] = mask_CHW[1, 7:, 9:] = mask_CHW[2, 5, 6] = False
    return pred, target, mask_CHW


VARIANTS = [name for name, variant in LOSS_VARIANTS.items() if name != "none"]


def losses_of(variant: str) -> MeanOfVariables:
    settings = LossSettings(variant=variant, gradient_weight=0.5, multi_step="all")
    levels = (0.0, 0.3, -0.2)
    return MeanOfVariables(
        [
            ForecastLoss(settings, torch.full((1, 11, 14), level).double(), TermScales(scale))
            for level, scale in zip(levels, (1.0, 2.0, 0.1), strict=True)
        ]
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_of_three_variables_the_loss_is_the_mean_of_the_losses_of_each(
    variant: str, three: tuple[Tensor, Tensor, Tensor]
) -> None:
    pred, target, mask_CHW = three
    losses = losses_of(variant)

    found = losses(pred, target, mask_CHW, 0.5)

    alone = [
        loss(pred[:, :, [c]], target[:, :, [c]], mask_CHW[c], 0.5)
        for c, loss in enumerate(losses.losses)
    ]
    for part in ("total_B", "base_B", "term_B"):
        expected_B = sum(getattr(one, part) for one in alone) / 3
        torch.testing.assert_close(getattr(found, part), expected_B, rtol=1e-12, atol=0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_of_three_variables_masked_cells_have_no_effect_and_no_gradient(
    variant: str, three: tuple[Tensor, Tensor, Tensor]
) -> None:
    pred, target, mask_CHW = three
    losses = losses_of(variant)
    spoilt = torch.where(mask_CHW, pred, 1e6).requires_grad_()

    found = losses(spoilt, target, mask_CHW, 0.5).total_B

    torch.testing.assert_close(found, losses(pred, target, mask_CHW, 0.5).total_B)
    (slope,) = torch.autograd.grad(found.sum(), spoilt)
    assert (slope[..., ~mask_CHW] == 0).all()
