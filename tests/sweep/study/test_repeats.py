"""What further seeds tell of the leaders of a search, from windows made by hand."""

import numpy as np
import pytest

from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.leads import over_seeds, resampling
from fieldsharp.objectives.leads.window_statistics import WindowStatistics
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import Band, Targets
from fieldsharp.sweep.study.confirmation.comparison import ConfirmedForecasts
from fieldsharp.sweep.study.confirmation.runs import ConfirmedRun
from fieldsharp.sweep.study.confirmation.seed_scoring import SeedScoring
from fieldsharp.sweep.study.repeats import LOOKS, LeadOverTrial, Repeats, in_words, leaders_compared
from tests.objectives.test_over_seeds import forecast, observed

WINDOWS, SEEDS = 60, 4


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "RESAMPLES", 400)
    monkeypatch.setattr(over_seeds, "RESAMPLES", 400)


def trained(*levels: float) -> ConfirmedForecasts:
    """The baseline, and trials of which each has a share of the observed gradient."""
    rng = np.random.default_rng(3)
    truth_W = np.exp(0.2 * rng.standard_normal(WINDOWS))
    runs = {}
    for number, level in enumerate((0.7, *levels)):
        for seed in range(SEEDS):
            own_W = level * truth_W * np.exp(0.01 * rng.standard_normal(WINDOWS))
            own_W = own_W * np.exp(0.005 * rng.standard_normal())
            mean = float(own_W.mean())
            runs[number, seed] = ConfirmedRun(
                trial=number,
                seed=seed,
                judgement=MetricValues(
                    overall={"gradient": mean, "peak": mean, "rmse": 1.0},
                    by_lead={"gradient": [mean], "peak": [mean], "rmse": [1.0]},
                ),
                window_statistics=WindowStatistics(
                    observed=observed(truth_W) if number == 0 else None,
                    forecasts={NO_SHARPENER: forecast(own_W, np.ones(WINDOWS))},
                ),
            )
    low, high = 0.95 * truth_W.mean(), 1.05 * truth_W.mean()
    bands = Targets(Band(low, high), Band(low, high, 0.0))
    names = {number: str(number) for number in range(len(levels) + 1)}
    scoring = SeedScoring(ObjectiveSettings(), bands)
    return ConfirmedForecasts.of(names, range(SEEDS), runs, scoring, 0)


def test_a_leader_that_is_clearly_behind_is_told_apart_and_one_that_is_alike_is_not() -> None:
    found = leaders_compared(trained(0.9, 0.9, 0.8))
    leads = {lead.trial: lead for lead in found.leads}
    assert found.best in (1, 2)
    assert leads[3].is_apart
    assert found.level == [3 - found.best]
    assert in_words(found).startswith(
        f"with 4 further seeds trial {found.best} is the best of the leaders; it is told apart "
        f"from trial 3; it cannot be told apart from trial {3 - found.best}, "
    )


def test_each_look_takes_its_share_of_a_false_alarm() -> None:
    forecasts = trained(0.9, 0.89)
    found = leaders_compared(forecasts)
    given = forecasts.over_seeds()
    assert given is not None
    (alone,) = given.leads([f"trial {found.best}"], f"trial {3 - (found.best or 0)}")
    assert alone.score_chance is not None
    assert alone.rmse_chance is not None
    expected = min(1.0, LOOKS * min(alone.score_chance, alone.rmse_chance))
    assert found.leads[0].chance == pytest.approx(expected)


def test_trials_that_earlier_seeds_told_apart_stay_named() -> None:
    found = Repeats(
        best=4, leads=[LeadOverTrial(trial=6, score=0.1, chance=0.01)], apart=[5], seeds=[1, 2, 3]
    )
    assert in_words(found) == (
        "with 3 further seeds trial 4 is the best of the leaders; it is told apart from trials 5 "
        "and 6"
    )
    nobody = Repeats(best=None, seeds=[1])
    assert in_words(nobody).startswith("with 1 further seed every leader breaks")
