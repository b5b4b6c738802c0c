"""What widens the limits of guards against excess, by hand."""

from __future__ import annotations

import math

import pytest

from fieldsharp.objectives.guards import check_guards
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.limits.tolerance import is_better_throughout
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import GuardSettings
from tests.objectives.forecasts import names

SETTINGS = GuardSettings()
GUARDS = {
    "spectrum_small": ("power_small", SETTINGS.power_small_db, 0.0),
    "spectrum_middle": ("power_middle", SETTINGS.power_other_db, 0.0),
    "spectrum_large": ("power_large", SETTINGS.power_other_db, 0.0),
    "roughness": ("roughness", SETTINGS.roughness_db, 0.0),
    "forward_sobel": ("forward_sobel", SETTINGS.forward_sobel_over_observed, 1.4),
    "spike": ("peak_isolation", SETTINGS.peak_isolation, 1.0),
    "standard_deviation": ("std_ratio", SETTINGS.std_ratio, 1.0),
    "region": ("region_std_ratio", SETTINGS.region_std_ratio, 1.0),
}
"""Metric, limit and the truth's value (a ratio), or 0 (in dB)."""
MERITS = {
    "rmse": [1.0, 2.0],
    "gradient_correlation": [0.6, 0.5],
    "fss_90": [0.8, 0.7],
    "csi_90": [0.5, 0.4],
    "csi_99": [0.3, 0.2],
}


def forecast(**changes: list[float]) -> MetricValues:
    """A baseline in both leads, or with other values a forecast."""
    plain = {key: [0.0, 0.0] for key in ("power_small", "power_middle", "power_large", "roughness")}
    ratios = {key: [1.0, 1.0] for key in ("peak_isolation", "std_ratio", "region_std_ratio")}
    others = {"forward_sobel": [1.4, 1.4], "forward_sobel_observed": [1.4, 1.4]}
    others |= {"rmse_climatology": [9.0, 9.0], "anomaly_correlation": [0.9, 0.9]}
    by_lead = {**plain, **ratios, **others, **MERITS, **changes}
    return MetricValues(
        overall={name: values[0] for name, values in by_lead.items()}, by_lead=by_lead
    )


BETTER = {
    "rmse": [0.9, 1.9],
    "gradient_correlation": [0.61, 0.51],
    "fss_90": [0.81, 0.71],
    "csi_90": [0.51, 0.41],
    "csi_99": [0.31, 0.21],
}


def at(guard: str, tolerances: float) -> dict[str, list[float]]:
    """The metric of a guard at so many tolerances above the truth's value, at the second lead."""
    metric, limit, truth = GUARDS[guard]
    if truth == 0.0:
        return {metric: [0.0, tolerances * limit]}
    return {metric: [truth, truth * limit**tolerances]}


def refused(
    guard: str, tolerances: float, field: FieldVariation | None, **merits: list[float]
) -> bool:
    values = forecast(**at(guard, tolerances), **merits)
    return guard in names(check_guards(values, SETTINGS, forecast(), field))


@pytest.mark.parametrize("guard", GUARDS)
def test_a_forecast_that_is_better_throughout_has_twice_the_tolerance(guard: str) -> None:
    field = FieldVariation(independent_samples=20.0, largest={})
    assert refused(guard, 1.01, field), "it is no better than the baseline"
    assert not refused(guard, 1.99, field, **BETTER)
    assert refused(guard, 2.01, field, **BETTER)
    assert refused(guard, 1.01, None, **BETTER), "where the field is not known nothing is earned"


@pytest.mark.parametrize("guard", GUARDS)
def test_it_is_not_refused_for_what_the_truth_has_in_one_block(guard: str) -> None:
    metric, limit, truth = GUARDS[guard]

    def field(tolerances: float) -> FieldVariation:
        largest = tolerances * limit if truth == 0.0 else limit**tolerances
        return FieldVariation(independent_samples=20.0, largest={metric: largest})

    assert not refused(guard, 2.4, field(1.5), **BETTER)
    assert refused(guard, 2.6, field(1.5), **BETTER)
    assert refused(guard, 3.1, field(9.0), **BETTER), "noise stays refused"
    assert refused(guard, 1.01, field(1.5)), "a forecast that is no better has no more for it"


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize(
    ("samples", "factor"), [(2.0, 2.0), (1.0, math.sqrt(8)), (8.0, 1.0), (900.0, 1.0)]
)
def test_few_independent_samples_widen_and_many_never(
    guard: str, samples: float, factor: float
) -> None:
    field = FieldVariation(independent_samples=samples)
    assert not refused(guard, 0.99 * factor, field)
    assert refused(guard, 1.01 * factor, field)


@pytest.mark.parametrize("guard", GUARDS)
def test_few_samples_and_merit_together_give_three_times_at_most(guard: str) -> None:
    few = FieldVariation(independent_samples=3.0)
    assert not refused(guard, 2.95, few, **BETTER)
    assert refused(guard, 3.05, few, **BETTER)


@pytest.mark.parametrize("metric", ["rmse", "gradient_correlation", "fss_90"])
@pytest.mark.parametrize("lead", [0, 1])
def test_worse_in_one_at_one_lead_is_not_better_throughout(metric: str, lead: int) -> None:
    values = list(BETTER[metric])
    values[lead] = MERITS[metric][lead] + (0.01 if metric == "rmse" else -0.01)
    assert is_better_throughout(forecast(**BETTER), forecast())
    assert not is_better_throughout(forecast(**{**BETTER, metric: values}), forecast())


def test_of_the_success_indices_one_is_enough() -> None:
    lost = {"csi_90": [0.0, 0.0], "csi_99": [0.0, 0.0]}
    for name in lost:
        assert is_better_throughout(forecast(**{**BETTER, name: lost[name]}), forecast())
    assert not is_better_throughout(forecast(**{**BETTER, **lost}), forecast())


def test_a_baseline_is_not_better_than_itself() -> None:
    assert not is_better_throughout(forecast(), forecast())


def test_before_the_last_epoch_error_and_gradient_correlation_decide() -> None:
    def early(values: MetricValues) -> MetricValues:
        detail = ("fss_90", "csi_90", "csi_99")
        by_lead = {name: v for name, v in values.by_lead.items() if name not in detail}
        return MetricValues(overall=values.overall, by_lead=by_lead)

    assert is_better_throughout(early(forecast(**BETTER)), early(forecast()))
    assert not is_better_throughout(early(forecast(rmse=[0.9, 2.1])), early(forecast()))
    neither = MetricValues(overall={}, by_lead={"power_small": [0.0, 0.0]})
    assert not is_better_throughout(neither, neither)


def test_a_limit_below_the_truth_is_not_widened() -> None:
    strict = SETTINGS.model_copy(update={"std_ratio": 0.9, "power_small_db": -1.0})
    field = FieldVariation(independent_samples=1.0)
    values = forecast(std_ratio=[0.95, 0.95], power_small=[-0.5, -0.5])
    assert {"standard_deviation", "spectrum_small"} <= names(
        check_guards(values, strict, None, field)
    )
