"""The rule of promotion by itself, and ranks at a rung beside ranks by hand."""

import itertools
import random

import pytest
from optuna.study._multi_objective import _fast_non_domination_rank  # noqa: F401 - as ours

from fieldsharp.sweep.engine.asha import Asha
from fieldsharp.sweep.study.rung_results import RungResult, ranked


def _at(epochs: int, value: float, violation: float = 0.0) -> RungResult:
    return RungResult(epochs=epochs, values=(value,), violation=violation)


def _late(epochs: int, value: float, violation: float) -> RungResult:
    """Return the result of a trial that guards alone may not keep from going on."""
    return RungResult(epochs=epochs, values=(value,), violation=violation, guards_decide=False)


def _front(*values: float, violation: float = 0.0) -> RungResult:
    return RungResult(epochs=1, values=values, violation=violation)


def test_of_three_that_came_the_best_goes_on() -> None:
    promotion = Asha([2], one_in=3, most_paused=50)
    said = []
    for number, value in enumerate((0.5, 0.3, 0.4)):
        promotion.add_result(number, _at(2, value))
        said.append(promotion.promotes(number, 2, running=[], new=9))
        promotion.pause(number, 2)
    assert said == [False, False, False], "the best of the three came before the third"
    assert promotion.next_promoted(running=[], new=9) == 1
    promotion.remove(1)
    assert promotion.next_promoted(running=[], new=9) is None


def test_the_highest_rung_is_looked_at_first() -> None:
    promotion = Asha([1, 4], one_in=2, most_paused=50)
    for number in range(4):
        promotion.add_result(number, _at(1, number))
    for number in (0, 1):
        promotion.add_result(number, _at(4, number))
        promotion.pause(number, 4)
    promotion.add_result(4, _at(1, -1.0))
    promotion.pause(4, 1)
    assert promotion.next_promoted(running=[], new=9) == 0
    promotion.remove(0)
    assert promotion.next_promoted(running=[], new=9) == 4


def test_a_trial_is_given_up_once_its_turn_cannot_come() -> None:
    promotion = Asha([1], one_in=3, most_paused=50)
    for number in range(4):
        promotion.add_result(number, _at(1, number))
        promotion.pause(number, 1)
    # Six in all: the best two go on, whatever the last two bring.
    assert promotion.hopeless(running=[7], new=1) == [2, 3]
    assert promotion.hopeless(running=[7], new=2) == [3]


def test_at_the_end_there_is_always_one_that_goes_on_and_then_nobody_waits() -> None:
    promotion = Asha([1, 4], one_in=3, most_paused=50)
    promotion.add_result(5, _at(1, 9.0, violation=2.0))
    promotion.pause(5, 1)
    assert promotion.hopeless(running=[], new=0) == []
    assert promotion.next_promoted(running=[], new=0) == 5


def test_while_more_may_come_the_baseline_is_one_of_those_that_came() -> None:
    promotion = Asha([2], one_in=3, most_paused=50)
    promotion.add_baseline(_at(2, 0.4))
    promotion.add_result(1, _at(2, 0.5))
    promotion.add_result(2, _at(2, 0.6))
    assert not promotion.promotes(1, 2, running=[], new=9), "of three the baseline is the best"
    promotion.add_result(3, _at(2, 0.3))
    assert promotion.promotes(3, 2, running=[], new=9)
    assert promotion.promotes(3, 2, running=[], new=0)
    assert not promotion.promotes(1, 2, running=[], new=0)


def test_the_baseline_takes_no_place_when_no_more_come() -> None:
    promotion = Asha([2], one_in=3, most_paused=50)
    promotion.add_baseline(_at(2, 0.1))
    promotion.add_result(1, _at(2, 0.5))
    promotion.pause(1, 2)
    assert promotion.hopeless(running=[], new=0) == []
    assert promotion.next_promoted(running=[], new=0) == 1


def test_of_several_values_the_baseline_is_none_of_those_that_came() -> None:
    promotion = Asha([1], one_in=3, most_paused=50)
    promotion.add_baseline(_front(0.9, 0.9, 0.0))
    promotion.add_result(1, _front(0.1, 0.5, 0.2))
    promotion.add_result(2, _front(0.2, 0.6, 0.3))
    assert not promotion.promotes(1, 1, running=[], new=9)
    promotion.add_result(3, _front(0.3, 0.7, 0.4))
    assert promotion.promotes(1, 1, running=[], new=9)


@pytest.mark.parametrize("values", [1, 3])
def test_no_more_wait_than_are_allowed_to(values: int) -> None:
    promotion = Asha([1], one_in=3, most_paused=4)
    for number in range(9):
        promotion.add_result(number, RungResult(epochs=1, values=(float(number),) * values))
        promotion.pause(number, 1)
    for number in (0, 1, 2):
        assert promotion.next_promoted(running=[], new=1000) == number
        promotion.remove(number)
    assert promotion.hopeless(running=[], new=1000) == [7, 8]


def test_one_that_guards_may_not_decide_on_goes_on_by_its_score_and_takes_no_other_place() -> None:
    promotion = Asha([2], one_in=3, most_paused=50)
    for number, value in enumerate((0.5, 0.4, 0.6)):
        promotion.add_result(number, _at(2, value))
    promotion.add_result(3, _late(2, 0.1, violation=0.7))
    promotion.add_result(4, _at(2, 0.05, violation=0.6))
    promotion.add_result(5, _late(2, 0.45, violation=0.1))
    go_on = [n for n in range(6) if promotion.promotes(n, 2, running=[], new=9)]
    # Of six two go on: 1 and 0, that break no guard. Without the guards of 3 and 5 the best two are
    # 3 and 1; the guards of 4 count, and 5 is given up for its score.
    assert go_on == [0, 1, 3]
    for number in range(6):
        promotion.pause(number, 2)
    assert sorted(promotion.hopeless(running=[], new=0)) == [2, 4, 5]


def test_nets_that_game_the_score_take_no_place_of_those_that_hold_the_guards() -> None:
    honest = {number: _at(1, 0.2 + 0.01 * number) for number in range(6)}
    alone = Asha([1], one_in=3, most_paused=50)
    beside = Asha([1], one_in=3, most_paused=50)
    for number, result in honest.items():
        alone.add_result(number, result)
        beside.add_result(number, result)
    for number in range(6, 12):
        beside.add_result(number, _late(1, 0.0, violation=3.0))
    kept = {n for n in honest if alone.promotes(n, 1, running=[], new=9)}
    assert kept == {0, 1}
    go_on = {n for n in range(12) if beside.promotes(n, 1, running=[], new=9)}
    assert go_on >= kept
    assert len(go_on - honest.keys()) == 4, "a third of the twelve, by their score"


def test_the_baseline_is_ahead_of_one_that_guards_may_not_decide_on_by_its_score_alone() -> None:
    promotion = Asha([1], one_in=3, most_paused=50)
    promotion.add_baseline(_at(1, 0.3))
    promotion.add_result(0, _late(1, 0.4, violation=1.0))
    promotion.add_result(1, _at(1, 0.6))
    assert not promotion.promotes(0, 1, running=[], new=9)
    promotion.add_result(2, _late(1, 0.2, violation=1.0))
    assert promotion.promotes(2, 1, running=[], new=9)


def test_those_that_wait_are_no_more_where_two_orders_are_kept() -> None:
    promotion = Asha([1], one_in=3, most_paused=3)
    for number in range(4):
        promotion.add_result(number, _at(1, 0.5 + 0.1 * number))
    for number in range(4, 8):
        promotion.add_result(number, _late(1, 0.1 * number, violation=1.0))
    for number in range(8):
        promotion.pause(number, 1)
    # In turn: 0 by guards and 4 by score, then 1 by guards.
    assert sorted(promotion.hopeless(running=[], new=1000)) == [2, 3, 5, 6, 7]


def test_an_earlier_result_at_a_rung_stays() -> None:
    promotion = Asha([1], one_in=2, most_paused=50)
    promotion.add_result(1, _at(1, 0.5))
    promotion.add_result(2, _at(1, 0.6))
    promotion.add_result(1, _at(1, 0.9))
    assert promotion.promotes(1, 1, running=[], new=1)
    assert promotion.next_rung(1, epochs=9) is None
    assert promotion.next_rung(3, epochs=9) == 1
    assert promotion.next_rung(3, epochs=1) is None, "that is its end"


def test_those_that_hold_the_guards_come_first_then_by_how_much_they_break_them() -> None:
    results = {
        1: _at(1, 0.1, violation=0.5),
        2: _at(1, 0.9),
        3: _at(1, 0.2, violation=0.1),
        4: _at(1, 0.3),
        5: _at(1, 0.3),
    }
    assert ranked(results) == [4, 5, 2, 3, 1]


def test_fronts_come_one_after_the_other_those_with_most_room_first() -> None:
    results = {
        0: _front(0.0, 1.0),
        1: _front(0.5, 0.5),
        2: _front(0.55, 0.48),
        3: _front(1.0, 0.0),
        4: _front(0.6, 0.6),
        5: _front(2.0, 2.0),
        6: _front(0.0, 0.0, violation=0.1),
    }
    order = ranked(results)
    assert set(order[:2]) == {0, 3}, "the ends of the first front"
    # By hand: 1 has (0.55 - 0) + (1 - 0.48) = 1.07 around it, 2 has 0.5 + 0.5 = 1.
    assert order[2:] == [1, 2, 4, 5, 6]


def _dominates(a: RungResult, b: RungResult) -> bool:
    if (a.violation > 0) != (b.violation > 0):
        return b.violation > 0
    if a.violation > 0:
        return a.violation < b.violation
    pairs = list(zip(a.values, b.values, strict=True))
    return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)


@pytest.mark.parametrize("seed", range(20))
def test_nobody_stands_behind_one_that_it_dominates(seed: int) -> None:
    draw = random.Random(seed)
    results = {
        number: RungResult(
            epochs=1,
            values=tuple(draw.randrange(6) / 5 for _ in range(3)),
            violation=draw.choice((0.0, 0.0, 0.1, 0.2)),
        )
        for number in range(25)
    }
    order = ranked(results)
    assert sorted(order) == sorted(results)
    for ahead, behind in itertools.combinations(order, 2):
        assert not _dominates(results[behind], results[ahead])
