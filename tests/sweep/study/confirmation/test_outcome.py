"""Whether a confirmed forecast holds, from confirmations made by hand.

Those without a split are as earlier versions made them: everything on the test split.
"""

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
from tests.sweep.study.confirmation.seed_runs import (
    Figures,
    compared,
    confirmed,
    lead,
    on_test_split,
    referenced,
)

BASE: list[Figures] = [(1.0, 1.0)] * 3
SHARP: list[Figures] = [(2.0, 1.0)] * 3
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
    assert "fails to train with 1 of 3 seeds" in found.ranking[0].faults


def test_the_winner_has_to_hold_on_both_splits() -> None:
    trials = confirmed(t0=BASE, t4=SHARP)
    (held,) = confirmed_result(
        compared(
            trials, over_baseline=[lead(4, 0.6, 0.01)], tested=on_test_split(trials[0], trials[1])
        )
    ).ranking
    assert held.holds
    broken = confirmed(t0=BASE, t4=[(2.0, 1.0), (2.0, 1.0), (2.0, 1.3)])
    (on_test,) = confirmed_result(
        compared(trials, tested=on_test_split(broken[0], broken[1]))
    ).ranking
    assert on_test.faults == ("breaks rmse (1.3, limit 1.25) with 1 of 3 seeds on the test split",)
    assert on_test.gains
    (before,) = confirmed_result(
        compared(broken, tested=on_test_split(trials[0], trials[1]))
    ).ranking
    assert before.faults == (
        "breaks rmse (1.3, limit 1.25) with 1 of 3 seeds on the validation split",
    )
    short = confirmed(t0=BASE, t4=[(1.2, 1.0)] * 3)
    tested = on_test_split(short[0], short[1])
    (missed,) = confirmed_result(compared(trials, tested=tested)).ranking
    assert missed.faults == ("its gradient, 1.2, is short of 2 on the test split",)
    worse = confirmed(t0=SHARP, t4=BASE)
    (lost,) = confirmed_result(compared(trials, tested=on_test_split(worse[0], worse[1]))).ranking
    assert not lost.gains


def test_a_trial_whose_lead_may_be_chance_and_one_that_is_behind_do_not_hold() -> None:
    trials = confirmed(t0=BASE, t4=[(1.92, 1.0)] * 3, t5=[(1.97, 1.0)] * 3)
    leads = [lead(4, 0.01, 0.4), lead(5, 0.02, 0.3)]
    found = compared(trials, winner=0, best=5, over_baseline=leads, tested=on_test_split(trials[0]))
    best, behind = confirmed_result(found).ranking
    assert (best.trial, behind.trial) == (5, 4)
    assert best.faults[0].endswith("which may be chance")
    assert behind.faults == ("trial 5 was better on the validation split",)


@pytest.mark.parametrize(
    ("score", "chance", "first"), [(0.1, 0.01, 4), (0.1, 0.3, 0), (-0.1, 1.0, 0)]
)
def test_a_trial_comes_before_the_reference_only_if_it_is_ahead_by_more_than_chance(
    score: float, chance: float, first: int
) -> None:
    trials = confirmed(t0=BASE, t4=[(2.0, 1.0)] * 3)
    (reference,) = referenced([(1.0, 1.0)] * 3, inflate=[(2.0, 1.0)] * 3)
    found = compared(
        trials,
        [reference],
        over_baseline=[lead(4, 0.6, 0.01)],
        over_reference=[lead(4, score, chance, reference="inflate")],
        tested=on_test_split(trials[0], trials[1], reference),
    )
    ranking = confirmed_result(found).ranking
    assert ranking[0].trial == first
    assert all(one.holds for one in ranking)
    broken = referenced([(1.0, 1.0)] * 3, inflate=[(2.0, 1.3)] * 3)[0]
    on_test = on_test_split(trials[0], trials[1], broken)
    ranking = confirmed_result(found.model_copy(update={"tested": on_test})).ranking
    assert ranking[0].trial == 4, "a reference that breaks a guard is not before it"
