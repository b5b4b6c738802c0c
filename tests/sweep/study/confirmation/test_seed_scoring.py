"""Scores over seeds, worked by hand.

Targets: gradient 2.0 to 2.2, peak 10 to 11; every peak is 10.5, so the score of (gradient 1.6, rmse
1.2) beside a baseline of rmse 1.0 is ln(2.0 / 1.6) + 0.25 (1.2 - 1). An RMSE above that of each
cell's mean, 9, breaks the guard climatology; one above 1.25 of the baseline's the guard rmse.
"""

import math

import pytest

from fieldsharp.core.errors import FieldsharpError
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import Band, Targets
from fieldsharp.sweep.study.confirmation.records import ConfirmedRun, ConfirmedTrial, Runs
from fieldsharp.sweep.study.confirmation.seed_scoring import (
    SeedScoring,
    confirmed_trials,
    in_words,
    spread,
    winner,
)

SCORING = SeedScoring(ObjectiveSettings(), Targets(Band(2.0, 2.2), Band(10.0, 11.0)))
Figures = tuple[float, float] | str
"""Gradient and RMSE, or why the training failed."""


def _run(trial: int, seed: int, figures: Figures) -> ConfirmedRun:
    if isinstance(figures, str):
        return ConfirmedRun(trial=trial, seed=seed, failure=figures)
    gradient, rmse = figures
    judgement = MetricValues(
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
        t0=[(1.0, 1.0), (1.0, 2.0), (0.5, 1.0)], t4=[(1.6, 1.2), (2.0, 2.0), (1.0, 1.0)]
    )
    scores = [math.log(1.25) + 0.05, 0.0, math.log(2.0)]
    assert [o.score for o in trial.outcomes] == pytest.approx(scores)
    assert trial.score is not None
    assert trial.score.mean == pytest.approx(sum(scores) / 3)
    assert trial.gradient is not None
    assert trial.gradient.mean == pytest.approx(4.6 / 3)
    assert trial.held_score == trial.score, "it is feasible with every seed"
    assert baseline.held_score == baseline.score
    assert trial.rmse_over_baseline == pytest.approx((1.2 + 1.0 + 1.0) / 3)
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
        t5=[(1.9, 1.0), (1.9, 1.0), (1.9, 1.0), (1.9, 1.3)],
        t7=[(1.5, 1.0)] * 4,
    )
    assert [trial.feasible for trial in trials] == [4, 2, 3, 4]
    # (3 ln(2 / 1.9) + ln 2) / 4 = 0.212 and ln(2 / 1.5) = 0.288
    assert [o.guards_broken for o in trials[1].outcomes] == [[], [], ["rmse"], ["rmse"]]
    best = winner(trials)
    assert best is not None
    assert best.trial == 5


def test_a_seed_that_breaks_a_guard_or_fails_is_never_a_gain() -> None:
    trials = _confirmed(
        t0=[(1.0, 1.0)] * 3,
        t3=[(1.6, 1.0), (1.6, 1.0), (2.0, 1.3)],  # the guard rmse: 0.075, held at ln 2
        t5=[(1.6, 1.0), (1.6, 1.0), (0.5, 1.3)],  # ln 4 + 0.075, worse than the baseline's
        t7=[(1.6, 1.0), (1.6, 1.0), "it diverged"],
        t9=[(1.4, 1.0)] * 3,
    )
    fair, base = math.log(1.25), math.log(2.0)
    held = [3 * base, 2 * fair + base, 2 * fair + math.log(4.0) + 0.075, 2 * fair + base]
    held.append(3 * math.log(2.0 / 1.4))
    assert [t.held_score.mean for t in trials] == pytest.approx([total / 3 for total in held])
    below = [t.below_baseline.mean for t in trials if t.below_baseline]
    assert below == pytest.approx([base - total / 3 for total in held[1:]])
    plain = [t.score.mean for t in trials if t.score]
    assert plain[1] == pytest.approx((2 * fair + 0.075) / 3)
    assert plain[3] == pytest.approx(fair), "of the two seeds that did not fail"

    best = winner(trials)
    assert best is not None
    assert best.trial == 9, "0.357, though 3 and 7 would have 0.174 and 0.223 without being held"
    gamed = winner(trials[:2])
    assert gamed is trials[1]
    said = in_words(gamed, trials[:2])
    assert "test split, 0.3798 with 1 of 3 seeds, which broke a guard or failed, counted" in said
    assert "lies 0.3133 below the baseline's, 2.0 standard errors" in said


def test_rmse_is_compared_seed_by_seed() -> None:
    _, trial, failed = _confirmed(
        t0=[(1.0, 1.0), (1.0, 4.0), (1.0, 2.0)],
        t4=[(1.6, 1.2), (1.6, 4.0), "it diverged"],
        t6=["it diverged"] * 3,
    )
    assert trial.rmse_over_baseline == pytest.approx((1.2 + 1.0) / 2)  # not 2.6 over 2.33
    assert failed.rmse_over_baseline is None


def test_gamed_seeds_do_not_make_a_winner_beside_the_baseline() -> None:
    trials = _confirmed(
        t0=[(1.6, 1.0)] * 3,
        t4=[(1.59, 1.0), (1.59, 1.0), (2.0, 1.3)],  # 0.179 in the mean, the baseline 0.223
    )
    assert trials[1].mostly_feasible
    assert winner(trials) is trials[0]
    said = in_words(trials[0], trials)
    assert "the baseline (trial 0) wins" in said
    assert "the nearest, trial 4, has a mean score" in said


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
        t0=[(1.0, 1.0)] * 3, t4=[(2.0, 1.0), "it diverged", "it diverged"], t6=["it diverged"] * 3
    )
    assert [trial.feasible for trial in trials] == [3, 1, 0]
    assert [o.failure for o in trials[1].outcomes] == [None, "it diverged", "it diverged"]
    assert trials[2].score is None
    assert trials[2].held_score.mean == pytest.approx(math.log(2.0)), "the baseline's"
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
    assert trial.held_score == trial.score
    assert baseline.held_score.mean == pytest.approx(math.log(2.0))


def test_a_baseline_that_always_failed_is_an_error() -> None:
    with pytest.raises(FieldsharpError, match=r"\(trial 0\) failed with every .*: it diverged; "):
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
