"""The ranking of forecasts by score, in which small differences are ties.

Of forecasts whose scores are equal but for chance, and of those that all reach 0, the one with the
smaller error is the better.
"""

import heapq
from collections.abc import Sequence

TIE = 0.001
"""Scores that differ by no more are equal; 0.1 % of a gradient or a peak."""


def ranked(scores: Sequence[float], rmses: Sequence[float]) -> list[int]:
    """Return the positions of forecasts, the best first.

    The best has the lowest RMSE among those whose score lies within 0.001 of the lowest, the first
    of equal ones; the next is the best of the rest.

    Args:
        scores: The lower the better; NaN is worst.
        rmses: Of the same forecasts, in units of the field.
    """
    scores = [_or_infinity(score) for score in scores]
    rmses = [_or_infinity(rmse) for rmse in rmses]
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
            heapq.heappush(tied, (rmses[by_score[upcoming]], by_score[upcoming]))
            upcoming += 1
        _, best = heapq.heappop(tied)
        is_ranked[best] = True
        ranking.append(best)
    return ranking


def _or_infinity(value: float) -> float:
    return float("inf") if value != value else value
