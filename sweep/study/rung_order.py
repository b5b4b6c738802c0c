"""The trials at one rung in their order, kept while results are added."""

from bisect import insort
from collections.abc import Sequence

from fieldsharp.objectives.growing_ranking import GrowingRanking
from fieldsharp.sweep.study.rung_results import RungResult, ranked

_Result = tuple[int, RungResult]


class RungOrder:
    """The order of ``rung_results.ranked``.

    A result of one value is put in its place in time that hardly depends on how many there are; of
    several values all are ranked again when the order is asked for, since fronts are of all.
    """

    def __init__(self) -> None:
        self._results: dict[int, RungResult] = {}
        self._holding: GrowingRanking[_Result] = GrowingRanking(_rank, {})
        self._broken: list[_Result] = []
        self._has_fronts = False
        self._numbers: list[int] | None = None

    def add(self, number: int, result: RungResult) -> None:
        """Take in the result of a trial that has none yet."""
        self._results[number] = result
        self._numbers = None
        self._has_fronts |= len(result.values) > 1
        if result.violation > 0.0:
            insort(self._broken, (number, result), key=_by_violation)
        elif result.violation <= 0.0:
            self._holding.add((number, result))

    @property
    def numbers(self) -> Sequence[int]:
        """The trials, the best first; not to be changed."""
        if self._numbers is None:
            if self._has_fronts:
                self._numbers = ranked(self._results)
            else:
                self._numbers = [number for number, _ in (*self._holding.items, *self._broken)]
        return self._numbers


def _rank(one: _Result) -> tuple[float, int, float]:
    number, result = one
    return result.values[0], number, result.rmse


def _by_violation(one: _Result) -> tuple[float, tuple[float, ...], int]:
    number, result = one
    return result.violation, result.values, number
