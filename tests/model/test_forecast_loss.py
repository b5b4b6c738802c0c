from __future__ import annotations

import pytest
import torch

from model.catalog import BASE_LOSSES, LOSS_VARIANTS, load
from model.losses.forecast_loss import ForecastLoss, LossParts, LossTerm
from model.settings import LossSettings

Tensor = torch.Tensor
MASK_HW = torch.ones(12, 12, dtype=torch.bool)
MASK_HW[:3, :4] = False
GRADIENT_TERMS = [name for name in LOSS_VARIANTS if name != "none"]


def fields() -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    pred, target = torch.randn(2, 3, 4, 1, 12, 12, generator=draw, dtype=torch.float64)
    return pred, target


def loss_of(**settings: object) -> LossParts:
    return ForecastLoss(LossSettings.model_validate(settings))(*fields(), MASK_HW)


def term_named(name: str) -> LossTerm:
    term: LossTerm = load({**BASE_LOSSES, **LOSS_VARIANTS}[name], "test")
    return term


@pytest.mark.parametrize("base", BASE_LOSSES)
@pytest.mark.parametrize("variant", LOSS_VARIANTS)
def test_weight_zero_is_the_base_alone(base: str, variant: str) -> None:
    parts = loss_of(base=base, variant=variant, gradient_weight=0.0, multi_step="all")

    assert torch.equal(parts.total_B, term_named(base)(*fields(), MASK_HW))
    assert torch.equal(parts.base_B, parts.total_B)
    assert not parts.term_B.any()


@pytest.mark.parametrize("base", BASE_LOSSES)
def test_the_baseline_stays_itself_at_any_weight(base: str) -> None:
    parts = loss_of(base=base, variant="none", gradient_weight=7.0)

    assert torch.equal(parts.total_B, term_named(base)(*fields(), MASK_HW))


@pytest.mark.parametrize("variant", GRADIENT_TERMS)
def test_last_applies_the_term_to_the_last_frame_alone(variant: str) -> None:
    pred, target = fields()

    parts = loss_of(variant=variant, gradient_weight=1.0, multi_step="last")

    expected = term_named(variant)(pred[:, -1:], target[:, -1:], MASK_HW)
    assert torch.equal(parts.term_B, expected)


@pytest.mark.parametrize("variant", GRADIENT_TERMS)
def test_all_applies_the_term_to_every_frame(variant: str) -> None:
    parts = loss_of(variant=variant, gradient_weight=1.0, multi_step="all")

    assert torch.equal(parts.term_B, term_named(variant)(*fields(), MASK_HW))


@pytest.mark.parametrize("multi_step", ["last", "all"])
def test_the_base_covers_every_frame_whatever_the_term_covers(multi_step: str) -> None:
    parts = loss_of(variant="sobel", gradient_weight=1.0, multi_step=multi_step)

    assert torch.equal(parts.base_B, term_named("mse")(*fields(), MASK_HW))


@pytest.mark.parametrize("variant", GRADIENT_TERMS)
@pytest.mark.parametrize("multi_step", ["last", "all"])
def test_weights_add_linearly(variant: str, multi_step: str) -> None:
    one, two, five = (
        loss_of(variant=variant, gradient_weight=weight, multi_step=multi_step)
        for weight in (1.0, 2.0, 5.0)
    )

    torch.testing.assert_close(one.total_B, one.base_B + one.term_B)
    torch.testing.assert_close(two.total_B - one.total_B, one.term_B)
    torch.testing.assert_close(five.total_B, five.base_B + 5.0 * five.term_B)


def test_each_sample_has_its_own_loss() -> None:
    pred, target = fields()
    pred[1] = target[1]

    parts = ForecastLoss(LossSettings(variant="sobel", gradient_weight=1.0))(pred, target, MASK_HW)

    assert parts.total_B.shape == (3,)
    assert parts.total_B[1] == 0
    assert (parts.total_B[[0, 2]] > 0).all()
