"""The ranking of forecasts by score, in which small differences are ties.

Scores that are equal but for chance, and those that all are 0, are told apart by a second number,
such as the error.
"""

import heapq
from collections.abc import Sequence

TIE = 0.001
"""Scores that differ by no more are equal; 0.1 % of a gradient or a peak."""


def ranked(scores: Sequence[float], tie_breakers: Sequence[float]) -> list[int]:
    """Return the positions of forecasts, the best first.

    The best has the lowest tie breaker, such as the RMSE, among those whose score lies within 0.001
    of the lowest, the first of equal ones; the next is the best of the rest.

    Args:
        scores: The lower the better; NaN is worst.
        tie_breakers: Of the same forecasts, likewise.
    """
    scores = [_or_infinity(score) for score in scores]
    tie_breakers = [_or_infinity(value) for value in tie_breakers]
    by_score = sorted(range(len(scores)), key=lambda i: (scores[i], i))
    ranking: list[int] = []
    tied: list[tuple[float, int]] = []
    is_ranked = [False] * len(scores)
    lowest = upcoming = 0
    while len(ranking) < len(scores):
        while is_ranked[by_score[lowest]]:
            lowest += 1
        limit = scores[by_score[lowest]] + TIE
        while upcoming < len(scores) and scores[by_score[upcoming]] <= limit:
            heapq.heappush(tied, (tie_breakers[by_score[upcoming]], by_score[upcoming]))
            upcoming += 1
        _, best = heapq.heappop(tied)
        is_ranked[best] = True
        ranking.append(best)
    return ranking


def _or_infinity(value: float) -> float:
    return float("inf") if value != value else value
