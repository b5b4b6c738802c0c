"""Fields in which nothing happens, and grids on which little fits, give numbers all the same.

A training whose overall metrics are not finite is taken to have diverged, so a healthy one on such
data must not be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from fieldsharp.fields.masked_statistics import Climatology
from fieldsharp.objectives.guard_table import GUARDS
from fieldsharp.objectives.guards import broken, check_guards, truth_metrics
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.metrics import LARGEST, METRICS
from fieldsharp.objectives.settings import GuardSettings
from fieldsharp.objectives.verification import Verification, verify
from fieldsharp.objectives.verification_batch import VerificationBatch

Tensor = torch.Tensor
LEVEL = 273.1  # not a sum of powers of two: means of squares are rounded


def judged(case: VerificationBatch) -> MetricValues:
    verification = Verification()
    verification.add(case)
    return verification.metric_values()


def not_finite(judgement: MetricValues) -> list[str]:
    return [
        name
        for name, value in judgement.overall.items()
        if not all(math.isfinite(v) for v in (value, *judgement.by_lead[name]))
    ]


def only(case: VerificationBatch, *cells: tuple[slice, slice]) -> VerificationBatch:
    mask = torch.zeros_like(case.mask_HW)
    for rows, columns in cells:
        mask[rows, columns] = True
    return replace(case, mask_HW=mask)


def cut(
    case: VerificationBatch, samples: int, leads: int, height: int, width: int
) -> VerificationBatch:
    """The lower right corner, where no cell is masked."""
    assert case.persistence_BTCHW is not None
    assert case.climatology is not None

    def corner(field: Tensor) -> Tensor:
        return field[..., -height:, -width:]

    def part(field: Tensor) -> Tensor:
        return corner(field[:samples, :leads])

    return VerificationBatch(
        part(case.pred_BTCHW),
        part(case.target_BTCHW),
        part(case.persistence_BTCHW),
        torch.ones(height, width, dtype=torch.bool),
        replace(case.climatology, mean_CHW=corner(case.climatology.mean_CHW)),
    )


def usual_forecast(case: VerificationBatch) -> Tensor:
    assert case.climatology is not None
    return case.climatology.mean_CHW.expand_as(case.pred_BTCHW)


@pytest.mark.parametrize("level", [0.0, 10.1, LEVEL])
def test_a_constant_forecast_is_judged(case: VerificationBatch, level: float) -> None:
    judgement = judged(replace(case, pred_BTCHW=torch.full_like(case.pred_BTCHW, level)))

    assert not_finite(judgement) == []
    found = judgement.overall
    assert found["gradient"] == 0.0
    assert found["forward_sobel"] == 1.0
    assert found["correlation"] == 0.0
    assert found["peak_isolation"] == 0.0
    assert found["gradient_correlation"] == 0.0
    assert found["fss_90"] == found["fss_gradient_90"] == 0.0
    assert found["potential_skill"] == pytest.approx(0.0, abs=1e-12)


def test_the_climatology_itself_is_judged_as_a_forecast(case: VerificationBatch) -> None:
    judgement = judged(replace(case, pred_BTCHW=usual_forecast(case)))

    assert not_finite(judgement) == []
    found = judgement.overall
    assert found["skill_climatology"] == 0.0
    assert found["anomaly_correlation"] == 0.0
    assert found["std_ratio"] == 0.0
    for band in ("power_small", "power_middle", "power_large"):
        assert -120.0 <= found[band] < -100.0
    assert found["effective_resolution"] == 18.0


@pytest.mark.parametrize("level", [0.0, 10.1, LEVEL])
def test_a_truth_that_is_constant_at_one_lead_is_judged(
    case: VerificationBatch, level: float
) -> None:
    target = case.target_BTCHW.clone()
    target[:, 1] = level

    assert not_finite(judged(replace(case, target_BTCHW=target))) == []


def test_a_lead_at_which_the_truth_is_the_last_frame_and_the_usual_is_judged(
    case: VerificationBatch,
) -> None:
    """Nothing changes there, so no forecast can be better than either."""
    assert case.persistence_BTCHW is not None
    usual = usual_forecast(case)
    target = torch.cat([usual[:, :1], case.target_BTCHW[:, 1:]], dim=1)
    still = replace(case, target_BTCHW=target, persistence_BTCHW=usual)

    first = judged(still).at(0)

    assert not_finite(judged(still)) == []
    assert first["skill_persistence"] == first["skill_climatology"] == -LARGEST
    assert first["std_ratio"] == first["change_ratio"] == math.sqrt(LARGEST)
    assert first["region_std_ratio"] == math.sqrt(LARGEST)
    assert first["power_small"] > 100.0
    perfect = judged(replace(still, pred_BTCHW=target.clone())).at(0)
    assert perfect["skill_persistence"] == perfect["skill_climatology"] == 0.0
    assert perfect["std_ratio"] == perfect["change_ratio"] == perfect["region_std_ratio"] == 1.0


@pytest.mark.parametrize("level", [0.0, 10.1, LEVEL])
def test_fields_of_one_value_everywhere_are_judged(case: VerificationBatch, level: float) -> None:
    flat = torch.full_like(case.target_BTCHW, level)
    usual = Climatology(flat[0, 0], torch.tensor([level, level]).double(), 1.0)
    constant = VerificationBatch(flat, flat.clone(), flat.clone(), case.mask_HW, usual)

    judgement = judged(constant)

    assert not_finite(judgement) == []
    found = judgement.overall
    assert found["rmse"] == found["gradient"] == found["skill_persistence"] == 0.0
    assert found["potential_crps"] == found["potential_skill"] == 0.0
    assert found["peak"] == found["maximum"] == level
    for name in ("change_ratio", "region_std_ratio", "forward_sobel", "fss_90", "csi_90", "ssim"):
        assert found[name] == 1.0
    for name in ("correlation", "anomaly_correlation", "gradient_correlation", "peak_isolation"):
        assert found[name] == 1.0
    assert found["fss_gradient_90"] == 1.0


def test_a_checkerboard_without_anything_else_is_told_from_a_flat_field(
    case: VerificationBatch,
) -> None:
    """Its Sobel gradient is 0, as that of a constant."""
    y, x = torch.meshgrid(torch.arange(16), torch.arange(18), indexing="ij")
    board = (8.0 + 2.0 * (-1.0) ** (x + y)).double().expand_as(case.pred_BTCHW)

    found = verify(replace(case, pred_BTCHW=board))

    assert found["gradient"] == 0.0
    assert found["forward_sobel"] == LARGEST


def test_a_region_of_one_stencil_is_judged(case: VerificationBatch) -> None:
    """Nine cells in four regions: none has nine, so they are one."""
    judgement = judged(only(case, (slice(9, 12), slice(8, 11))))

    assert not_finite(judgement) == []
    found = judgement.overall
    assert found["region_std_ratio"] == pytest.approx(
        math.sqrt((found["std_ratio"] ** 2 + 0.05) / 1.05)
    )


def test_single_cells_beside_a_stencil_are_judged(case: VerificationBatch) -> None:
    lonely = only(
        case,
        (slice(9, 12), slice(8, 11)),
        (slice(0, 1), slice(17, 18)),
        (slice(15, 16), slice(0, 1)),
    )

    assert not_finite(judged(lonely)) == []


@pytest.mark.parametrize("samples", [1, 5])
@pytest.mark.parametrize("leads", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(3, 3), (3, 16), (5, 4), (8, 8)])
def test_small_grids_and_few_frames_are_judged(
    case: VerificationBatch, samples: int, leads: int, height: int, width: int
) -> None:
    judgement = judged(cut(case, samples, leads, height, width))

    assert not_finite(judgement) == []
    assert judgement.leads == leads


def test_a_grid_shorter_than_a_band_is_alike_in_it(case: VerificationBatch) -> None:
    found = verify(cut(case, 5, 3, 3, 3))

    assert found["power_middle"] == found["power_large"] == 0.0
    assert found["power_small"] != 0.0


def test_without_a_whole_stencil_only_what_needs_one_is_no_number(case: VerificationBatch) -> None:
    """Refused before the first training, by the observed gradient."""
    lonely = only(case, (slice(9, 10), slice(8, 11)), (slice(12, 13), slice(8, 11)))

    lost = not_finite(judged(lonely))

    assert set(lost) == {
        "gradient",
        "gradient_observed",
        "forward_sobel",
        "forward_sobel_observed",
        "roughness",
        "gradient_correlation",
        "fss_gradient_90",
    }


def truth_alone(case: VerificationBatch) -> VerificationBatch:
    return replace(case, pred_BTCHW=case.target_BTCHW.clone())


def strip(case: VerificationBatch, rows: int, columns: int) -> VerificationBatch:
    """A grid of other size, made of the case's cells."""

    def reshaped(field: Tensor) -> Tensor:
        return field.flatten(-2)[..., -rows * columns :].reshape(*field.shape[:-2], rows, columns)

    assert case.persistence_BTCHW is not None
    assert case.climatology is not None
    return VerificationBatch(
        reshaped(case.pred_BTCHW),
        reshaped(case.target_BTCHW),
        reshaped(case.persistence_BTCHW),
        torch.ones(rows, columns, dtype=torch.bool),
        replace(case.climatology, mean_CHW=reshaped(case.climatology.mean_CHW)),
    )


def of_one_value(case: VerificationBatch, level: float) -> VerificationBatch:
    """Truth, last frame and climatology alike; the forecast is not."""
    flat = torch.full_like(case.target_BTCHW, level)
    usual = Climatology(flat[0, 0], torch.tensor([level, level]).double(), 1.0)
    return VerificationBatch(case.pred_BTCHW, flat, flat.clone(), case.mask_HW, usual)


ODD_TRUTHS: dict[str, Callable[[VerificationBatch], VerificationBatch]] = {
    "as it is": lambda case: case,
    "one value, 0": lambda case: of_one_value(case, 0.0),
    "one value, 10.1": lambda case: of_one_value(case, 10.1),
    "one value, 273.1": lambda case: of_one_value(case, LEVEL),
    "usual": lambda case: replace(case, target_BTCHW=usual_forecast(case)),
    "tiny": lambda case: scaled(case, 1e-90),
    "huge": lambda case: scaled(case, 1e60),
    "2 x 40": lambda case: strip(case, 2, 40),
    "40 x 2": lambda case: strip(case, 40, 2),
    "1 x 40": lambda case: strip(case, 1, 40),
    "one cell": lambda case: only(case, (slice(9, 10), slice(8, 9))),
    "a cross": lambda case: only(case, (slice(9, 12), slice(8, 9)), (slice(10, 11), slice(7, 10))),
    "one stencil": lambda case: only(case, (slice(9, 12), slice(8, 11))),
    "one frame": lambda case: cut(case, 1, 1, 8, 8),
}


def scaled(case: VerificationBatch, factor: float) -> VerificationBatch:
    assert case.persistence_BTCHW is not None
    assert case.climatology is not None
    return VerificationBatch(
        factor * case.pred_BTCHW,
        factor * case.target_BTCHW,
        factor * case.persistence_BTCHW,
        case.mask_HW,
        replace(case.climatology, mean_CHW=factor * case.climatology.mean_CHW),
    )


@pytest.mark.parametrize("name", ODD_TRUTHS)
def test_the_truth_on_itself_breaks_no_guard_whatever_it_is(
    case: VerificationBatch, name: str
) -> None:
    odd = ODD_TRUTHS[name](case)
    perfect, other = judged(truth_alone(odd)), judged(odd)

    for baseline in (None, perfect, other):
        for found in (perfect, truth_metrics(other)):
            assert broken(check_guards(found, GuardSettings(), baseline)) == []


@pytest.mark.parametrize("name", ["2 x 40", "a cross"])
def test_guards_that_need_a_stencil_are_left_out_where_there_is_none(
    case: VerificationBatch, name: str
) -> None:
    odd = judged(ODD_TRUTHS[name](case))

    taken = {outcome.name for outcome in check_guards(odd, GuardSettings(), odd)}

    assert taken == set(GUARDS) - {"roughness", "forward_sobel", "gradient_correlation"}


@pytest.mark.parametrize("name", ["as it is", "2 x 40", "one value, 10.1"])
def test_a_forecast_that_is_no_number_breaks_whatever_guard_is_taken(
    case: VerificationBatch, name: str
) -> None:
    odd = ODD_TRUTHS[name](case)
    lost = judged(replace(odd, pred_BTCHW=torch.full_like(odd.pred_BTCHW, math.nan)))

    outcomes = check_guards(lost, GuardSettings(), judged(truth_alone(odd)))

    assert len(outcomes) >= len(GUARDS) - 3
    assert {outcome.name for outcome in broken(outcomes)} == {o.name for o in outcomes}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_forecast_that_is_no_number_is_never_hidden(
    case: VerificationBatch, value: float
) -> None:
    pred = case.pred_BTCHW.clone()
    pred[3, 1, 0, 8, 9] = value

    assert {"rmse", "peak", "gradient"} <= set(not_finite(judged(replace(case, pred_BTCHW=pred))))


def test_many_channels_are_judged_as_one_is(case: VerificationBatch) -> None:
    def twice(field: Tensor) -> Tensor:
        return torch.cat([field, field], dim=-3)

    assert case.persistence_BTCHW is not None
    assert case.climatology is not None
    double = VerificationBatch(
        twice(case.pred_BTCHW),
        twice(case.target_BTCHW),
        twice(case.persistence_BTCHW),
        case.mask_HW,
        replace(case.climatology, mean_CHW=twice(case.climatology.mean_CHW)),
    )

    assert verify(double) == pytest.approx(verify(case), rel=1e-11)
    assert set(verify(double)) == set(METRICS)
