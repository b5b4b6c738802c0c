"""The frontier of a study in the units that trials are given in."""

import pytest

from fieldsharp.objectives.frontier.frontier import Frontier, FrontierCurve
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.sweep.study.frontier import StudyFrontier
from fieldsharp.sweep.study.trial_records import TrialRecord
from tests.sweep.empty_record import empty_record

CURVE = FrontierCurve(
    gradient_shares=[0.5, 1.0],
    rmse=[2.0, 3.0],
    orthogonality=0.0,
    bias=0.0,
    rmse_as_trained=2.1,
    gradient_share_as_trained=0.6,
)
FRONTIER = Frontier(overall=CURVE, by_lead=[CURVE], windows=4, blocks=1)


def _baseline(observed: float | None, frontier: Frontier | None = FRONTIER) -> TrialRecord:
    metrics = {"rmse": 2.1} | ({} if observed is None else {"gradient_observed": observed})
    values = MetricValues(overall=metrics, by_lead={})
    return empty_record(0.5).model_copy(update={"judgement": values, "frontier": frontier})


@pytest.mark.parametrize(
    ("rmse", "gradient", "excess"), [(2.75, 6.0, 0.25), (2.0, 6.0, -0.5), (3.5, 9.0, 0.5)]
)
def test_the_excess_is_the_rmse_above_the_curve_at_the_share_of_the_gradient(
    rmse: float, gradient: float, excess: float
) -> None:
    bound = StudyFrontier.of(_baseline(8.0))
    assert bound is not None
    assert bound.excess(rmse, gradient) == pytest.approx(excess)


def test_without_frontier_or_observed_gradient_it_is_not_known() -> None:
    assert StudyFrontier.of(None) is None
    assert StudyFrontier.of(_baseline(8.0, None)) is None
    assert StudyFrontier.of(_baseline(None)) is None
    assert StudyFrontier.of(_baseline(0.0)) is None
