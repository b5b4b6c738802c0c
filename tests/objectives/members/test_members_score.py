"""The score of members and the reference it is taken from, by hand."""

from __future__ import annotations

import math

import pytest

from fieldsharp.objectives.members.result import best_crps
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.score import score_members, score_values
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import Band, Targets

TARGETS = Targets(gradient=Band(3.0, 3.3), peak=Band(140.0, 150.0, offset=20.0))


def members(crps: float, gradient: float = 3.1, peak: float = 145.0) -> MetricValues:
    found = {"gradient": gradient, "peak": peak, "crps": crps, "spread_over_error": 1.0, "mae": 9.0}
    return MetricValues(overall=found, by_lead={})


def single(mae: float) -> MetricValues:
    return MetricValues(overall={"gradient": 3.1, "peak": 145.0, "mae": mae}, by_lead={})


def test_sharp_members_score_their_crps_as_a_share_of_the_reference_s() -> None:
    score = score_members(members(1.5), TARGETS, crps=2.0, crps_weight=1.0)
    assert (score.total, score.crps, score.rmse) == (0.75, 0.75, 0.0)
    assert score.parts == {"gradient": 0.0, "peak": 0.0, "crps": 0.75}
    assert score_members(members(1.5), TARGETS, 2.0, crps_weight=0.2).total == pytest.approx(0.15)


def test_a_lack_of_sharpness_is_added() -> None:
    # Half of the gradient; peak 60 above the mean where 120 were wanted.
    score = score_members(members(1.5, 1.5, 80.0), TARGETS, crps=2.0, crps_weight=1.0)
    assert score.total == pytest.approx(2 * math.log(2.0) + 0.75)


def test_a_single_forecast_is_scored_by_its_mean_absolute_error() -> None:
    assert score_members(single(3.0), TARGETS, crps=2.0, crps_weight=1.0).total == 1.5


def test_where_the_reference_has_no_error_all_score_the_same() -> None:
    assert score_members(members(0.0), TARGETS, crps=0.0, crps_weight=1.0).crps == 1.0


def test_the_best_reference_is_the_ensemble_of_the_lowest_crps() -> None:
    references = {"dressed": members(2.0), "climatology": members(1.8), "spectral": single(0.1)}
    assert best_crps(references, ["rain"]) == {"rain": 1.8}
    assert best_crps({"spectral": single(0.1)}, ["rain"]) is None
    assert best_crps({}, ["rain"]) is None


def test_each_variable_has_its_own_reference_and_the_score_is_their_mean() -> None:
    def both(first: float, second: float) -> MetricValues:
        return members(first).model_copy(update={"others": {"wind": members(second)}})

    names = ["rain", "wind"]
    best = best_crps({"dressed": both(2.0, 5.0), "climatology": both(3.0, 4.0)}, names)
    assert best == {"rain": 2.0, "wind": 4.0}
    targets = Targets(TARGETS.gradient, TARGETS.peak, others={"wind": TARGETS})
    names_of_targets = dict(zip(targets.by_variable, names, strict=True))
    crps = {name: best[names_of_targets[name]] for name in targets.by_variable}
    score = score_values(both(1.0, 3.0), targets, both(9.0, 9.0), ObjectiveSettings(), crps)
    assert score.total == pytest.approx((0.5 + 0.75) / 2)
    assert score.crps == pytest.approx(0.625)
