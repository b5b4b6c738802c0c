"""The ranking of forecasts by score, in which small differences are ties.

Scores that are equal but for chance, and those that all are 0, are told apart by a second number,
such as the error.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

TIE = 0.001
"""Scores that differ by no more are equal; 0.1 % of a gradient or a peak."""


@dataclass(slots=True, eq=False)
class Ranked:
    """A forecast as it is ranked.

    Attributes:
        score: The lower the better.
        number: Unique; of equal forecasts the lower is better.
        tie_breaker: Such as the RMSE, the lower the better.
    """

    score: float
    number: int
    tie_breaker: float

    def __post_init__(self) -> None:
        self.score = _or_infinity(self.score)
        self.tie_breaker = _or_infinity(self.tie_breaker)


R = TypeVar("R", bound=Ranked)


def by_score(one: Ranked) -> tuple[float, int]:
    """Return the key by which ``best_first`` takes forecasts."""
    return one.score, one.number


def best_first(ascending: Iterable[R]) -> Iterator[R]:
    """Yield forecasts, the best first; see ``ranked``.

    Args:
        ascending: The forecasts, in the order of ``by_score``; taken only as far as needed.
    """
    source = iter(ascending)
    upcoming = next(source, None)
    waiting: deque[R] = deque()
    tied: list[tuple[float, int, R]] = []
    yielded: set[int] = set()
    while upcoming is not None or tied:
        while waiting and waiting[0].number in yielded:
            yielded.remove(waiting.popleft().number)
        lowest = waiting[0] if waiting else upcoming
        assert lowest is not None, "a tied forecast waits until it is yielded"
        limit = lowest.score + TIE
        while upcoming is not None and upcoming.score <= limit:
            heapq.heappush(tied, (upcoming.tie_breaker, upcoming.number, upcoming))
            waiting.append(upcoming)
            upcoming = next(source, None)
        *_, best = heapq.heappop(tied)
        yielded.add(best.number)
        yield best


def ranked(scores: Sequence[float], tie_breakers: Sequence[float]) -> list[int]:
    """Return the positions of forecasts, the best first.

    The best has the lowest tie breaker, such as the RMSE, among those whose score lies within 0.001
    of the lowest, the first of equal ones; the next is the best of the rest.

    Args:
        scores: The lower the better; NaN is worst.
        tie_breakers: Of the same forecasts, likewise.
    """
    numbers = range(len(scores))
    forecasts = map(Ranked, scores, numbers, tie_breakers)
    return [one.number for one in best_first(sorted(forecasts, key=by_score))]


def _or_infinity(value: float) -> float:
    return float("inf") if value != value else value
