"""What every metric of METRICS must hold, and each one's value from outside this code."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
import xarray as xr
from numpy.typing import NDArray
from scores import continuous
from scores.continuous import correlation

from objectives.case import Case
from objectives.metrics import METRICS
from objectives.verification import Verification, verify

Array = NDArray[np.float64]

LINEAR = (
    "gradient",
    "gradient_observed",
    "peak",
    "peak_observed",
    "mean_observed",
    "mae",
    "bias",
)
INTRUDERS = (math.nan, math.inf, -math.inf, 1e9)


def labelled(values: Array, mask: NDArray[np.bool_]) -> xr.DataArray:
    """As scores wants it: missing where the mask is False."""
    return xr.DataArray(np.where(mask, values, np.nan), dims=("b", "t", "c", "y", "x"))


def gradient_by_hand(values: Array, mask: NDArray[np.bool_]) -> float:
    """Sobel/8 written out cell by cell; a cell counts where all nine of its stencil do."""
    found = []
    for frame in values.reshape(-1, *mask.shape):
        for y in range(1, mask.shape[0] - 1):
            for x in range(1, mask.shape[1] - 1):
                if not all(mask[y + i, x + j] for i in (-1, 0, 1) for j in (-1, 0, 1)):
                    continue
                gx = sum(
                    w * (frame[y + i, x + 1] - frame[y + i, x - 1])
                    for i, w in ((-1, 1), (0, 2), (1, 1))
                )
                gy = sum(
                    w * (frame[y + 1, x + j] - frame[y - 1, x + j])
                    for j, w in ((-1, 1), (0, 2), (1, 1))
                )
                found.append(math.hypot(gx / 8, gy / 8))
    return sum(found) / len(found)


def peak_by_hand(values: Array, mask: NDArray[np.bool_]) -> float:
    peaks = []
    for frame in values.reshape(-1, *mask.shape):
        highest = -math.inf
        for y, x in np.argwhere(mask):
            highest = max(highest, frame[y, x])
        peaks.append(highest)
    return sum(peaks) / len(peaks)


@dataclass(frozen=True)
class Fields:
    """A case as NumPy arrays for the oracles by hand, and as labelled arrays for scores."""

    pred: Array
    target: Array
    persistence: Array
    mask: NDArray[np.bool_]

    @property
    def p(self) -> xr.DataArray:
        return labelled(self.pred, self.mask)

    @property
    def t(self) -> xr.DataArray:
        return labelled(self.target, self.mask)

    @property
    def k(self) -> xr.DataArray:
        return labelled(self.persistence, self.mask)


def skill_by_hand(fields: Fields) -> float:
    error = (fields.pred - fields.target)[..., fields.mask]
    reference = (fields.persistence - fields.target)[..., fields.mask]
    return float(1.0 - np.mean(error**2) / np.mean(reference**2))


ORACLES: dict[str, Callable[[Fields], float]] = {
    "gradient": lambda f: gradient_by_hand(f.pred, f.mask),
    "gradient_observed": lambda f: gradient_by_hand(f.target, f.mask),
    "peak": lambda f: peak_by_hand(f.pred, f.mask),
    "peak_observed": lambda f: peak_by_hand(f.target, f.mask),
    "mean_observed": lambda f: float(np.nanmean(f.t)),
    "rmse": lambda f: float(continuous.rmse(f.p, f.t)),
    "mae": lambda f: float(continuous.mae(f.p, f.t)),
    "bias": lambda f: float(continuous.additive_bias(f.p, f.t)),
    "correlation": lambda f: float(correlation.pearsonr(f.p, f.t)),
    "rmse_persistence": lambda f: float(continuous.rmse(f.k, f.t)),
    "skill_persistence": skill_by_hand,
}

every_metric = pytest.mark.parametrize("name", list(METRICS))


def part_of(case: Case, samples: slice, leads: slice = slice(None)) -> Case:
    assert case.persistence_BTCHW is not None
    return Case(
        case.pred_BTCHW[samples, leads],
        case.target_BTCHW[samples, leads],
        case.persistence_BTCHW[samples, leads],
        case.mask_HW,
    )


def transformed(case: Case, change: Callable[[torch.Tensor], torch.Tensor]) -> Case:
    assert case.persistence_BTCHW is not None
    return Case(
        change(case.pred_BTCHW),
        change(case.target_BTCHW),
        change(case.persistence_BTCHW),
        case.mask_HW,
    )


def test_every_metric_has_an_oracle() -> None:
    assert set(ORACLES) == set(METRICS)


@every_metric
def test_a_metric_equals_its_oracle(case: Case, name: str) -> None:
    assert case.persistence_BTCHW is not None

    fields = Fields(
        case.pred_BTCHW.numpy(),
        case.target_BTCHW.numpy(),
        case.persistence_BTCHW.numpy(),
        case.mask_HW.numpy(),
    )

    assert verify(case)[name] == pytest.approx(ORACLES[name](fields), rel=1e-10)


@every_metric
@pytest.mark.parametrize("intruder", INTRUDERS)
def test_a_masked_cell_never_changes_a_metric(case: Case, name: str, intruder: float) -> None:
    soiled = transformed(case, lambda field: torch.where(case.mask_HW, field, intruder))

    assert verify(soiled)[name] == verify(case)[name]


@every_metric
@pytest.mark.parametrize("sizes", [(5,), (1, 1, 1, 1, 1), (2, 3), (4, 1)])
def test_batching_never_changes_a_metric(case: Case, name: str, sizes: tuple[int, ...]) -> None:
    verification = Verification()
    first = 0
    for size in sizes:
        verification.add(part_of(case, slice(first, first + size)))
        first += size

    assert verification.samples == 5
    assert verification.overall()[name] == pytest.approx(verify(case)[name], rel=1e-12)


@every_metric
def test_the_order_of_samples_never_changes_a_metric(case: Case, name: str) -> None:
    turned = transformed(case, lambda field: field.flip(0))

    assert verify(turned)[name] == pytest.approx(verify(case)[name], rel=1e-12)


@every_metric
def test_a_lead_is_judged_as_if_it_stood_alone(case: Case, name: str) -> None:
    verification = Verification()
    verification.add(case)

    by_lead = verification.per_lead()[name]

    assert len(by_lead) == 3
    for lead in range(3):
        alone = verify(part_of(case, slice(None), slice(lead, lead + 1)))
        assert by_lead[lead] == pytest.approx(alone[name], rel=1e-12)


@every_metric
def test_a_metric_is_in_the_unit_it_states(case: Case, name: str) -> None:
    before = verify(case)[name]
    after = verify(transformed(case, lambda field: 1000.0 * field))[name]

    factor = 1.0 if METRICS[name].unit == "1" else 1000.0
    assert after == pytest.approx(factor * before, rel=1e-9)


@every_metric
def test_only_level_metrics_notice_a_shift_of_both_fields(case: Case, name: str) -> None:
    before = verify(case)[name]
    after = verify(transformed(case, lambda field: field + 273.15))[name]

    shift = 273.15 if name in {"peak", "peak_observed", "mean_observed"} else 0.0
    assert after == pytest.approx(before + shift, rel=1e-8)


@every_metric
def test_a_metric_needs_persistence_exactly_where_it_says_so(case: Case, name: str) -> None:
    without = replace(case, persistence_BTCHW=None)

    assert (name in verify(without)) == (not METRICS[name].needs_persistence)


@pytest.mark.parametrize("name", LINEAR)
def test_the_mean_over_leads_of_a_linear_metric_is_the_overall(case: Case, name: str) -> None:
    verification = Verification()
    verification.add(case)

    by_lead = verification.per_lead()[name]

    assert sum(by_lead) / 3 == pytest.approx(verification.overall()[name], rel=1e-12)
    if name in {"mae", "bias", "gradient"}:
        assert len(set(by_lead)) == 3, "the leads of the example must differ"


def test_the_overall_rmse_is_not_the_mean_but_the_root_of_the_mean_square(case: Case) -> None:
    verification = Verification()
    verification.add(case)

    by_lead = verification.per_lead()["rmse"]

    assert by_lead == sorted(by_lead)
    assert verification.overall()["rmse"] == pytest.approx(
        math.sqrt(sum(v**2 for v in by_lead) / 3)
    )


def test_identical_fields_score_perfectly(case: Case) -> None:
    found = verify(replace(case, pred_BTCHW=case.target_BTCHW.clone()))

    assert found["rmse"] == 0.0
    assert found["mae"] == 0.0
    assert found["bias"] == 0.0
    assert found["correlation"] == pytest.approx(1.0, abs=1e-12)
    assert found["gradient"] == found["gradient_observed"]
    assert found["peak"] == found["peak_observed"]
    assert found["skill_persistence"] == 1.0


def test_an_upside_down_forecast_is_correlated_with_minus_one(case: Case) -> None:
    found = verify(replace(case, pred_BTCHW=20.0 - case.target_BTCHW))

    assert found["correlation"] == pytest.approx(-1.0, abs=1e-12)


def test_a_constant_forecast_has_no_correlation(case: Case) -> None:
    found = verify(replace(case, pred_BTCHW=torch.full_like(case.pred_BTCHW, 8.0)))

    assert found["correlation"] == 0.0


def test_bias_is_forecast_minus_truth(case: Case) -> None:
    found = verify(replace(case, pred_BTCHW=case.target_BTCHW + 2.5))

    assert found["bias"] == pytest.approx(2.5)
    assert found["mae"] == pytest.approx(2.5)
    assert found["rmse"] == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("share_of_error", "skill"), [(0.0, 1.0), (0.5, 0.75), (1.0, 0.0), (2.0, -3.0)]
)
def test_skill_falls_with_the_square_of_the_error(
    case: Case, share_of_error: float, skill: float
) -> None:
    assert case.persistence_BTCHW is not None
    error = case.persistence_BTCHW - case.target_BTCHW

    found = verify(replace(case, pred_BTCHW=case.target_BTCHW + share_of_error * error))

    assert found["skill_persistence"] == pytest.approx(skill, abs=1e-12)


def test_against_a_persistence_without_error_skill_is_zero_or_lost(case: Case) -> None:
    still = replace(case, persistence_BTCHW=case.target_BTCHW)

    assert verify(still)["skill_persistence"] == -math.inf
    assert verify(replace(still, pred_BTCHW=still.target_BTCHW.clone()))["skill_persistence"] == 0.0


@every_metric
def test_a_metric_says_what_it_is(name: str) -> None:
    assert METRICS[name].summary.strip()
