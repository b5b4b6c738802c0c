"""A ranking that is kept while forecasts are added to it, with parts of it in the same order.

A new forecast changes the order only near its own place: where its score lies within a tie of
others, they may be told apart differently. That stretch alone is ranked again, so that adding one
to thousands costs as little as to a few.
"""

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fieldsharp.objectives.ranking import TIE, Ranked, best_first, by_score

T = TypeVar("T")
LEAST_GAP = 1e-6
"""Between two places; below it all places are given anew."""
FAR = 2 * TIE
"""In score, beyond which two forecasts can't be tied, whatever is rounded."""


@dataclass(slots=True, eq=False)
class _Placed(Ranked, Generic[T]):
    """A forecast of the ranking.

    Attributes:
        item: What is ranked.
        parts: The names of the parts it belongs to.
        place: Rises with the rank; infinite before it has one.
    """

    item: T
    parts: frozenset[str]
    place: float = math.inf


@dataclass
class _Part(Generic[T]):
    """The items of a part, the best first, and their places."""

    items: list[T] = field(default_factory=list)
    places: list[float] = field(default_factory=list)

    def put(self, found: Sequence[_Placed[T]], above: float, below: float) -> None:
        """Replace what lies between two places."""
        stretch = slice(bisect_right(self.places, above), bisect_left(self.places, below))
        self.items[stretch] = [one.item for one in found]
        self.places[stretch] = [one.place for one in found]


class GrowingRanking(Generic[T]):
    """Items in the order of ``ranking.ranked``, and named parts of them in that order.

    Args:
        rank: Returns the score, the number and the tie breaker of an item; see ``Ranked``.
        parts: By name, whether an item belongs to a part. What it returns for an item must not
            change.
        items: The first ones, in any order.
    """

    def __init__(
        self,
        rank: Callable[[T], tuple[float, int, float]],
        parts: Mapping[str, Callable[[T], bool]],
        items: Iterable[T] = (),
    ) -> None:
        self._rank = rank
        self._belongs = parts
        self._known_parts: dict[frozenset[str], frozenset[str]] = {}
        self._by_score = sorted(map(self._placed, items), key=by_score)
        self._order = list(best_first(self._by_score))
        self._all: _Part[T] = _Part()
        self._parts: dict[str, _Part[T]] = {name: _Part() for name in parts}
        self._place_anew()

    @property
    def items(self) -> Sequence[T]:
        """All items, the best first; not to be changed."""
        return self._all.items

    def part(self, name: str) -> Sequence[T]:
        """Return the items of a part, the best first; not to be changed."""
        return self._parts[name].items

    def add(self, item: T) -> None:
        """Take an item in."""
        new = self._placed(item)
        first = self._first_changed(new)
        insort(self._by_score, new, key=by_score)
        stretch = self._ranked_again(new, first)
        # As many as before and the new one.
        above = self._all.places[first - 1] if first else -math.inf
        after = first + len(stretch) - 1
        below = self._all.places[after] if after < len(self._order) else math.inf
        self._order[first:after] = stretch
        gap = self._place(stretch, above, below)
        for part, found in self._parts_of(stretch):
            part.put(found, above, below)
        if gap < LEAST_GAP:
            self._place_anew()

    def _placed(self, item: T) -> _Placed[T]:
        parts = frozenset(name for name, belongs in self._belongs.items() if belongs(item))
        parts = self._known_parts.setdefault(parts, parts)  # thousands share a few
        return _Placed(*self._rank(item), item, parts)

    def _first_changed(self, new: _Placed[T]) -> int:
        """Return the first position that a new one may change.

        Before it others are better: they are far below in score or, while there is one that is
        lower still, have the better tie breaker.
        """
        lowest = bisect_left(self._by_score, new.score - FAR, key=_score)
        first = self._after_all_of(lowest)
        for position, best in enumerate(self._order[first:], start=first):
            while self._by_score[lowest].place < best.place:  # it is ranked before
                lowest += 1
            least = self._by_score[lowest].score
            is_better = new.tie_breaker < best.tie_breaker or (
                new.tie_breaker == best.tie_breaker and new.number < best.number
            )
            if new.score < least or (is_better and new.score <= least + TIE):
                return position
        return len(self._order)

    def _after_all_of(self, count: int) -> int:
        """Return the position after all of so many with the lowest scores.

        One of those within a tie of the highest of them is the last.
        """
        if not count:
            return 0
        highest = self._by_score[count - 1].score
        near = bisect_left(self._by_score, highest - FAR, key=_score)
        last = max(one.place for one in self._by_score[near:count])
        return bisect_right(self._all.places, last)

    def _ranked_again(self, new: _Placed[T], first: int) -> list[_Placed[T]]:
        """Return the stretch from a position on in which a new one changes the order.

        It ends where the same ones are ranked as before, but for the new one: what follows depends
        on those that are left alone.

        Args:
            new: Among those by score already.
            first: The position; all before it are lower in score, or have the better tie breaker.
        """
        last = self._all.places[first - 1] if first else -math.inf
        begin = bisect_left(self._by_score, new.score - FAR, key=_score)
        rest = (one for one in self._by_score[begin:] if one.place > last)
        stretch: list[_Placed[T]] = []
        differing: set[int] = set()
        for position, best in enumerate(best_first(rest), start=first):
            stretch.append(best)
            differing ^= {best.number}
            if len(differing) == 1 and new.number in differing:
                break
            differing ^= {self._order[position].number}
        return stretch

    def _place(self, stretch: Sequence[_Placed[T]], above: float, below: float) -> float:
        """Give a stretch places between two others, infinite at an end; return their gap."""
        count = len(stretch)
        if math.isinf(above):
            above = below - count - 1 if math.isfinite(below) else 0.0
        if math.isinf(below):
            below = above + count + 1
        gap = (below - above) / (count + 1)
        for index, one in enumerate(stretch, start=1):
            one.place = above + index * gap
        return gap

    def _place_anew(self) -> None:
        self._place(self._order, -math.inf, math.inf)
        for part, found in self._parts_of(self._order):
            part.put(found, -math.inf, math.inf)

    def _parts_of(
        self, stretch: Sequence[_Placed[T]]
    ) -> Iterator[tuple[_Part[T], list[_Placed[T]]]]:
        """Yield each part, and those of a stretch that belong to it."""
        yield self._all, list(stretch)
        for name, part in self._parts.items():
            yield part, [one for one in stretch if name in one.parts]


def _score(one: Ranked) -> float:
    return one.score
