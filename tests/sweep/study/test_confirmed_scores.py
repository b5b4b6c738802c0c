"""Scores over seeds, worked by hand.

Targets: gradient 2.0 to 2.2, peak 10 to 11; every peak is 10.5, so the score of (gradient 1.6, rmse
1.2) beside a baseline of rmse 1.0 is ln(2.0 / 1.6) + 0.25 (1.2 - 1). An RMSE above that of each
cell's mean, 9, breaks the guard climatology; one above 1.25 of the baseline's the guard rmse.
"""

import math

import pytest

from fields.errors import FieldsharpError
from objectives.judgement import Judgement
from objectives.settings import ObjectiveSettings
from objectives.targets import Band, Targets
from sweep.study.confirmation import ConfirmedRun, ConfirmedTrial, Runs
from sweep.study.confirmed_scores import (
    Scoring,
    confirmed_trials,
    in_words,
    spread,
    winner,
)

SCORING = Scoring(ObjectiveSettings(), Targets(Band(2.0, 2.2), Band(10.0, 11.0)))
Figures = tuple[float, float] | str
"""Gradient and RMSE, or why the training failed."""


def _run(trial: int, seed: int, figures: Figures) -> ConfirmedRun:
    if isinstance(figures, str):
        return ConfirmedRun(trial=trial, seed=seed, failure=figures)
    gradient, rmse = figures
    judgement = Judgement(
        overall={"gradient": gradient, "peak": 10.5, "rmse": rmse},
        by_lead={"rmse": [rmse], "rmse_climatology": [9.0]},
    )
    return ConfirmedRun(trial=trial, seed=seed, judgement=judgement)


def _confirmed(**trials: list[Figures]) -> list[ConfirmedTrial]:
    """From t0=..., t4=... with one entry for each of the seeds 1, 2, ..."""
    runs: Runs = {}
    for name, entries in trials.items():
        for seed, figures in enumerate(entries, start=1):
            runs[int(name[1:]), seed] = _run(int(name[1:]), seed, figures)
    words = {int(name[1:]): f"words of {name}" for name in trials}
    seeds = sorted({seed for _, seed in runs})
    return confirmed_trials(words, seeds, runs, SCORING)


def test_mean_and_standard_error() -> None:
    assert spread([]) is None
    one, three = spread([0.5]), spread([1.0, 2.0, 6.0])
    assert one is not None
    assert (one.mean, one.error) == (0.5, None)
    assert three is not None
    # deviations -2, -1, 3: 14 / 2 = 7, over the three seeds
    assert three.mean == 3.0
    assert three.error == pytest.approx(math.sqrt(7 / 3))


def test_a_configuration_is_scored_beside_the_baseline_with_the_same_seed() -> None:
    baseline, trial = _confirmed(
        t0=[(1.0, 1.0), (1.0, 2.0), (0.5, 1.0)],
        t4=[(1.6, 1.2), (2.0, 2.0), (1.0, 1.0)],
    )
    scores = [math.log(1.25) + 0.05, 0.0, math.log(2.0)]
    assert [o.score for o in trial.outcomes] == pytest.approx(scores)
    assert trial.score is not None
    assert trial.score.mean == pytest.approx(sum(scores) / 3)
    assert trial.gradient is not None
    assert trial.gradient.mean == pytest.approx(4.6 / 3)
    assert trial.rmse_over_baseline == pytest.approx((4.2 / 3) / (4.0 / 3))
    assert baseline.rmse_over_baseline == 1.0
    assert baseline.below_baseline is None
    # ln 2, ln 2 and ln 4 of the baseline, less the scores
    gains = [math.log(2.0) - scores[0], math.log(2.0), math.log(2.0)]
    mean = sum(gains) / 3
    assert trial.below_baseline is not None
    assert trial.below_baseline.mean == pytest.approx(mean)
    error = math.sqrt(sum((gain - mean) ** 2 for gain in gains) / 2 / 3)
    assert trial.below_baseline.error == pytest.approx(error)
    said = in_words(winner([baseline, trial]), [baseline, trial])
    assert said.startswith("trial 4 wins: its mean score on the test split, 0.3221, lies ")
    assert f"{mean:.4g} below the baseline's, {mean / error:.1f} standard errors" in said
    assert "luck" not in said


def test_the_lowest_mean_wins_among_those_feasible_with_more_than_half_of_the_seeds() -> None:
    trials = _confirmed(
        t0=[(1.0, 1.0)] * 4,
        t3=[(2.0, 1.0), (2.0, 1.0), (2.0, 1.3), (2.0, 1.3)],  # half of them break the guard rmse
        t5=[(1.7, 1.0), (1.7, 1.0), (1.7, 1.0), (1.7, 1.3)],
        t7=[(1.5, 1.0)] * 4,
    )
    assert [trial.feasible for trial in trials] == [4, 2, 3, 4]
    assert [o.guards_broken for o in trials[1].outcomes] == [[], [], ["rmse"], ["rmse"]]
    best = winner(trials)
    assert best is not None
    assert best.trial == 5


def test_the_baseline_can_win_and_so_can_nobody() -> None:
    worse = _confirmed(t0=[(1.0, 1.0)] * 2, t4=[(0.9, 1.0)] * 2)
    assert winner(worse) is worse[0]
    assert in_words(worse[0], worse).startswith("the baseline (trial 0) wins")
    broken = _confirmed(t0=[(1.0, 9.5)] * 2, t4=[(2.0, 9.5)] * 2)
    assert winner(broken) is None
    assert in_words(None, broken).startswith("nothing wins")


def test_of_equals_the_baseline_wins() -> None:
    trials = _confirmed(t0=[(1.0, 1.0)] * 2, t4=[(1.0, 1.0)] * 2)
    assert winner(trials) is trials[0]


def test_a_failed_run_is_not_feasible_and_a_trial_that_always_fails_cannot_win() -> None:
    trials = _confirmed(
        t0=[(1.0, 1.0)] * 3,
        t4=[(2.0, 1.0), "it diverged", "it diverged"],
        t6=["it diverged"] * 3,
    )
    assert [trial.feasible for trial in trials] == [3, 1, 0]
    assert [o.failure for o in trials[1].outcomes] == [None, "it diverged", "it diverged"]
    assert trials[2].score is None
    assert trials[2].rmse_over_baseline is None
    assert winner(trials) is trials[0]


def test_where_the_baseline_failed_there_is_nothing_to_compare_with() -> None:
    baseline, trial = _confirmed(
        t0=[(1.0, 1.0), "it diverged", (1.0, 1.0)], t4=[(2.0, 1.0), (0.1, 1.0), (1.9, 1.0)]
    )
    assert [o.seed for o in baseline.outcomes] == [1, 2, 3]
    assert baseline.feasible == 2
    assert [o.seed for o in trial.outcomes] == [1, 3]
    assert trial.score is not None
    assert trial.score.mean == pytest.approx(math.log(2.0 / 1.9) / 2)


def test_a_baseline_that_always_failed_is_an_error() -> None:
    with pytest.raises(FieldsharpError, match=r"\(trial 0\) failed with every .*: it diverged"):
        _confirmed(t0=["it diverged"] * 2, t4=[(2.0, 1.0)] * 2)


@pytest.mark.parametrize(
    ("baseline", "trial", "words"),
    [
        ([(1.0, 1.0)], [(2.0, 1.0)], "no error can be told"),
        ([(1.0, 1.0)] * 2, [(2.0, 1.0)] * 2, "no error can be told"),
        ([(1.0, 1.0)] * 2, [(2.0, 1.0), (0.9, 1.0)], "which may be luck"),
        ([(1.9, 9.5)] * 2, [(1.8, 8.0)] * 2, "above the baseline's but a guard is broken by it"),
    ],
    ids=["one seed", "no difference", "unclear", "a baseline that breaks a guard"],
)
def test_the_winner_is_not_praised_too_much(
    baseline: list[Figures], trial: list[Figures], words: str
) -> None:
    trials = _confirmed(t0=baseline, t4=trial)
    best = winner(trials)
    assert best is trials[1]
    assert words in in_words(best, trials)
