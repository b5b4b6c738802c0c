"""What weight 1 of a term means, measured on persistence."""

from __future__ import annotations

import pytest
import torch

from fieldsharp.fields.frames import FramesInMemory
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.windows import Windows
from fieldsharp.model.losses.forecast_loss import ForecastLoss, LossParts, TermScales, term_scales
from fieldsharp.model.registry import BASE_LOSSES, LOSS_VARIANTS, MEMBER_LOSSES
from fieldsharp.model.settings import LossSettings
from tests.held_frames import held_frames

Tensor = torch.Tensor
SETTINGS = DataSettings(path="none.nc", history=2, horizon=3)
MASK_HW = torch.ones(10, 12, dtype=torch.bool)
MASK_HW[:3, :4] = False
TERMS = [name for name in LOSS_VARIANTS if name != "none"]
MEASURED_BY_ITSELF = [
    name
    for name, variant in LOSS_VARIANTS.items()
    if name != "none" and variant.measured_by is None
]


def windows_of(count: int = 7) -> Windows:
    """Fields that change from frame to frame."""
    draw = torch.Generator().manual_seed(0)
    frames_NCHW = torch.rand(count + 4, 1, 10, 12, generator=draw).double().cumsum(dim=0) / 8.0
    return Windows(FramesInMemory(frames_NCHW), torch.arange(count), SETTINGS)


def climatology() -> Tensor:
    return held_frames(windows_of()).mean(dim=0)


def still_windows() -> Windows:
    return Windows(
        FramesInMemory(torch.full((9, 1, 10, 12), 0.4).double()), torch.arange(5), SETTINGS
    )


def persistence_under(settings: LossSettings, windows: Windows, scales: TermScales) -> LossParts:
    history, future = windows.take(torch.arange(len(windows)))
    loss = ForecastLoss(settings, climatology(), scales)
    return loss(history[:, -1:].expand_as(future), future, MASK_HW, progress=0.5)


@pytest.mark.parametrize("variant", MEASURED_BY_ITSELF)
@pytest.mark.parametrize("multi_step", ["last", "all"])
@pytest.mark.parametrize("base", ["mse", "l1"])
def test_on_persistence_a_term_of_weight_one_is_as_strong_as_the_base(
    variant: str, multi_step: str, base: str
) -> None:
    settings = LossSettings.model_validate(
        {
            "base": base,
            "variant": variant,
            "gradient_weight": 0.3,
            "peak_variant": variant,
            "peak_weight": 7.0,
            "multi_step": multi_step,
        }
    )
    windows = windows_of()

    scales = term_scales(settings, windows, MASK_HW, climatology())

    parts = persistence_under(settings, windows, scales)
    base_of_persistence = float(parts.base_B.mean())
    assert scales.gradient * float(parts.term_B.mean()) == pytest.approx(base_of_persistence)
    assert scales.peak * float(parts.peak_B.mean()) == pytest.approx(base_of_persistence)
    assert float(parts.total_B.mean()) == pytest.approx((1 + 0.3 + 7.0) * base_of_persistence)


def test_each_term_has_a_scale_of_its_own() -> None:
    settings = LossSettings(
        variant="laplacian", gradient_weight=1.0, peak_variant="sorted", peak_weight=1.0
    )

    scales = term_scales(settings, windows_of(), MASK_HW, climatology())

    assert scales.gradient != scales.peak
    assert 1.0 not in scales


def test_the_mix_is_measured_by_the_mean_square_error_it_is_blended_with() -> None:
    settings = LossSettings(variant="amse_mix", gradient_weight=1.0, multi_step="all")
    windows = windows_of()

    scales = term_scales(settings, windows, MASK_HW, climatology())

    # So that weight 1 beside a base of MSE is the adjusted error, whatever persistence does.
    assert scales.gradient == pytest.approx(1.0)
    own = float(persistence_under(settings, windows, scales).term_B.mean())
    assert own != pytest.approx(float(persistence_under(settings, windows, scales).base_B.mean()))


@pytest.mark.parametrize("multi_step", ["last", "all"])
def test_weight_one_of_the_mix_is_the_whole_of_it_on_whatever_steps(multi_step: str) -> None:
    settings = LossSettings.model_validate(
        {"variant": "amse_mix", "gradient_weight": 1.0, "multi_step": multi_step}
    )

    scales = term_scales(settings, windows_of(), MASK_HW, climatology())

    assert scales.gradient == pytest.approx(1.0)


def test_beside_the_crps_terms_are_measured_by_the_absolute_error() -> None:
    """What members that agree on persistence would score."""
    crps, absolute = (
        term_scales(
            LossSettings(base=base, variant="sobel", gradient_weight=1.0),
            windows_of(),
            MASK_HW,
            climatology(),
        )
        for base in ("crps", "l1")
    )

    assert crps == absolute


@pytest.mark.parametrize("count", [1, 63, 64, 65, 130])
def test_scales_are_means_over_all_windows_however_many(count: int) -> None:
    settings = LossSettings(variant="sobel", gradient_weight=1.0)
    windows = windows_of(count)

    scales = term_scales(settings, windows, MASK_HW, climatology())

    parts = persistence_under(settings, windows, scales)
    assert scales.gradient == pytest.approx(float(parts.base_B.mean() / parts.term_B.mean()))


def test_masked_cells_never_matter() -> None:
    settings = LossSettings(
        variant="amse", gradient_weight=1.0, peak_variant="ssim", peak_weight=1.0
    )
    clean, dirty = windows_of(), windows_of()
    held_frames(dirty)[..., ~MASK_HW] = float("nan")

    one, other = (term_scales(settings, w, MASK_HW, climatology()) for w in (clean, dirty))

    assert one == other


@pytest.mark.parametrize("variant", TERMS)
def test_without_normalisation_weights_are_the_terms_own(variant: str) -> None:
    settings = LossSettings(
        variant=variant,
        gradient_weight=0.2,
        peak_variant=variant,
        peak_weight=0.05,
        normalise="none",
    )

    assert term_scales(settings, windows_of(), MASK_HW, climatology()) == (1.0, 1.0)


def test_terms_of_no_weight_are_not_measured() -> None:
    sobel = LossSettings(variant="sobel", gradient_weight=1.0)
    peak = LossSettings(variant="sobel", peak_variant="sorted", peak_weight=1.0)

    scales = [
        term_scales(settings, windows_of(), MASK_HW, climatology())
        for settings in (LossSettings(), sobel, peak)
    ]

    assert scales[0] == (1.0, 1.0)
    assert scales[1].gradient != 1.0
    assert scales[1].peak == 1.0
    assert scales[2].gradient == 1.0
    assert scales[2].peak != 1.0


@pytest.mark.parametrize("variant", TERMS)
@pytest.mark.parametrize("base", [*BASE_LOSSES, *MEMBER_LOSSES])
def test_a_series_that_never_changes_has_no_scale(variant: str, base: str) -> None:
    settings = LossSettings.model_validate(
        {
            "base": base,
            "variant": variant,
            "gradient_weight": 1.0,
            "peak_variant": variant,
            "peak_weight": 1.0,
        }
    )

    assert term_scales(settings, still_windows(), MASK_HW, climatology()) == (1.0, 1.0)


def test_no_term_has_no_scale() -> None:
    settings = LossSettings(variant="none", gradient_weight=1.0)

    assert term_scales(settings, windows_of(), MASK_HW, climatology()) == (1.0, 1.0)
