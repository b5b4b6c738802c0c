from __future__ import annotations

import math

import pytest

from fieldsharp.objectives.score import score_forecast
from fieldsharp.objectives.targets import Band, Targets

TARGETS = Targets(gradient=Band(3.0, 3.3), peak=Band(140.0, 150.0, offset=20.0))


def metrics(gradient: float = 3.1, peak: float = 145.0, rmse: float = 8.0) -> dict[str, float]:
    return {"gradient": gradient, "peak": peak, "rmse": rmse}


def test_a_sharp_forecast_as_accurate_as_the_baseline_scores_zero() -> None:
    score = score_forecast(metrics(), TARGETS, baseline_rmse=8.0, rmse_weight=0.25)

    assert (score.total, score.gradient, score.peak, score.rmse) == (0.0, 0.0, 0.0, 0.0)


def test_the_score_is_the_formula_worked_by_hand() -> None:
    # Gradient 2 of 3; peak 60 above the mean where 120 were wanted; RMSE 40 % above the baseline.
    score = score_forecast(metrics(2.0, 80.0, 11.2), TARGETS, baseline_rmse=8.0, rmse_weight=0.25)

    assert score.gradient == pytest.approx(0.4054651081)  # ln 1.5
    assert score.peak == pytest.approx(0.6931471806)  # ln 2
    assert score.rmse == pytest.approx(0.1)  # 0.25 x 0.4
    assert score.total == pytest.approx(1.1986122887)


def test_too_sharp_a_forecast_is_as_far_away_as_one_too_smooth() -> None:
    # 6.6 is twice the ceiling; 280 is twice the ceiling of 130 above the mean.
    score = score_forecast(metrics(6.6, 280.0), TARGETS, baseline_rmse=8.0, rmse_weight=0.25)

    assert score.gradient == pytest.approx(math.log(2.0))
    assert score.peak == pytest.approx(math.log(2.0))


def test_a_forecast_without_gradient_or_peak_counts_three_for_each() -> None:
    score = score_forecast(metrics(0.0, 15.0), TARGETS, baseline_rmse=8.0, rmse_weight=0.25)

    assert (score.gradient, score.peak, score.total) == (3.0, 3.0, 6.0)


@pytest.mark.parametrize(
    ("rmse", "cost"), [(4.0, 0.0), (8.0, 0.0), (8.8, 0.05), (16.0, 0.5), (24.0, 1.0)]
)
def test_only_an_excess_of_rmse_costs(rmse: float, cost: float) -> None:
    score = score_forecast(metrics(rmse=rmse), TARGETS, baseline_rmse=8.0, rmse_weight=0.5)

    assert score.rmse == pytest.approx(cost)
    assert score.total == pytest.approx(cost)


def test_weight_zero_leaves_accuracy_to_the_guards() -> None:
    score = score_forecast(metrics(rmse=80.0), TARGETS, baseline_rmse=8.0, rmse_weight=0.0)

    assert score.total == 0.0
