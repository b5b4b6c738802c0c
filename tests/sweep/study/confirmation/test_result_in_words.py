"""What is said of the winner, of references beside it, and of its test; scores: `seed_runs`."""

import math
from typing import Any

import pytest

from fieldsharp.objectives.leads.intervals import Interval, SharpnessIntervals
from fieldsharp.sweep.study.confirmation.result_in_words import held_scores, in_words
from tests.sweep.study.confirmation.seed_runs import (
    Figures,
    compared,
    confirmation_with_references,
    confirmed,
    lead,
    on_test_split,
    referenced,
)

BASE: list[Figures] = [(1.0, 1.0)] * 3
GOOD: list[Figures] = [(1.9, 1.0)] * 3


def test_a_winner_is_named_with_its_chance_and_how_many_were_compared() -> None:
    trials = confirmed(t0=BASE, t4=GOOD, t5=[(1.5, 1.0)] * 3)
    leads = [lead(4, 0.642, 0.004), lead(5, 0.4, 0.01)]
    assert in_words(compared(trials, over_baseline=leads)) == (
        "trial 4 wins with 3 new seeds on the validation split: it is ahead of the baseline by "
        "0.642 in score (chance 0.004, 10 blocks, 3 seeds), among 2 that were compared"
    )


def test_a_trial_whose_lead_may_be_chance_is_refused() -> None:
    trials = confirmed(t0=BASE, t4=GOOD)
    found = compared(trials, winner=0, over_baseline=[lead(4, 0.02, 0.3, compared=1)])
    assert found.refused == 4
    assert in_words(found) == (
        "no trial wins: trial 4, the best with 3 new seeds on the validation split, is ahead of "
        "the baseline by 0.020 in score (chance 0.3), ahead by 0.0 % in RMSE (chance 1, 10 "
        "blocks, 3 seeds), which may be chance"
    )


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"blocks": 8}, "too few independent windows (8 blocks, 10 are needed): it can't be told"),
        ({"seeds": 1}, "a single seed tells nothing of others: it can't be told from chance"),
        ({"blocks": None}, "without statistics of its windows, so this is provisional"),
    ],
)
def test_what_cannot_be_told_is_said_to(known: dict[str, Any], words: str) -> None:
    trials = confirmed(t0=BASE, t4=GOOD)
    said = in_words(compared(trials, over_baseline=[lead(4, 0.642, **known)]))
    assert said.startswith("trial 4 is the best with 3 new seeds on the validation split: it is ")
    assert words in said


def test_without_windows_the_mean_scores_are_compared() -> None:
    assert in_words(compared(confirmed(t0=BASE, t4=GOOD))) == (
        "trial 4 wins with 3 new seeds on the validation split: its mean score lies 0.6419 below "
        "the baseline's"
    )
    worse = confirmed(t0=[(1.9, 9.5)] * 2, t4=[(1.8, 8.0)] * 2)  # the baseline breaks climatology
    assert "lies 0.05407 above the baseline's" in in_words(compared(worse))


def test_a_guard_that_breaks_with_some_seed_is_named() -> None:
    trials = confirmed(t0=BASE, t4=[(2.0, 1.0), (2.0, 1.0), (2.0, 1.3)])
    said = in_words(compared(trials))
    assert said.endswith("; it breaks rmse (1.3, limit 1.25) with 1 of 3 seeds")


def test_a_baseline_that_none_beat_wins() -> None:
    close = 2.0 * math.exp(-0.0005)
    behind = confirmed(t0=[(close, 1.0)], t4=[(2.0, 1.0 + 1e-9)])
    assert in_words(compared(behind)) == (
        "the baseline (trial 0) wins: on the validation split the nearest, trial 4, has a mean "
        "score 0.0005 lower, which counts as equal (within 0.001), and its RMSE is no lower"
    )
    worse = confirmed(t0=GOOD, t4=BASE)
    assert in_words(compared(worse)).endswith("trial 4, has a mean score 0.6419 higher")
    broken = confirmed(t0=BASE, t4=[(2.0, 1.3)] * 3)
    assert "every other configuration breaks a guard" in in_words(compared(broken))
    nobody = confirmed(t0=[(1.0, 9.5)] * 2, t4=[(2.0, 9.5)] * 2)
    assert in_words(compared(nobody)).startswith("nothing wins: no configuration, the baseline")


def test_the_best_reference_is_compared_with_the_best_trial() -> None:
    trials = confirmed(t0=BASE, t4=GOOD)
    references = referenced([(1.0, 1.0)] * 3, inflate=[(1.6, 1.0)] * 3, quantile=[(2.0, 1.3)] * 3)
    ahead = [lead(4, 0.17, 0.01, reference="inflate", compared=1)]
    said = in_words(compared(trials, references, over_reference=ahead))
    assert said.endswith(
        "; it is ahead of the baseline under inflate by 0.170 in score (chance 0.01, 10 blocks, 3 "
        "seeds)"
    )
    unclear = [lead(4, 0.17, 0.4, reference="inflate", compared=1)]
    assert in_words(compared(trials, references, over_reference=unclear)).endswith("may be chance")
    behind = [lead(4, -0.1, 1.0, reference="inflate", compared=1)]
    assert (
        "the baseline under inflate, without any further training, is better: the trial is behind"
        in in_words(compared(trials, references, over_reference=behind))
    )
    unknown = in_words(compared(trials, references))
    assert unknown.endswith("inflate, without any further training, has a mean score of 0.2231")
    broken = referenced([(1.0, 1.0)] * 3, quantile=[(2.0, 1.3)] * 3)
    assert "under every sharpener the baseline" in in_words(compared(trials, broken))


def test_the_test_is_told_with_intervals_broken_guards_and_how_often_it_was_read() -> None:
    trials = confirmed(t0=BASE, t4=[(1.9, 1.0), (1.9, 1.0), (1.9, 1.3)])
    (reference,) = referenced([(1.0, 1.0)] * 3, inflate=[(1.6, 1.0)] * 3)
    on_test = on_test_split(
        trials[0],
        trials[1],
        reference,
        leads=[lead(4, 0.1, 0.02, compared=1), lead(4, 0.05, 0.2, reference="inflate", compared=1)],
        readings=2,
    )

    def share(value: float, low: float | None = None, high: float | None = None) -> Interval:
        return Interval(value=value, low=low, high=high)

    figures = SharpnessIntervals(
        gradient=share(0.97, 0.93, 1.01), peak=share(0.95), rmse=share(1.01, 0.99, 1.03)
    )
    assert on_test.winner is not None
    of_winner = on_test.winner.model_copy(update={"intervals": [figures]})
    on_test = on_test.model_copy(update={"winner": of_winner})
    said = in_words(compared(trials, tested=on_test))
    assert said.partition("; on the test split")[2] == (
        ", read for 2 winners by now, it has 0.97 (0.93 to 1.01) of the observed gradient and 0.95 "
        "(can't be told more closely) of the peak at 1.01 (0.99 to 1.03) of the baseline's RMSE; "
        "it breaks rmse (1.3, limit 1.25) with 1 of 3 seeds; the baseline has a mean score of "
        "0.6931; the baseline under inflate has a mean score of 0.2231; there the winner is ahead "
        "of the baseline by 0.100 in score (chance 0.02, 10 blocks, 3 seeds) and ahead of the "
        "baseline under inflate by 0.050 in score (chance 0.2), ahead by 0.0 % in RMSE (chance 1, "
        "10 blocks, 3 seeds)"
    )


def test_trials_are_named_with_their_sharpener() -> None:
    confirmation = confirmation_with_references()
    assert in_words(confirmation).startswith("trial 4 under unsharp wins with 1 new seed on ")
    assert held_scores(confirmation) == (
        "baseline 0.6931, baseline under inflate 0.2231, baseline under quantile 0.6931 (cannot "
        "win), trial 4 under unsharp 0"
    )
