"""The largest RMSE allowed, by hand."""

from __future__ import annotations

import math

import pytest

from fieldsharp.objectives.frontier.frontier import Frontier, FrontierCurve
from fieldsharp.objectives.limits.error_limit import rmse_multiples
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import GuardSettings

AUTO = GuardSettings()
BASELINE = MetricValues(overall={}, by_lead={"rmse": [10.0, 20.0]})


def frontier(*full: float, blocks: int = 4) -> Frontier:
    curves = [
        FrontierCurve(
            gradient_shares=[0.5, 1.0],
            rmse=[1.0, rmse],
            orthogonality=0.0,
            bias=0.0,
            rmse_as_trained=1.0,
            gradient_share_as_trained=0.5,
        )
        for rmse in full
    ]
    return Frontier(overall=curves[0], by_lead=curves, windows=16, blocks=blocks)


def test_it_is_nine_percent_above_the_least_error_at_full_sharpness_of_each_lead() -> None:
    assert rmse_multiples(AUTO, frontier(11.0, 20.4), BASELINE) == pytest.approx([1.199, 1.1118])


def test_it_is_at_most_a_quarter_above_the_baseline() -> None:
    assert rmse_multiples(AUTO, frontier(11.6, 30.0), BASELINE) == [1.25, 1.25]


def test_it_is_above_a_baseline_that_calibration_improves() -> None:
    assert rmse_multiples(AUTO, frontier(9.0, 20.0), BASELINE) == [1.09, 1.09]


@pytest.mark.parametrize("known", [None, frontier(10.1, 20.1, blocks=1), frontier(math.nan, 1e999)])
def test_without_a_frontier_it_is_a_quarter(known: Frontier | None) -> None:
    assert rmse_multiples(AUTO, known, BASELINE) == [1.25, 1.25]


def test_a_baseline_without_error_leaves_the_quarter() -> None:
    still = MetricValues(overall={}, by_lead={"rmse": [0.0, 0.0]})
    assert rmse_multiples(AUTO, frontier(0.0, 0.0), still) == [1.25, 1.25]


def test_a_number_wins() -> None:
    given = GuardSettings(rmse_over_baseline=1.4)
    assert rmse_multiples(given, frontier(11.0, 20.4), BASELINE) == [1.4, 1.4]


@pytest.mark.parametrize("wrong", [0.9, 1.5])
def test_a_limit_out_of_range_is_refused_with_the_range(wrong: float) -> None:
    with pytest.raises(ValueError, match=rf"auto or a number from 1 to 1.414, found {wrong}"):
        GuardSettings.model_validate({"rmse_over_baseline": wrong})


@pytest.mark.parametrize("wrong", ["most", True, None])
def test_what_is_no_limit_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="rmse_over_baseline"):
        GuardSettings.model_validate({"rmse_over_baseline": wrong})
