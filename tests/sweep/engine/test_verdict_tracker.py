"""The warning that the target of the gradient cannot be reached."""

import logging
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from fieldsharp.objectives.frontier.frontier import Frontier, FrontierCurve
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import TargetSettings
from fieldsharp.objectives.targets import Band, Targets
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.verdict_tracker import VerdictTracker
from fieldsharp.sweep.study.data_summary import BandSummary, DataSummary
from fieldsharp.sweep.study.frontier import targets_out_of_reach
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.trial_records import trial_record
from tests.sweep.empty_record import empty_record
from tests.sweep.fake_sweep import FakeExecutor, MakeSweep, metrics_of, report_of

TARGETS = Targets(gradient=Band(3.8, 4.2), peak=Band(140.0, 150.0, 40.0))
"""Of an observed gradient of 4: 0.95 of it."""


def _curve(cost: float) -> FrontierCurve:
    """From 10 at half of the gradient, straight to 10 times ``cost`` at all of it."""
    return FrontierCurve(
        gradient_shares=[0.5, 1.0],
        rmse=[10.0, 10.0 * cost],
        orthogonality=0.0,
        bias=0.0,
        rmse_as_trained=10.0,
        gradient_share_as_trained=0.5,
    )


def _frontier(*costs: float) -> Frontier:
    return Frontier(
        overall=_curve(sum(costs) / len(costs)),
        by_lead=[_curve(cost) for cost in costs],
        windows=8,
        blocks=2,
    )


def _baseline(gradient_observed: float = 4.0) -> MetricValues:
    overall = {"rmse": 10.0, "gradient_observed": gradient_observed}
    return MetricValues(overall=overall, by_lead={"rmse": [10.0, 10.0]})


def test_the_lead_is_named_and_how_much_of_the_gradient_it_allows() -> None:
    # An RMSE of 12.5 allows 0.5 + 0.5 * 2.5 / 5 of the gradient at lead 2.
    said = targets_out_of_reach(_frontier(1.1, 1.5), _baseline(), TARGETS, [1.25, 1.25])
    (at_lead,) = [sentence for sentence in said if sentence.startswith("at lead 2 ")]
    assert "reaches 0.75 of the observed gradient at most" in at_lead
    assert "ask for a shorter lead, or members" in at_lead
    assert not any("at lead 1 " in sentence for sentence in said)


@pytest.mark.parametrize(
    ("frontier", "observed"),
    [(_frontier(1.1, 1.2), 4.0), (_frontier(1.5, 1.5), 0.0)],
    ids=["within reach", "no gradient observed"],
)
def test_nothing_is_said_within_reach_or_where_nothing_is_observed(
    frontier: Frontier, observed: float
) -> None:
    assert targets_out_of_reach(frontier, _baseline(observed), TARGETS, [1.25, 1.25]) == []


def test_a_sweep_warns_once_the_baseline_is_complete(
    make_sweep: MakeSweep, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_frontier(epoch: int, metrics: dict[str, float]):  # type: ignore[no-untyped-def]
        report = report_of(epoch, metrics)
        return replace(report, frontier=_frontier(1.9))

    monkeypatch.setattr("tests.sweep.fake_sweep.report_of", with_frontier)
    seen = {(n, e): metrics_of() | {"gradient_observed": 3.2} for n in range(9) for e in range(9)}
    sweep = make_sweep(trials=2)
    with caplog.at_level(logging.WARNING):
        sweep.run(FakeExecutor(metrics=seen))
    assert caplog.text.count("of the observed gradient at most within an RMSE of 12.5") == 2
    assert caplog.text.count("at lead 1 ") == 1


def test_a_target_set_by_the_name_of_a_level_is_compared_with_the_baseline(
    tiny_config: SweepConfig, tiny_facts: DataSummary, caplog: pytest.LogCaptureFixture
) -> None:
    data = tiny_config.data.model_copy(update={"variable": None, "predict": ("t@level=850",)})
    targets = TargetSettings.model_validate({"t@level=850": {"gradient": 0.9}})
    objective = tiny_config.objective.model_copy(update={"targets": targets})
    config = tiny_config.model_copy(update={"data": data, "objective": objective})
    band = BandSummary(low=0.9, high=1.1, offset=0.0)
    facts = tiny_facts.model_copy(update={"variable": "t", "gradient": band})
    repository = cast(StudyRepository, SimpleNamespace(config=config))

    VerdictTracker(repository, facts).warn_of_baseline(empty_record(0.1))  # its gradient is 1

    assert "the target of the gradient, 0.9, lies below the 1 that" in caplog.text
    assert "raise objective.targets.t@level=850.gradient or use auto" in caplog.text


def test_the_limit_of_the_error_is_fixed_and_stored_when_the_baseline_is_complete(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_frontier(epoch: int, metrics: dict[str, float]):  # type: ignore[no-untyped-def]
        return replace(report_of(epoch, metrics), frontier=_frontier(1.05))

    monkeypatch.setattr("tests.sweep.fake_sweep.report_of", with_frontier)
    # An RMSE of 11.5 is above 1.05 times 1.09 of the baseline's, and below 1.25 of it.
    sweep = make_sweep(trials=2)
    sweep.run(FakeExecutor(metrics={(1, epoch): metrics_of(rmse=11.5) for epoch in range(9)}))
    baseline, trial = (trial_record(one) for one in sweep.trials)
    assert baseline is not None
    assert trial is not None
    assert baseline.rmse_multiples == pytest.approx([1.1445])
    assert trial.rmse_multiples == []
    broken = {guard.name: guard.limit for guard in trial.guards if not guard.ok}
    assert broken == {"rmse": pytest.approx(11.445)}
