"""What a report shows of the test split, from figures worked by hand."""

import pytest

from fieldsharp.objectives.leads.intervals import Interval, SharpnessIntervals
from fieldsharp.sweep.report.measured import measured_split, trial_on_test_split
from fieldsharp.sweep.study.confirmation.over_seeds import (
    BrokenGuard,
    SeedOutcome,
    Spread,
    VariableOverSeeds,
)
from fieldsharp.sweep.study.confirmation.records import BandsOfSplit
from fieldsharp.sweep.study.confirmation.runs import ConfirmedRun
from fieldsharp.sweep.study.data_summary import BandSummary
from tests.sweep.report.measured_figures import BANDS, a_confirmation, forecast, interval, some_runs


def test_baseline_reference_and_winner_have_their_figures_over_the_seeds() -> None:
    found = measured_split(a_confirmation(), some_runs())
    assert found is not None
    names = [one.name for one in found.forecasts]
    assert names == ["baseline", "baseline + inflate", "trial 4"]
    assert [one.is_winner for one in found.forecasts] == [False, False, True]
    assert [one.gradient.mean for one in found.forecasts] == [1.0, 1.25, 1.5]
    assert [one.peak.share for one in found.forecasts] == [*map(interval, (1.0, 1.25, 1.5))]
    assert [one.skill for one in found.forecasts] == pytest.approx([0.2, 0.1, 0.4])
    assert [one.correlation for one in found.forecasts] == [0.5, None, None]
    assert found.observed == {"gradient": 2.0, "peak": 10.0}
    assert (found.seeds, found.blocks, found.readings, len(found.leads)) == (2, 12, 1, 2)


def test_without_intervals_the_shares_are_means_over_the_seeds() -> None:
    confirmation = a_confirmation(
        baseline=forecast(1.0, intervals=None), winner=forecast(1.5, intervals=None)
    )
    found = measured_split(confirmation, some_runs())
    assert found is not None
    trial = found.forecasts[2]
    # 2 of 2, (9 - 2) of (10 - 2) and 3 of 2
    shares = [one.share for one in (trial.gradient, trial.peak, trial.rmse)]
    assert shares == [Interval(value=v, low=None, high=None) for v in (1.0, 0.875, 1.5)]


def test_a_trial_that_failed_with_every_seed_has_no_figures() -> None:
    outcomes = [SeedOutcome(seed=seed, failure="it diverged") for seed in (1, 2)]
    figures = ("score", "gradient", "peak", "rmse", "intervals")
    failed = forecast(1.5, feasible=0, outcomes=outcomes).model_copy(update=dict.fromkeys(figures))
    runs = some_runs()
    for seed in (1, 2):
        runs[4, seed] = ConfirmedRun(trial=4, seed=seed, failure="it diverged")
    found = measured_split(a_confirmation(winner=failed), runs)
    assert found is not None
    trial = found.forecasts[2]
    assert (trial.gradient.mean, trial.gradient.share, trial.skill, trial.score) == (None,) * 4
    assert trial.faults == ["fails to train with 2 of 2 seeds"]


def test_a_winner_that_is_the_baseline_stands_beside_its_best_reference() -> None:
    confirmation = a_confirmation(winner=None, leads=[]).model_copy(update={"winner": 0})
    found = measured_split(confirmation, some_runs())
    assert found is not None
    assert [one.name for one in found.forecasts] == ["baseline", "baseline + inflate"]
    assert [one.is_winner for one in found.forecasts] == [True, False]
    assert trial_on_test_split(confirmation) is None


def test_a_trial_that_was_tested_and_has_lost_since_keeps_its_number() -> None:
    confirmation = a_confirmation().model_copy(update={"winner": 0})
    found = measured_split(confirmation, some_runs())
    assert found is not None
    assert trial_on_test_split(confirmation) == 4
    assert [(one.name, one.is_winner) for one in found.forecasts] == [
        ("baseline", True),
        ("baseline + inflate", False),
        ("trial 4", False),
    ]


def test_each_of_several_variables_has_its_own_figures_and_guards() -> None:
    of_one = VariableOverSeeds(
        **{name: Spread(mean=7.0, error=None) for name in ("score", "gradient", "peak", "rmse")}
    )
    broken = SeedOutcome(
        seed=1,
        guards_broken=["spike", "u10: rmse"],
        broken=[
            BrokenGuard(name="spike", lead=2, value=3.0, limit=1.5),
            BrokenGuard(name="u10: rmse", lead=None, value=9.0, limit=8.0),
        ],
    )
    own = [
        SharpnessIntervals(**dict.fromkeys(("gradient", "peak", "rmse"), interval(value)))
        for value in (1.5, 3.0)
    ]
    winner = forecast(
        1.5,
        seeds=1,
        feasible=0,
        outcomes=[broken],
        intervals=own,
        variables={"t2m": of_one, "u10": of_one},
    )
    other = BandsOfSplit(
        gradient=BandSummary(low=5.0, high=6.0, offset=0.0),
        peak=BandSummary(low=7.0, high=8.0, offset=0.0),
    )
    confirmation = a_confirmation(
        baseline=forecast(1.0, intervals=own),
        winner=winner,
        reference=None,
        variables={"t2m": BANDS, "u10": other},
    )
    found = measured_split(confirmation, some_runs(), "u10")
    assert found is not None
    trial = found.forecasts[1]
    assert found.bands == other
    assert (trial.gradient.mean, trial.gradient.share) == (7.0, interval(3.0))
    assert trial.faults == ["breaks rmse (9, limit 8) with 1 of 1 seeds"]
    first = measured_split(confirmation, some_runs(), "t2m")
    assert first is not None
    assert first.forecasts[1].faults == ["breaks spike (lead 2, 3, limit 1.5) with 1 of 1 seeds"]
    together = measured_split(confirmation, some_runs())
    assert together is not None
    assert len(together.forecasts[1].faults) == 2
