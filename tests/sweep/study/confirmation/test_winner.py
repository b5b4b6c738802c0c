"""Which trial is fixed as the winner, and for how long."""

from typing import Any

from fieldsharp.sweep.study.confirmation.records import Confirmation, FixedWinner
from fieldsharp.sweep.study.confirmation.seed_scoring import winner
from fieldsharp.sweep.study.confirmation.winner import fixed_winner, may_be_chance
from tests.sweep.study.confirmation.seed_runs import Figures, compared, confirmed, lead, referenced

BASE: list[Figures] = [(1.0, 1.0)] * 3
GOOD: list[Figures] = [(1.9, 1.0)] * 3
CLEAR, CHANCE = 0.01, 0.3


def comparison(**trials: float | None) -> Confirmation:
    """Trials by name with the chance of their lead over the baseline; the first is the best."""
    figures = {name: [(1.95 - 0.1 * k, 1.0)] * 3 for k, name in enumerate(trials)}
    leads = [lead(int(name[1:]), 0.5, chance) for name, chance in trials.items()]
    return compared(confirmed(t0=BASE, **figures), over_baseline=leads)


def fixed(found: Confirmation, earlier: FixedWinner | None = None) -> FixedWinner:
    return fixed_winner(found, winner(found.trials), None, earlier)


def a_winner(**given: Any) -> FixedWinner:
    return FixedWinner(**{"reference": None, "seeds": [1, 2, 3], **given})


def test_the_best_trial_is_fixed_unless_its_lead_may_be_chance() -> None:
    assert fixed(comparison(t4=CLEAR, t5=CLEAR)) == a_winner(trial=4, compared=[0, 4, 5])
    assert fixed(comparison(t4=CHANCE, t5=CLEAR)).trial == 0
    unknown = compared(confirmed(t0=BASE, t4=GOOD))
    assert fixed(unknown).trial == 4, "without statistics of windows the mean decides"


def test_a_lead_that_cannot_be_told_is_taken_as_it_is() -> None:
    assert may_be_chance(lead(4, 0.5, CHANCE))
    assert not may_be_chance(lead(4, 0.5, CLEAR))
    assert not may_be_chance(lead(4, 0.001, None, blocks=8))
    assert not may_be_chance(None)
    assert fixed(comparison(t4=None)).trial == 4


def test_the_best_reference_is_fixed_with_it() -> None:
    found = comparison(t4=CLEAR)
    (reference,) = referenced([(1.0, 1.0)] * 3, inflate=[(1.6, 1.0)] * 3)
    assert fixed_winner(found, winner(found.trials), reference, None).reference == "inflate"


def test_a_winner_stays_with_more_seeds_and_fewer_trials() -> None:
    earlier = a_winner(trial=5, compared=[0, 4, 5], seeds=[1])
    assert fixed(comparison(t4=CLEAR, t5=CLEAR), earlier) == a_winner(trial=5, compared=[0, 4, 5])
    assert fixed(comparison(t4=CLEAR), earlier).trial == 5


def test_another_winner_among_new_trials_is_another_reading_of_the_test_split() -> None:
    earlier = a_winner(trial=5, compared=[0, 5])
    another = fixed(comparison(t4=CLEAR, t5=CLEAR), earlier)
    assert (another.trial, another.compared, another.readings) == (4, [0, 4, 5], 2)
    same = fixed(comparison(t5=CLEAR, t4=CLEAR), earlier)
    assert (same.trial, same.readings) == (5, 1)
    nobody = fixed(comparison(t4=CHANCE, t5=CHANCE), earlier)
    assert (nobody.trial, nobody.readings) == (0, 1)


def test_where_no_trial_was_tested_one_may_win_later() -> None:
    earlier = a_winner(trial=0, compared=[0, 4])
    found = fixed(comparison(t4=CLEAR), earlier)
    assert (found.trial, found.readings) == (4, 1)
