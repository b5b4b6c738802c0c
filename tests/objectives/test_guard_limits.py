"""Limits of the guards: where they hold, to what they yield, and what is left out."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldsharp.objectives.guard_table import GUARDS
from fieldsharp.objectives.guards import GuardOutcome, broken, check_guards
from fieldsharp.objectives.metric_values import MetricValues
from tests.objectives.forecasts import SETTINGS, names


def judgement(**metrics: list[float]) -> MetricValues:
    """Return a judgement by hand: a good forecast but for what is given, at each lead."""
    good = {
        "rmse": 1.0,
        "rmse_climatology": 3.0,
        "power_small": 0.0,
        "power_middle": 0.0,
        "power_large": 0.0,
        "forward_sobel": 1.4,
        "forward_sobel_observed": 1.4,
        "gradient_correlation": 0.7,
        "anomaly_correlation": 0.9,
        "std_ratio": 1.0,
        "region_std_ratio": 1.0,
        "change_ratio": 1.0,
        "roughness": 0.0,
        "peak_isolation": 1.0,
        "gradient_observed": 3.0,
    }
    leads = len(next(iter(metrics.values()), [0.0]))
    by_lead = {**{name: [value] * leads for name, value in good.items()}, **metrics}
    return MetricValues(overall={n: v[0] for n, v in by_lead.items()}, by_lead=by_lead)


METRIC = st.sampled_from(sorted({guard.metric for guard in GUARDS.values()}))
NUMBER = st.floats(-1e9, 1e9) | st.sampled_from([0.0, math.nan, math.inf])


@settings(deadline=None)
@given(name=METRIC, values=st.lists(NUMBER, min_size=2, max_size=2), base=st.floats(-1.0, 1.0))
def test_the_violation_is_above_zero_exactly_when_a_guard_is_broken(
    name: str, values: list[float], base: float
) -> None:
    baseline = judgement(gradient_correlation=[base, base])

    for outcome in check_guards(judgement(**{name: values}), SETTINGS, baseline):
        assert (outcome.violation > 0) == (not outcome.ok)
        assert math.isfinite(outcome.violation)


@pytest.mark.parametrize(
    ("metric", "limit", "at_most", "guard"),
    [
        ("rmse", 1.25, True, "rmse"),
        ("rmse", 3.0, True, "climatology"),
        ("power_small", 1.6, True, "spectrum_small"),
        ("power_middle", 3.0, True, "spectrum_middle"),
        ("power_large", 3.0, True, "spectrum_large"),
        ("forward_sobel", 1.4 * 1.12, True, "forward_sobel"),
        ("gradient_correlation", 0.7 * 0.8, False, "gradient_correlation"),
        ("anomaly_correlation", 0.9 - 0.1, False, "correlation"),
        ("std_ratio", 1.1, True, "standard_deviation"),
        ("region_std_ratio", 1.6, True, "region"),
        ("change_ratio", 0.6, False, "change"),
        ("roughness", 3.0, True, "roughness"),
        ("peak_isolation", 1.5, True, "spike"),
    ],
)
def test_a_guard_holds_up_to_its_limit_and_no_further(
    metric: str, limit: float, at_most: bool, guard: str
) -> None:
    inside, outside = (limit - 1e-6, limit + 1e-6) if at_most else (limit + 1e-6, limit - 1e-6)

    def held(value: float) -> bool:
        outcomes = check_guards(judgement(**{metric: [value]}), SETTINGS, judgement())
        found = next(outcome for outcome in outcomes if outcome.name == guard)
        assert found.limit == pytest.approx(limit)
        return found.ok

    assert held(inside)
    assert not held(outside)


def test_a_violation_is_the_excess_as_a_share_of_the_limit() -> None:
    worst = check_guards(judgement(rmse=[1.0, 1.5, 1.2]), SETTINGS, judgement())[0]

    assert (worst.name, worst.lead) == ("rmse", 2)
    assert worst.violation == pytest.approx(0.2)  # 1.5 of 1.25
    assert check_guards(judgement(), SETTINGS, judgement())[0].violation == pytest.approx(-0.2)


def test_the_correlation_has_a_floor_without_a_baseline() -> None:
    poor = judgement(anomaly_correlation=[0.25])

    assert names(check_guards(poor, SETTINGS, None)) == {"correlation"}


def test_a_baseline_whose_gradients_are_wrong_breaks_no_guard_of_its_own_making() -> None:
    wrong = judgement(gradient_correlation=[-0.2])

    assert names(check_guards(wrong, SETTINGS, wrong)) == set()


@pytest.mark.parametrize(
    ("metric", "baseline", "limit", "guard"),
    [
        ("power_small", 2.0, 2.25, "spectrum_small"),
        ("power_middle", 3.5, 3.75, "spectrum_middle"),
        ("power_large", 2.9, 3.15, "spectrum_large"),
        ("roughness", 4.0, 4.25, "roughness"),
        ("power_small", 1.0, 1.6, "spectrum_small"),
        ("forward_sobel", 2.0, 2.1, "forward_sobel"),
        ("peak_isolation", 3.0, 3.75, "spike"),
        ("std_ratio", 1.2, 1.26, "standard_deviation"),
        ("region_std_ratio", 2.0, 2.1, "region"),
        ("region_std_ratio", 1.2, 1.6, "region"),
        ("peak_isolation", math.nan, 1.5, "spike"),
    ],
)
def test_a_limit_yields_to_a_little_more_than_the_baseline_has(
    metric: str, baseline: float, limit: float, guard: str
) -> None:
    of_baseline = judgement(**{metric: [baseline]})

    def found(value: float) -> GuardOutcome:
        outcomes = check_guards(judgement(**{metric: [value]}), SETTINGS, of_baseline)
        return next(outcome for outcome in outcomes if outcome.name == guard)

    assert found(limit - 1e-6).limit == pytest.approx(limit)
    assert found(limit - 1e-6).ok
    assert not found(limit + 1e-6).ok


def test_a_baseline_that_moves_where_the_truth_stands_asks_for_no_more_than_the_truth_s() -> None:
    still, moves = judgement(change_ratio=[1.0]), judgement(change_ratio=[50.0])

    assert names(check_guards(still, SETTINGS, moves)) == set()
    assert names(check_guards(judgement(change_ratio=[0.9]), SETTINGS, moves)) == {"change"}


def test_what_has_no_number_in_a_judgement_that_fits_is_broken_by_far() -> None:
    """Where the limit is 0 too, since the baseline is the truth."""
    perfect = judgement(rmse=[0.0], rmse_climatology=[0.0])
    lost = judgement(rmse=[math.nan], rmse_climatology=[0.0])

    outcomes = broken(check_guards(lost, SETTINGS, perfect))

    assert {outcome.name for outcome in outcomes} == {"rmse", "climatology"}
    assert all(outcome.violation > 0 for outcome in outcomes)


def test_a_forecast_that_is_not_a_number_breaks_what_it_is_held_to() -> None:
    outcomes = broken(check_guards(judgement(rmse=[1.0, math.nan]), SETTINGS, judgement()))

    assert {outcome.name for outcome in outcomes} == {"rmse", "climatology"}
    assert {outcome.lead for outcome in outcomes} == {2}
    assert outcomes[0].as_json()["value"] is None


def test_broken_guards_come_with_the_most_broken_first() -> None:
    bad = judgement(rmse=[1.3], std_ratio=[2.2], anomaly_correlation=[0.4])

    found = broken(check_guards(bad, SETTINGS, judgement()))

    assert [outcome.name for outcome in found] == ["standard_deviation", "correlation", "rmse"]


@pytest.mark.parametrize(
    ("metric", "guards"),
    [
        ("change_ratio", {"change"}),
        ("rmse_climatology", {"climatology"}),
        ("forward_sobel_observed", {"forward_sobel"}),
        ("peak_isolation", {"spike"}),
        ("rmse", {"rmse", "climatology"}),
    ],
)
def test_a_guard_without_what_it_needs_is_left_out(metric: str, guards: set[str]) -> None:
    by_lead = {n: v for n, v in judgement().by_lead.items() if n != metric}
    bare = MetricValues(overall={}, by_lead=by_lead)

    taken = {outcome.name for outcome in check_guards(bare, SETTINGS, judgement())}

    assert taken == set(GUARDS) - guards


@pytest.mark.parametrize(
    ("observed", "guards"),
    [
        ("gradient_observed", {"roughness", "gradient_correlation"}),
        ("forward_sobel_observed", {"forward_sobel"}),
    ],
)
def test_a_guard_is_left_out_where_the_truth_has_no_cell_it_looks_at(
    observed: str, guards: set[str]
) -> None:
    nothing = judgement(**{observed: [math.nan]})

    taken = {outcome.name for outcome in check_guards(nothing, SETTINGS, judgement())}

    assert taken == set(GUARDS) - guards


@pytest.mark.parametrize("metric", ["roughness", "forward_sobel", "gradient_correlation"])
def test_a_forecast_without_a_number_where_the_truth_has_one_stays_broken(metric: str) -> None:
    lost = judgement(**{metric: [math.nan]})

    guard = next(name for name, guard in GUARDS.items() if guard.metric == metric)
    assert names(check_guards(lost, SETTINGS, judgement())) == {guard}


def test_scripts_read_value_limit_whether_it_holds_and_the_lead() -> None:
    outcome = check_guards(judgement(rmse=[1.0, 1.5]), SETTINGS, judgement())[0]

    assert json.loads(json.dumps(outcome.as_json())) == {
        "value": 1.5,
        "limit": 1.25,
        "ok": False,
        "lead": 2,
    }


def test_leads_beyond_the_baseline_s_are_held_to_its_last() -> None:
    baseline = judgement(rmse=[1.0, 2.0])
    longer = judgement(rmse=[1.0, 2.0, 2.5, 2.6])

    rmse = next(o for o in check_guards(longer, SETTINGS, baseline) if o.name == "rmse")

    assert (rmse.limit, rmse.value, rmse.lead, rmse.ok) == (2.5, 2.6, 4, False)


@pytest.mark.parametrize(
    ("reached", "rmse", "limit"),
    [
        (0.8, 1.0, 0.7),
        (0.4, 1.0, 0.3),
        (0.3, 1.0, 0.225),
        (0.04, 1.0, 0.03),
        (0.0, 1.0, 0.3),
        (-0.2, 1.0, 0.3),
        (0.3, 3.1, 0.3),  # worse than each cell's mean, which is 3
    ],
)
def test_a_baseline_of_a_field_that_is_hard_to_predict_does_not_break_its_own_limit(
    reached: float, rmse: float, limit: float
) -> None:
    baseline = judgement(anomaly_correlation=[reached], rmse=[rmse])

    outcomes = {o.name: o for o in check_guards(baseline, SETTINGS, baseline)}

    assert outcomes["correlation"].limit == pytest.approx(limit)
    assert outcomes["correlation"].ok == (reached >= limit)
