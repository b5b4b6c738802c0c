"""Asynchronous successive halving, with paused trials.

As in ASHA (Li et al. 2020, arXiv 1810.05934) a trial goes on if it is among the best share of the
trials that have reached its rung. ASHA stops the others. Here they are paused, and go on from their
checkpoint as soon as they belong to that share because more trials have come; a trial is given up
once it cannot belong to it any more, whatever the trials to come are worth. While more may come,
the baseline after the same number of epochs counts as one of the trials at the rung, so that no
trial goes on for lack of competitors.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Self

from fieldsharp.sweep.configuration.settings import SearchSettings
from fieldsharp.sweep.study.rung_results import RungResult, ranked

BASELINE = -1
"""In place of a trial number at a rung."""


@dataclass
class _Rung:
    """The results of trials at a rung.

    Attributes:
        epochs: After which a trial is at it.
        results: By trial.
        baseline: The result of the baseline; None before it is known.
    """

    epochs: int
    results: dict[int, RungResult] = field(default_factory=dict)
    baseline: RungResult | None = None
    _order: list[int] | None = None

    def add(self, number: int, result: RungResult) -> None:
        """Take in the result of a trial."""
        self.results[number] = result
        self._order = None

    @property
    def order(self) -> list[int]:
        """The trials, the best first."""
        if self._order is None:
            self._order = ranked(self.results)
        return self._order

    @property
    def has_several_values(self) -> bool:
        """Whether trials are ranked by Pareto fronts; False before the first result."""
        first = next(iter(self.results.values()), None)
        return first is not None and len(first.values) > 1

    def best(self, one_in: int, *, more_may_come: bool) -> list[int]:
        """Return the trials that go on: a share rounded down while more may come, then up.

        While more may come the baseline competes, if trials are ranked by one value: of several it
        is the best in the RMSE and would always be among the best.
        """
        if not more_may_come:
            return self.order[: -(-len(self.results) // one_in)]
        if self.baseline is None or self.has_several_values:
            return self.order[: len(self.results) // one_in]
        count = (len(self.results) + 1) // one_in
        first = {number: self.results[number] for number in self.order[:count]}
        among = ranked({**first, BASELINE: self.baseline})[:count]
        return [number for number in among if number != BASELINE]


class Asha:
    """Asynchronous successive halving; implements ``rung_rule.RungRule``.

    Args:
        rungs: Epochs after which a trial has to be among the best to go on, rising.
        one_in: One of so many trials at a rung goes on.
        most_paused: Most trials that are paused at a rung, the rest is given up; one further back
            would go on only after ``one_in`` times as many worse trials had come.
    """

    def __init__(self, rungs: Sequence[int], one_in: int, most_paused: int) -> None:
        self.rungs = tuple(rungs)
        self._one_in = one_in
        self._most_paused = most_paused
        self._at: dict[int, _Rung] = {epochs: _Rung(epochs) for epochs in rungs}
        self._paused: dict[int, int] = {}

    @classmethod
    def from_settings(cls, search: SearchSettings, rungs: Sequence[int]) -> Self:
        """Return the rule with the settings of a search."""
        return cls(rungs, search.promote_one_in, search.most_paused)

    def next_rung(self, number: int, epochs: int) -> int | None:
        """Return the next rung of a trial of so many epochs in all, None if there is none."""
        ahead = (rung for rung in self.rungs if number not in self._at[rung].results)
        return next((rung for rung in ahead if rung < epochs), None)

    def has_result(self, number: int, rung: int) -> bool:
        """Return whether the result of a trial at a rung is known."""
        return rung in self._at and number in self._at[rung].results

    def add_result(self, number: int, result: RungResult) -> None:
        """Take in the result of a trial; one where no rung is, or a second one, is ignored."""
        rung = self._at.get(result.epochs)
        if rung is not None and number not in rung.results:
            rung.add(number, result)

    def add_baseline(self, result: RungResult) -> None:
        """Take in the result of the baseline at a rung."""
        self._at[result.epochs].baseline = result

    def pause(self, number: int, rung: int) -> None:
        """Note that a trial is paused at a rung."""
        self._paused[number] = rung

    def remove(self, number: int) -> None:
        """Note that a trial is not paused any more."""
        del self._paused[number]

    def promotes(self, number: int, rung: int, running: Collection[int], new: int) -> bool:
        """Return whether a trial at a rung goes on at once.

        Args:
            number: The trial.
            rung: Its epochs.
            running: The trials in training.
            new: Trials that are still to be started.
        """
        return number in self._best(self._at[rung], running, new)

    def next_promoted(self, running: Collection[int], new: int) -> int | None:
        """Return a paused trial that goes on now, None if there is none.

        Of the highest rung first: it is the nearest to an answer.
        """
        for rung in reversed(self._at.values()):
            for number in self._best(rung, running, new):
                if self._paused.get(number) == rung.epochs:
                    return number
        return None

    def hopeless(self, running: Collection[int], new: int) -> list[int]:
        """Return the paused trials that cannot go on any more, or hardly.

        Of one value: a trial with enough better ones at its rung, whatever is still to come. Of
        several values new trials change the crowding of a front, so only once none is to come.
        """
        found: list[int] = []
        for rung in self._at.values():
            to_come = self._to_come(rung, running, new, without=found)
            count = len(rung.results)
            most = -(-(count + to_come) // self._one_in)
            if to_come and rung.has_several_values:
                most = count
            waiting = [n for n in rung.order if self._paused.get(n) == rung.epochs]
            late = set(rung.order[most:]) | set(waiting[self._most_paused :])
            found += [number for number in waiting if number in late]
        return found

    def _best(self, rung: _Rung, running: Collection[int], new: int) -> list[int]:
        to_come = self._to_come(rung, running, new)
        return rung.best(self._one_in, more_may_come=to_come > 0)

    def _to_come(
        self, rung: _Rung, running: Collection[int], new: int, without: Sequence[int] = ()
    ) -> int:
        """Return the most trials that may still reach a rung."""
        below = sum(at < rung.epochs for n, at in self._paused.items() if n not in without)
        return new + below + sum(number not in rung.results for number in running)
