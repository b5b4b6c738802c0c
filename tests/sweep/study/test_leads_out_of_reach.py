"""Leads that are out of reach, from the record of a baseline and the targets of its study."""

import pytest

from fieldsharp.objectives.frontier.frontier import Frontier
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.verdict_inputs import results_of
from tests.sweep.empty_record import empty_record
from tests.sweep.study.test_frontier import CURVE, FRONTIER


@pytest.mark.parametrize(
    ("frontier", "observed", "leads"),
    [(FRONTIER, True, [1]), (None, True, []), (FRONTIER, False, [])],
)
def test_a_lead_is_out_of_reach_by_the_frontier_and_the_share_that_is_asked_for(
    tiny_config: SweepConfig,
    tiny_facts: DataSummary,
    frontier: Frontier | None,
    observed: bool,
    leads: list[int],
) -> None:
    asked = tiny_facts.targets.gradient.low
    climatology = CURVE.rmse_full - 0.5  # the target is the whole of what is observed
    overall = {"rmse": 2.1, "rmse_climatology": climatology}
    values = MetricValues(
        overall=overall | ({"gradient_observed": asked} if observed else {}),
        by_lead={"rmse": [2.1], "rmse_climatology": [climatology]},
    )
    baseline = empty_record(0.5).model_copy(update={"judgement": values, "frontier": frontier})

    found = results_of([], baseline, tiny_config, tiny_facts, to_come=0)

    assert [one.lead for one in found.out_of_reach] == leads
