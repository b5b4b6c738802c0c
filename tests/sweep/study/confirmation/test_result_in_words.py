"""What is said of the winner, and of references beside it; see `seed_runs` for the scores."""

import math

import pytest

from fieldsharp.sweep.study.confirmation.result_in_words import held_scores, in_words
from fieldsharp.sweep.study.confirmation.seed_scoring import winner
from tests.sweep.study.confirmation.seed_runs import (
    Figures,
    confirmation_with_references,
    confirmed,
    referenced,
)

BASE = [(1.0, 1.0), (1.0, 1.0)]


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
    trials = confirmed(t0=baseline, t4=trial)
    best = winner(trials)
    assert best is trials[1]
    assert words in in_words(best, trials)


def test_a_tie_is_said_to_be_one() -> None:
    close = 2.0 * math.exp(-0.0005)
    trials = confirmed(t0=[(1.0, 1.0)], t4=[(2.0, 0.95)], t5=[(close, 0.9)])
    best = winner(trials)
    assert best is trials[2]
    assert in_words(best, trials).endswith(
        "; it has a lower RMSE than trial 4 (0), whose score is lower, which counts as equal "
        "(within 0.001)"
    )
    beside = confirmed(t0=[(2.0, 1.0)], t4=[(close, 0.9)])
    assert in_words(winner(beside), beside) == (
        "trial 4 wins: its mean score on the test split, 0.0005, lies 0.0005 above the "
        "baseline's, which counts as equal (within 0.001), and its RMSE is lower"
    )
    behind = confirmed(t0=[(close, 1.0)], t4=[(2.0, 1.0 + 1e-9)])
    assert in_words(winner(behind), behind) == (
        "the baseline (trial 0) wins: on the test split the nearest, trial 4, has a mean score "
        "0.0005 lower, which counts as equal (within 0.001), and its RMSE is no lower"
    )


def test_the_best_feasible_reference_is_compared_with_the_winner() -> None:
    trials = confirmed(t0=BASE, t4=[(1.9, 1.0), (1.8, 1.0)])
    references = referenced(
        BASE,
        calibrate=[(0.9, 1.0)] * 2,
        inflate=[(1.6, 1.0), (1.6, 1.0)],
        quantile=[(2.0, 1.3)] * 2,  # the guard rmse
    )
    said = in_words(winner(trials), trials, references)
    # ln(2 / 1.6) = 0.2231; less ln(2 / 1.9) and ln(2 / 1.8) that is 0.1719 and 0.1178
    assert said.startswith("trial 4 wins: ")
    assert said.endswith(
        "; the baseline under inflate, without any further training, has 0.2231, 0.1448 higher, "
        "5.4 standard errors of the differences by seed"
    )
    unclear = referenced(BASE, inflate=[(1.95, 1.0), (1.6, 1.0)])
    assert in_words(winner(trials), trials, unclear).endswith("so the two cannot be told apart")


def test_a_reference_that_beats_every_trial_is_said_to() -> None:
    trials = confirmed(t0=BASE, t4=[(1.6, 1.0), (1.5, 1.0)])
    references = referenced(BASE, inflate=[(1.9, 1.0)] * 2)
    best = winner(trials)
    assert best is trials[1], "a reference is no trial"
    assert in_words(best, trials, references).endswith(
        "; the baseline under inflate, without any further training, is better than every trial: "
        "its mean score, 0.05129, lies 0.2041 below that of trial 4, 6.3 standard errors of the "
        "differences by seed"
    )
    unclear = referenced(BASE, inflate=[(1.9, 1.0), (1.51, 1.0)])
    assert in_words(best, trials, unclear).endswith("by seed, which may be luck")
    close = 2.0 * math.exp(-0.0005)
    level = confirmed(t0=[(1.0, 1.0)], t4=[(2.0, 1.2)])  # 0.05 for its RMSE
    equal = referenced([(1.0, 1.0)], unsharp=[(2.0 * math.exp(-0.0505), 1.0)])
    assert in_words(winner(level), level, equal).endswith(
        "is better than every trial: its mean score, 0.0505, is that of trial 4 within 0.001, and "
        "its RMSE is lower"
    )
    no_better = referenced([(1.0, 1.0)], unsharp=[(close, 1.0)])
    same = confirmed(t0=[(1.0, 1.0)], t4=[(2.0, 1.0)])
    assert in_words(winner(same), same, no_better).endswith(
        "has 0.0005, which counts as equal (within 0.001), and its RMSE is no lower"
    )


def test_a_reference_can_beat_a_baseline_that_no_trial_beats() -> None:
    trials = confirmed(t0=BASE, t4=[(0.9, 1.0)] * 2)
    said = in_words(trials[0], trials, referenced(BASE, inflate=[(1.9, 1.0)] * 2))
    assert said.startswith("the baseline (trial 0) wins: ")
    assert "is better than every trial: its mean score, 0.05129, lies 0.6419 below that of" in said
    assert "that of the baseline as it is" in said


def test_references_that_break_guards_are_said_to_and_count_no_better() -> None:
    trials = confirmed(t0=BASE, t4=[(1.9, 1.0)] * 2)
    broken = referenced(BASE, inflate=[(2.0, 1.3)] * 2)
    assert in_words(winner(trials), trials, broken).endswith(
        "; under every sharpener the baseline, without any further training, breaks a guard or "
        "fails with half of its seeds or more"
    )
    three = [(1.0, 1.0)] * 3
    trials = confirmed(t0=three, t4=[(1.9, 1.0)] * 3)
    half = referenced(three, inflate=[(2.0, 1.0), (2.0, 1.0), (2.0, 1.3)])
    assert "inflate, without any further training, has 0.231 with 1 of 3 seeds, which broke" in (
        in_words(winner(trials), trials, half)
    )


def test_trials_are_named_with_their_sharpener() -> None:
    confirmation = confirmation_with_references()
    said = in_words(winner(confirmation.trials), confirmation.trials)
    assert said.startswith("trial 4 under unsharp wins: ")
    assert held_scores(confirmation) == (
        "baseline 0.6931, baseline under inflate 0.2231, baseline under quantile 0.6931 (cannot "
        "win), trial 4 under unsharp 0"
    )
