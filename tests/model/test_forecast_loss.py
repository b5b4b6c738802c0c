from __future__ import annotations

import pytest
import torch

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.losses.forecast_loss import ForecastLoss, LossParts, LossTerm, TermScales
from fieldsharp.model.losses.members import almost_fair_crps
from fieldsharp.model.losses.spectral import facl
from fieldsharp.model.registry import BASE_LOSSES, LOSS_VARIANTS, MEMBER_LOSSES, load
from fieldsharp.model.settings import LossSettings

Tensor = torch.Tensor
MASK_HW = torch.ones(12, 12, dtype=torch.bool)
MASK_HW[:3, :4] = False
TERMS = [name for name in LOSS_VARIANTS if name != "none"]
ON_ANOMALIES = [name for name, variant in LOSS_VARIANTS.items() if variant.on == "anomalies"]


def fields() -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    pred, target = torch.randn(2, 3, 4, 1, 12, 12, generator=draw, dtype=torch.float64)
    return pred, target


def climatology() -> Tensor:
    draw = torch.Generator().manual_seed(1)
    return 2.0 + torch.randn(1, 12, 12, generator=draw, dtype=torch.float64)


def members(count: int = 3) -> Tensor:
    draw = torch.Generator().manual_seed(2)
    return torch.randn(3, count, 4, 1, 12, 12, generator=draw, dtype=torch.float64)


def loss_with(scales: TermScales | None = None, **settings: object) -> ForecastLoss:
    return ForecastLoss(
        LossSettings.model_validate(settings), climatology(), scales or TermScales()
    )


def loss_of(scales: TermScales | None = None, **settings: object) -> LossParts:
    return loss_with(scales, **settings)(*fields(), MASK_HW, progress=0.5)


def base_named(name: str) -> LossTerm:
    base: LossTerm = load(BASE_LOSSES[name], "test")
    return base


def term_value(name: str, pred: Tensor, target: Tensor) -> Tensor:
    """The term by itself, half way through the training."""
    variant = LOSS_VARIANTS[name]
    term: LossTerm = load(variant.path, "test")
    if variant.on == "anomalies":
        pred, target = pred - climatology(), target - climatology()
    return term(pred, target, MASK_HW)


# The base loss.


@pytest.mark.parametrize("base", BASE_LOSSES)
@pytest.mark.parametrize("variant", LOSS_VARIANTS)
def test_weight_zero_is_the_base_alone(base: str, variant: str) -> None:
    parts = loss_of(base=base, variant=variant, peak_variant=variant, multi_step="all")

    assert torch.equal(parts.total_B, base_named(base)(*fields(), MASK_HW))
    assert torch.equal(parts.base_B, parts.total_B)
    assert not parts.term_B.any()
    assert not parts.peak_B.any()


@pytest.mark.parametrize("base", BASE_LOSSES)
def test_the_baseline_stays_itself_at_any_weight(base: str) -> None:
    parts = loss_of(base=base, variant="none", gradient_weight=7.0)

    assert torch.equal(parts.total_B, base_named(base)(*fields(), MASK_HW))


@pytest.mark.parametrize("multi_step", ["last", "all"])
def test_the_base_covers_every_frame_whatever_the_terms_cover(multi_step: str) -> None:
    parts = loss_of(variant="sobel", gradient_weight=1.0, peak_weight=1.0, multi_step=multi_step)

    assert torch.equal(parts.base_B, base_named("mse")(*fields(), MASK_HW))


# The terms.


@pytest.mark.parametrize("variant", TERMS)
def test_last_applies_both_terms_to_the_last_frame_alone(variant: str) -> None:
    pred, target = fields()

    parts = loss_of(
        variant=variant,
        gradient_weight=1.0,
        peak_variant=variant,
        peak_weight=1.0,
        multi_step="last",
    )

    expected = term_value(variant, pred[:, -1:], target[:, -1:])
    assert torch.equal(parts.term_B, expected)
    assert torch.equal(parts.peak_B, expected)


@pytest.mark.parametrize("variant", TERMS)
def test_all_applies_both_terms_to_every_frame(variant: str) -> None:
    parts = loss_of(
        variant=variant,
        gradient_weight=1.0,
        peak_variant=variant,
        peak_weight=1.0,
        multi_step="all",
    )

    expected = term_value(variant, *fields())
    assert torch.equal(parts.term_B, expected)
    assert torch.equal(parts.peak_B, expected)


@pytest.mark.parametrize("variant", TERMS)
@pytest.mark.parametrize("multi_step", ["last", "all"])
def test_weights_add_linearly(variant: str, multi_step: str) -> None:
    one, two, five = (
        loss_of(variant=variant, gradient_weight=weight, multi_step=multi_step)
        for weight in (1.0, 2.0, 5.0)
    )

    torch.testing.assert_close(one.total_B, one.base_B + one.term_B)
    torch.testing.assert_close(two.total_B - one.total_B, one.term_B)
    torch.testing.assert_close(five.total_B, five.base_B + 5.0 * five.term_B)


def test_the_peak_term_is_independent_of_the_gradient_term() -> None:
    gradient = loss_of(variant="sobel", gradient_weight=2.0)
    peak = loss_of(peak_variant="sorted_values", peak_weight=3.0)

    both = loss_of(
        variant="sobel", gradient_weight=2.0, peak_variant="sorted_values", peak_weight=3.0
    )

    assert torch.equal(both.term_B, gradient.term_B)
    assert torch.equal(both.peak_B, peak.peak_B)
    assert not gradient.peak_B.any()
    assert not peak.term_B.any()
    torch.testing.assert_close(
        both.total_B, both.base_B + 2.0 * gradient.term_B + 3.0 * peak.peak_B
    )


def test_the_peak_term_is_that_of_the_extremes_unless_another_is_chosen() -> None:
    pred, target = fields()

    parts = loss_of(peak_weight=1.0)

    assert torch.equal(parts.peak_B, term_value("extremes", pred[:, -1:], target[:, -1:]))


def test_weights_and_scales_multiply_each_term() -> None:
    parts = loss_of(
        TermScales(gradient=0.25, peak=40.0),
        variant="sobel",
        gradient_weight=2.0,
        peak_variant="ssim",
        peak_weight=3.0,
    )
    unscaled = loss_of(variant="sobel", gradient_weight=2.0, peak_variant="ssim", peak_weight=3.0)

    assert torch.equal(parts.term_B, unscaled.term_B)  # terms are told before weight and scale
    assert torch.equal(parts.peak_B, unscaled.peak_B)
    torch.testing.assert_close(
        parts.total_B, parts.base_B + 0.5 * parts.term_B + 120.0 * parts.peak_B
    )


def test_the_mix_at_weight_one_is_the_adjusted_mean_square_error() -> None:
    mixed = loss_of(variant="amse_mix", gradient_weight=1.0, multi_step="all")

    torch.testing.assert_close(mixed.total_B, term_value("amse", *fields()), rtol=1e-12, atol=0)


def test_each_sample_has_its_own_loss() -> None:
    pred, target = fields()
    pred[1] = target[1]

    parts = loss_with(variant="sobel", gradient_weight=1.0, peak_weight=1.0)(pred, target, MASK_HW)

    assert parts.total_B.shape == (3,)
    assert parts.total_B[1] == 0
    assert (parts.total_B[[0, 2]] > 0).all()


# Progress.


def test_only_facl_changes_as_training_goes_on() -> None:
    def changes(name: str) -> bool:
        loss = loss_with(
            variant=name, gradient_weight=1.0, peak_variant=name, peak_weight=1.0, multi_step="all"
        )
        early, late = (loss(*fields(), MASK_HW, progress) for progress in (0.1, 0.9))
        assert torch.equal(early.term_B, early.peak_B)
        return not torch.equal(early.total_B, late.total_B)

    terms = [name for name in LOSS_VARIANTS if name != "none"]
    assert [name for name in terms if changes(name)] == ["facl"]


@pytest.mark.parametrize("progress", [0.0, 0.3, 1.0])
def test_facl_is_told_how_far_the_training_is(progress: float) -> None:
    pred, target = (field - climatology() for field in fields())
    loss = loss_with(variant="facl", gradient_weight=1.0, multi_step="all")

    parts = loss(*fields(), MASK_HW, progress)

    assert torch.equal(parts.term_B, facl(pred, target, MASK_HW, progress))


# Anomalies.


@pytest.mark.parametrize("variant", TERMS)
def test_terms_on_anomalies_and_no_others_subtract_the_climatology(variant: str) -> None:
    settings = LossSettings(variant=variant, gradient_weight=1.0)
    flat = torch.zeros(1, 12, 12, dtype=torch.float64)

    with_climatology, without = (
        ForecastLoss(settings, climatology_CHW, TermScales())(*fields(), MASK_HW).term_B
        for climatology_CHW in (climatology(), flat)
    )

    # The focal term sees the difference of forecast and truth alone: there it cancels.
    depends = variant in ON_ANOMALIES and variant != "focal_frequency"
    assert torch.allclose(with_climatology, without, rtol=1e-10) != depends


def test_the_terms_on_anomalies_are_those_of_the_spectrum() -> None:
    assert set(ON_ANOMALIES) == {"fourier_amplitude", "facl", "focal_frequency", "amse", "amse_mix"}


def test_on_the_raw_field_the_coast_would_drown_a_spectral_loss() -> None:
    """A forecast blurred to the climatology: seen in anomalies, hidden by the step at the coast."""
    target = 5.0 + fields()[1]
    level = torch.full((1, 12, 12), 5.0, dtype=torch.float64)
    blurred = level.expand_as(target)
    settings = LossSettings(variant="amse", gradient_weight=1.0, multi_step="all")

    def beside_its_mse(climatology_CHW: Tensor) -> float:
        parts = ForecastLoss(settings, climatology_CHW)(blurred, target, MASK_HW)
        return float((parts.term_B / parts.base_B).mean())

    assert beside_its_mse(level) == pytest.approx(3.0, rel=1e-3)
    assert beside_its_mse(torch.zeros_like(level)) < 2.5


# Members.


def test_the_crps_judges_the_members_together() -> None:
    parts = loss_with(base="crps")(members(), fields()[1], MASK_HW)

    assert torch.equal(parts.base_B, almost_fair_crps(members(), fields()[1], MASK_HW))
    assert torch.equal(parts.total_B, parts.base_B)


@pytest.mark.parametrize("base", BASE_LOSSES)
def test_other_base_losses_judge_each_member_and_take_the_mean(base: str) -> None:
    parts = loss_with(base=base)(members(), fields()[1], MASK_HW)

    expected = [base_named(base)(members()[:, k], fields()[1], MASK_HW) for k in range(3)]
    torch.testing.assert_close(parts.base_B, torch.stack(expected).mean(dim=0))


@pytest.mark.parametrize("base", [*BASE_LOSSES, "crps"])
@pytest.mark.parametrize("multi_step", ["last", "all"])
@pytest.mark.parametrize("variant", ["amse", "facl", "sorted"])
def test_terms_judge_each_member_and_take_the_mean(
    base: str, multi_step: str, variant: str
) -> None:
    target = fields()[1]
    loss = loss_with(
        base=base, variant=variant, gradient_weight=1.0, peak_weight=2.0, multi_step=multi_step
    )

    parts = loss(members(), target, MASK_HW, 0.5)

    leads = slice(-1, None) if multi_step == "last" else slice(None)
    for found, name in ((parts.term_B, variant), (parts.peak_B, "extremes")):
        each = [term_value(name, members()[:, k, leads], target[:, leads]) for k in range(3)]
        torch.testing.assert_close(found, torch.stack(each).mean(dim=0))
    torch.testing.assert_close(parts.total_B, parts.base_B + parts.term_B + 2.0 * parts.peak_B)


@pytest.mark.parametrize("base", [*BASE_LOSSES, *MEMBER_LOSSES])
def test_what_a_member_holds_where_masked_does_not_matter(base: str) -> None:
    loss = loss_with(base=base, variant="amse", gradient_weight=1.0, peak_weight=1.0)
    clean, dirty = (members(), members())
    dirty[..., ~MASK_HW] = float("nan")

    one, other = (loss(pred, fields()[1], MASK_HW).total_B for pred in (clean, dirty))

    assert torch.equal(one, other)


def test_the_crps_of_a_predictor_without_members_is_refused() -> None:
    with pytest.raises(ConfigError) as refusal:
        loss_of(base="crps")

    assert str(refusal.value) == (
        "loss.base crps compares the members of an ensemble, and this predictor draws none; "
        "use predictor.name ensemble, or loss.base mse"
    )
