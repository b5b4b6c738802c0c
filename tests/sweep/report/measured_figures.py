"""A confirmation whose test split has figures to work by hand, and its runs."""

from typing import Any

from fieldsharp.objectives.leads.intervals import Interval, SharpnessIntervals
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.sweep.study.confirmation import records
from fieldsharp.sweep.study.confirmation.over_seeds import SeedOutcome, Spread
from fieldsharp.sweep.study.confirmation.records import BandsOfSplit, Confirmation, TestedForecast
from fieldsharp.sweep.study.confirmation.runs import ConfirmedRun, Runs
from fieldsharp.sweep.study.data_summary import BandSummary
from tests.sweep.study.confirmation.seed_runs import compared, confirmed, lead, referenced

BANDS = BandsOfSplit(
    gradient=BandSummary(low=2.0, high=2.2, offset=0.0),
    peak=BandSummary(low=10.0, high=11.0, offset=2.0),
)


def interval(value: float) -> Interval:
    return Interval(value=value, low=value - 0.25, high=value + 0.25)


def forecast(value: float, *, seeds: int = 2, **known: Any) -> TestedForecast:
    """Gradient, peak and RMSE have this value with each seed, and an interval of 0.25 around it."""
    spread = Spread(mean=value, error=0.5)
    share = interval(value)
    return TestedForecast(
        **{
            "score": spread,
            "held_score": spread,
            "gradient": spread,
            "peak": spread,
            "rmse": spread,
            "rmse_over_baseline": value,
            "below_baseline": None,
            "feasible": seeds,
            "outcomes": [SeedOutcome(seed=seed + 1) for seed in range(seeds)],
            "intervals": [SharpnessIntervals(gradient=share, peak=share, rmse=share)],
            **known,
        }
    )


def values(gradient: float, peak: float, rmse: float, **more: float) -> MetricValues:
    """Metrics beside an observed gradient of 2 and a peak of 10."""
    found = {"gradient": gradient, "peak": peak, "rmse": rmse, **more}
    return MetricValues(
        overall={**found, "gradient_observed": 2.0, "peak_observed": 10.0}, by_lead={}
    )


def a_confirmation(**known: Any) -> Confirmation:
    """The baseline, trial 4 which wins, and the baseline under inflate, with two seeds."""
    trials = confirmed(t0=[(1.0, 1.0)] * 2, t4=[(2.0, 1.0)] * 2)
    found = records.Tested(
        **{
            "baseline": forecast(1.0),
            "winner": forecast(1.5),
            "reference": forecast(1.25),
            "sharpener": "inflate",
            "leads": [lead(4, 0.1, 0.01), lead(4, 0.05, 0.2, reference="inflate")],
            "blocks": 12,
            "readings": 1,
            **dict(BANDS),
            **known,
        }
    )
    return compared(trials, referenced([(1.0, 1.0)] * 2, inflate=[(1.6, 1.0)] * 2), tested=found)


def some_runs() -> Runs:
    """Of the baseline with inflate and of trial 4, with both seeds; and of a third seed."""
    runs: Runs = {}
    for seed, skill in ((1, 0.1), (2, 0.3), (3, 99.0)):
        runs[0, seed] = ConfirmedRun(
            trial=0,
            seed=seed,
            judgement=values(1.0, 6.0, 2.0, skill_persistence=skill, anomaly_correlation=0.5),
            sharpened={"inflate": values(1.6, 8.0, 2.5, skill_persistence=skill / 2)},
        )
        runs[4, seed] = ConfirmedRun(
            trial=4, seed=seed, judgement=values(2.0, 9.0, 3.0, skill_persistence=2 * skill)
        )
    return runs
