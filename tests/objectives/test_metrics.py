"""What every metric of METRICS must hold; their values are held in ``test_oracles.py``."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from fieldsharp.fields.masked_statistics import Climatology
from fieldsharp.objectives.metrics import LARGEST, METRICS
from fieldsharp.objectives.verification import Verification, verify
from fieldsharp.objectives.verification_batch import VerificationBatch

LEVELS = (
    "peak",
    "peak_observed",
    "maximum",
    "maximum_observed",
    "quantile_999",
    "quantile_999_observed",
    "mean_observed",
)
LINEAR = (
    "gradient",
    "gradient_observed",
    "peak",
    "peak_observed",
    "quantile_999",
    "quantile_999_observed",
    "mean_observed",
    "mae",
    "bias",
    "ssim",
)
INTRUDERS = (math.nan, math.inf, -math.inf, 1e9)

every_metric = pytest.mark.parametrize("name", list(METRICS))


def part_of(
    case: VerificationBatch, samples: slice, leads: slice = slice(None)
) -> VerificationBatch:
    assert case.persistence_BTCHW is not None
    return replace(
        case,
        pred_BTCHW=case.pred_BTCHW[samples, leads],
        target_BTCHW=case.target_BTCHW[samples, leads],
        persistence_BTCHW=case.persistence_BTCHW[samples, leads],
    )


def transformed(
    case: VerificationBatch, change: Callable[[torch.Tensor], torch.Tensor]
) -> VerificationBatch:
    """Change every field alike, what is usual included; ``change`` must be linear in the value."""
    assert case.persistence_BTCHW is not None
    assert case.climatology is not None
    usual = case.climatology
    span = change(torch.tensor([0.0, usual.value_range], dtype=torch.float64))
    return VerificationBatch(
        change(case.pred_BTCHW),
        change(case.target_BTCHW),
        change(case.persistence_BTCHW),
        case.mask_HW,
        Climatology(change(usual.mean_CHW), change(usual.levels_L), float(span[1] - span[0])),
    )


def soiled(case: VerificationBatch, intruder: float) -> VerificationBatch:
    """Put something into every masked cell, those of the climatology included."""
    assert case.persistence_BTCHW is not None
    assert case.climatology is not None

    def soil(field: torch.Tensor) -> torch.Tensor:
        return torch.where(case.mask_HW, field, intruder)

    return VerificationBatch(
        soil(case.pred_BTCHW),
        soil(case.target_BTCHW),
        soil(case.persistence_BTCHW),
        case.mask_HW,
        replace(case.climatology, mean_CHW=soil(case.climatology.mean_CHW)),
    )


@pytest.mark.parametrize("intruder", INTRUDERS)
def test_a_masked_cell_never_changes_a_metric(case: VerificationBatch, intruder: float) -> None:
    assert verify(soiled(case, intruder)) == verify(case)


@pytest.mark.parametrize("sizes", [(5,), (1, 1, 1, 1, 1), (2, 3), (4, 1)])
def test_batching_never_changes_a_metric(case: VerificationBatch, sizes: tuple[int, ...]) -> None:
    verification = Verification()
    first = 0
    for size in sizes:
        verification.add(part_of(case, slice(first, first + size)))
        first += size

    assert verification.samples == 5
    assert verification.overall() == pytest.approx(verify(case), rel=1e-11)


def test_the_order_of_samples_never_changes_a_metric(case: VerificationBatch) -> None:
    turned = part_of(case, slice(None))
    assert turned.persistence_BTCHW is not None
    turned = replace(
        turned,
        pred_BTCHW=turned.pred_BTCHW.flip(0),
        target_BTCHW=turned.target_BTCHW.flip(0),
        persistence_BTCHW=turned.persistence_BTCHW.flip(0),
    )

    assert verify(turned) == pytest.approx(verify(case), rel=1e-11)


@every_metric
def test_a_lead_is_judged_as_if_it_stood_alone(case: VerificationBatch, name: str) -> None:
    verification = Verification()
    verification.add(case)

    by_lead = verification.per_lead()[name]

    assert len(by_lead) == 3
    for lead in range(3):
        alone = verify(part_of(case, slice(None), slice(lead, lead + 1)))
        assert by_lead[lead] == pytest.approx(alone[name], rel=1e-11)


@every_metric
def test_a_metric_is_in_the_unit_it_states(case: VerificationBatch, name: str) -> None:
    before = verify(case)[name]
    after = verify(transformed(case, lambda field: 1000.0 * field))[name]

    factor = 1000.0 if METRICS[name].unit in {"field", "field per cell"} else 1.0
    assert after == pytest.approx(factor * before, rel=1e-9)


@pytest.mark.parametrize("shift", [273.15, -273.15])
@pytest.mark.parametrize("name", [name for name in METRICS if name != "ssim"])
def test_only_level_metrics_notice_a_shift_of_all_fields(
    case: VerificationBatch, name: str, shift: float
) -> None:
    before = verify(case)[name]
    after = verify(transformed(case, lambda field: field + shift))[name]

    noticed = shift if name in LEVELS else 0.0
    assert after == pytest.approx(before + noticed, rel=1e-8)


def test_structural_similarity_takes_a_bias_as_a_share_of_the_level(
    case: VerificationBatch,
) -> None:
    """So its definition has it: beside kelvin the same bias is nothing."""
    biased = replace(case, pred_BTCHW=case.target_BTCHW + 4.0)

    near_zero = verify(biased)["ssim"]
    in_kelvin = verify(transformed(biased, lambda field: field + 273.15))["ssim"]

    assert near_zero < 0.96 < 0.999 < in_kelvin < 1.0


@every_metric
@pytest.mark.parametrize("need", ["persistence", "climatology"])
def test_a_metric_needs_of_a_case_exactly_what_it_says(
    case: VerificationBatch, name: str, need: str
) -> None:
    without = {
        "persistence": replace(case, persistence_BTCHW=None),
        "climatology": replace(case, climatology=None),
    }[need]

    found = verify(without)

    assert (name in found) == (need not in METRICS[name].needs)
    assert found.get(name, 0.0) == (verify(case)[name] if name in found else 0.0)


@pytest.mark.parametrize("name", LINEAR)
def test_the_mean_over_leads_of_a_linear_metric_is_the_overall(
    case: VerificationBatch, name: str
) -> None:
    verification = Verification()
    verification.add(case)

    by_lead = verification.per_lead()[name]

    assert sum(by_lead) / 3 == pytest.approx(verification.overall()[name], rel=1e-11)
    assert len(set(by_lead)) == 3, "the leads of the example must differ"


@pytest.mark.parametrize("name", ["maximum", "maximum_observed"])
def test_the_overall_maximum_is_the_largest_of_the_leads(
    case: VerificationBatch, name: str
) -> None:
    verification = Verification()
    verification.add(case)

    by_lead = verification.per_lead()[name]

    assert verification.overall()[name] == max(by_lead)
    assert len(set(by_lead)) == 3, "the leads of the example must differ"


def test_the_overall_rmse_is_not_the_mean_but_the_root_of_the_mean_square(
    case: VerificationBatch,
) -> None:
    verification = Verification()
    verification.add(case)

    by_lead = verification.per_lead()["rmse"]

    assert by_lead == sorted(by_lead)
    assert verification.overall()["rmse"] == pytest.approx(
        math.sqrt(sum(v**2 for v in by_lead) / 3)
    )


def test_identical_fields_score_perfectly(case: VerificationBatch) -> None:
    found = verify(replace(case, pred_BTCHW=case.target_BTCHW.clone()))

    for name in ("rmse", "mae", "bias", "quantile_error", "potential_crps"):
        assert found[name] == 0.0
    for name in ("power_small", "power_middle", "power_large", "roughness"):
        assert found[name] == 0.0
    for name in ("correlation", "anomaly_correlation", "gradient_correlation", "ssim"):
        assert found[name] == pytest.approx(1.0, abs=1e-12)
    for name in ("std_ratio", "region_std_ratio", "change_ratio", "fss_90", "csi_90", "csi_99"):
        assert found[name] == 1.0
    for name in ("skill_persistence", "skill_climatology", "potential_skill", "fss_gradient_90"):
        assert found[name] == 1.0
    for name in ("gradient", "peak", "maximum", "quantile_999", "forward_sobel"):
        assert found[name] == found[f"{name}_observed"]
    assert found["effective_resolution"] == 2.0  # the shortest wave of a grid


def test_an_upside_down_forecast_is_correlated_with_minus_one(case: VerificationBatch) -> None:
    assert case.climatology is not None
    mirrored = 2.0 * case.climatology.mean_CHW - case.target_BTCHW

    assert verify(replace(case, pred_BTCHW=20.0 - case.target_BTCHW))[
        "correlation"
    ] == pytest.approx(-1.0, abs=1e-12)
    found = verify(replace(case, pred_BTCHW=mirrored))
    assert found["anomaly_correlation"] == pytest.approx(-1.0, abs=1e-12)
    assert found["std_ratio"] == pytest.approx(1.0)
    assert found["power_small"] == pytest.approx(0.0, abs=1e-9)
    assert found["effective_resolution"] == 18.0, "coherence is signed: no scale is right"


def test_gradients_of_the_other_sign_are_correlated_with_minus_one(case: VerificationBatch) -> None:
    found = verify(replace(case, pred_BTCHW=20.0 - case.target_BTCHW))

    assert found["gradient_correlation"] == pytest.approx(-1.0, abs=1e-12)
    assert found["gradient"] == pytest.approx(found["gradient_observed"])


@pytest.mark.parametrize("name", ["correlation", "anomaly_correlation"])
def test_rounding_never_carries_a_correlation_beyond_one(name: str) -> None:
    """As where both fields are constant but for the last digit."""
    correlate = METRICS[name].formula
    nothing, ulp = torch.zeros((), dtype=torch.float64), torch.tensor(1e-11, dtype=torch.float64)

    assert correlate(nothing, nothing, ulp, ulp, 3 * ulp).item() == 1.0
    assert correlate(nothing, nothing, ulp, ulp, -3 * ulp).item() == -1.0


def test_bias_is_forecast_minus_truth(case: VerificationBatch) -> None:
    found = verify(replace(case, pred_BTCHW=case.target_BTCHW + 2.5))

    assert found["bias"] == pytest.approx(2.5)
    assert found["mae"] == pytest.approx(2.5)
    assert found["rmse"] == pytest.approx(2.5)
    assert found["quantile_error"] == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("share_of_error", "skill"), [(0.0, 1.0), (0.5, 0.75), (1.0, 0.0), (2.0, -3.0)]
)
def test_skill_falls_with_the_square_of_the_error(
    case: VerificationBatch, share_of_error: float, skill: float
) -> None:
    assert case.persistence_BTCHW is not None
    assert case.climatology is not None
    error = case.persistence_BTCHW - case.target_BTCHW
    departure = case.climatology.mean_CHW - case.target_BTCHW

    found = verify(replace(case, pred_BTCHW=case.target_BTCHW + share_of_error * error))
    beside_usual = verify(replace(case, pred_BTCHW=case.target_BTCHW + share_of_error * departure))

    assert found["skill_persistence"] == pytest.approx(skill, abs=1e-12)
    assert beside_usual["skill_climatology"] == pytest.approx(skill, abs=1e-12)


@pytest.mark.parametrize(("share", "ratio"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (-2.0, 2.0)])
def test_the_change_ratio_is_how_far_a_forecast_leaves_the_last_known_frame(
    case: VerificationBatch, share: float, ratio: float
) -> None:
    assert case.persistence_BTCHW is not None
    change = case.target_BTCHW - case.persistence_BTCHW

    found = verify(replace(case, pred_BTCHW=case.persistence_BTCHW + share * change))

    assert found["change_ratio"] == pytest.approx(ratio, abs=1e-12)


def test_against_a_persistence_without_error_skill_is_zero_or_lost(case: VerificationBatch) -> None:
    still = replace(case, persistence_BTCHW=case.target_BTCHW)

    assert verify(still)["skill_persistence"] == -LARGEST
    assert verify(replace(still, pred_BTCHW=still.target_BTCHW.clone()))["skill_persistence"] == 0.0


@every_metric
def test_a_metric_says_what_it_is(name: str) -> None:
    assert METRICS[name].summary.strip()
