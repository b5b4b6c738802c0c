"""Whether a confirmed forecast holds, from confirmations made by hand."""

from collections.abc import Sequence

import pytest

from fieldsharp.sweep.study.confirmation.outcome import confirmed_result
from fieldsharp.sweep.study.confirmation.over_seeds import (
    BrokenGuard,
    ConfirmedReference,
    ConfirmedTrial,
    OverSeeds,
    SeedOutcome,
    Spread,
)
from fieldsharp.sweep.study.confirmation.records import Confirmation
from fieldsharp.sweep.study.data_summary import BandSummary

REGION = BrokenGuard(name="region", lead=3, value=1.71, limit=1.6)
GOOD = SeedOutcome(seed=1, score=0.01)
BROKE = SeedOutcome(seed=2, score=0.01, guards_broken=["region"], broken=[REGION])


def over(
    score: float, gradient: float, peak: float, outcomes: Sequence[SeedOutcome] = (GOOD, GOOD, GOOD)
) -> OverSeeds:
    def figure(value: float) -> Spread:
        return Spread(mean=value, error=0.01)

    return OverSeeds(
        score=figure(score),
        held_score=figure(score),
        gradient=figure(gradient),
        peak=figure(peak),
        rmse=figure(1.0),
        rmse_over_baseline=1.0,
        below_baseline=figure(0.3 - score),
        feasible=sum(one.feasible for one in outcomes),
        outcomes=list(outcomes),
    )


def confirmation(trial: OverSeeds, reference: OverSeeds | None = None) -> Confirmation:
    baseline = ConfirmedTrial(trial=0, configuration="baseline", **dict(over(0.3, 2.1, 112.0)))
    return Confirmation(
        winner=5,
        sentence="trial 5 wins",
        baseline=0,
        seeds=[1, 2, 3],
        finished_trials=8,
        gradient=BandSummary(low=0.95, high=1.05, offset=0.0),
        peak=BandSummary(low=145.0, high=155.0, offset=50.0),
        trials=[
            baseline,
            ConfirmedTrial(trial=5, configuration="sorted", sharpening="quantile", **dict(trial)),
        ],
        references=[]
        if reference is None
        else [ConfirmedReference(name="spectral", **dict(reference))],
    )


def test_a_trial_that_reaches_its_targets_with_every_seed_holds() -> None:
    found = confirmed_result(confirmation(over(0.01, 1.0, 150.0)))
    assert found.trial is not None
    assert (found.trial.trial, found.trial.sharpener, found.trial.faults) == (5, "quantile", ())


# Half of both bands' width on the logarithmic scale is 0.05.
@pytest.mark.parametrize(
    ("gradient", "peak", "faults"),
    [
        (0.91, 150.0, ()),
        (0.90, 150.0, ("its gradient, 0.9, is short of 0.95",)),
        (1.0, 140.5, ()),
        (1.0, 139.0, ("its peak, 139, is short of 145",)),
        (1.11, 150.0, ("its gradient, 1.11, is above 1.05",)),
    ],
)
def test_a_target_may_be_missed_by_half_a_band(
    gradient: float, peak: float, faults: tuple[str, ...]
) -> None:
    found = confirmed_result(confirmation(over(0.01, gradient, peak)))
    assert found.ranking[0].faults == faults
    assert found.ranking[0].gains


def test_each_broken_guard_is_named_with_lead_value_limit_and_seeds() -> None:
    found = confirmed_result(confirmation(over(0.01, 1.0, 150.0, [GOOD, GOOD, BROKE])))
    assert found.best is None
    assert found.ranking[0].faults == ("breaks region (lead 3, 1.71, limit 1.6) with 1 of 3 seeds",)
    assert found.ranking[0].gains


def test_a_trial_that_is_no_better_than_the_baseline_does_not_hold() -> None:
    (found,) = confirmed_result(confirmation(over(0.2995, 1.0, 150.0))).ranking
    assert not found.gains
    assert "is no better than the baseline's" in found.faults[0]


def test_the_better_of_trial_and_reference_comes_first() -> None:
    found = confirmed_result(confirmation(over(0.05, 1.0, 150.0), over(0.01, 1.0, 150.0)))
    assert (found.trial, found.reference) == (None, found.ranking[0])
    assert found.ranking[0].sharpener == "spectral"


def test_a_failed_training_counts_as_one() -> None:
    failed = SeedOutcome(seed=3, failure="it diverged")
    found = confirmed_result(confirmation(over(0.01, 1.0, 150.0, [GOOD, GOOD, failed])))
    assert "its training fails with 1 of 3 seeds" in found.ranking[0].faults
