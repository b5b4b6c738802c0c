"""A ranking that items are added to is that of all of them at once."""

import math
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldsharp.objectives import growing_ranking
from fieldsharp.objectives.growing_ranking import GrowingRanking
from fieldsharp.objectives.ranking import TIE, ranked

Item = tuple[float, int, float]
PARTS: dict[str, Callable[[Item], bool]] = {
    "even": lambda item: item[1] % 2 == 0,
    "third": lambda item: item[1] % 3 == 0,
}


def _at_once(items: Sequence[Item]) -> list[Item]:
    ordered = sorted(items, key=lambda item: item[1])
    return [ordered[i] for i in ranked([one[0] for one in ordered], [one[2] for one in ordered])]


def _require_same(ranking: GrowingRanking[Item], items: Sequence[Item]) -> None:
    expected = _at_once(items)
    assert list(map(repr, ranking.items)) == list(map(repr, expected))  # NaN is not NaN
    for name, belongs in PARTS.items():
        found = list(map(repr, ranking.part(name)))
        assert found == [repr(one) for one in expected if belongs(one)]


def _numbered(pairs: Sequence[tuple[float, float]]) -> list[Item]:
    return [(score, number, tie) for number, (score, tie) in enumerate(pairs)]


scores = st.one_of(
    st.integers(0, 12).map(lambda steps: steps * TIE / 3),  # several to a tie, and just beyond
    st.floats(0.0, 0.01),
    st.sampled_from([0.0, TIE, math.nan, math.inf]),
)
pairs = st.lists(st.tuples(scores, st.one_of(st.integers(0, 3).map(float), st.just(math.nan))))


@given(pairs, st.randoms(use_true_random=False), st.integers(0, 5))
def test_each_addition_gives_the_order_of_all_at_once(
    found: list[tuple[float, float]], shuffled: random.Random, first: int
) -> None:
    items = _numbered(found)
    shuffled.shuffle(items)
    ranking = GrowingRanking(lambda item: item, PARTS, items[:first])
    _require_same(ranking, items[:first])
    for count, item in enumerate(items[first:], start=first + 1):
        ranking.add(item)
        _require_same(ranking, items[:count])


@pytest.mark.parametrize("spread", [0.0, TIE, 0.1, 3.0])
def test_thousands_of_one_tie_or_of_many_keep_their_order(spread: float) -> None:
    numbers = random.Random(0)
    items = _numbered([(numbers.random() * spread, numbers.random()) for _ in range(2000)])
    ranking = GrowingRanking(lambda item: item, PARTS, items[:1500])
    for item in items[1500:]:
        ranking.add(item)
    _require_same(ranking, items)


def test_places_that_run_out_are_given_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing_ranking, "LEAST_GAP", 0.2)
    items = _numbered([(1.0, 0.0), (2.0, 0.0), *((1.0 + 0.5**n, 0.0) for n in range(1, 9))])
    ranking = GrowingRanking(lambda item: item, PARTS)
    for count, item in enumerate(items, start=1):
        ranking.add(item)
        _require_same(ranking, items[:count])


def test_only_the_stretch_around_a_new_item_is_ranked_again() -> None:
    seen: list[int] = []

    class Watched(float):
        def __lt__(self, other: float) -> bool:
            seen.append(1)
            return float(self) < other

    items = _numbered([(n / 100, Watched(n)) for n in range(5000)])
    ranking = GrowingRanking(lambda item: item, PARTS, items)
    seen.clear()
    ranking.add((25.001, 5000, Watched(0)))
    assert len(seen) < 20
    _require_same(ranking, [*items, (25.001, 5000, Watched(0))])
