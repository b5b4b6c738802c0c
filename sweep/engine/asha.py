"""Asynchronous successive halving, with paused trials.

As in ASHA (Li et al. 2020, arXiv 1810.05934) a trial goes on if it is among the best share of the
trials that have reached its rung. ASHA stops the others. Here they are paused, and go on from their
checkpoint as soon as they belong to that share because more trials have come; a trial is given up
once it cannot belong to it any more, whatever the trials to come are worth. While more may come,
the baseline after the same number of epochs counts as one of the trials at the rung, so that no
trial goes on for lack of competitors.

Guards order the trials at a rung. Early in training they are wrong about some nets that come out
best, so a trial that they may not decide on alone also goes on if it is among the best share
without them (decision record 31). Without that second order nets that game the score would take
the places of the others, without the first those that are only late would be given up.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Self

from fieldsharp.sweep.configuration.settings import SearchSettings
from fieldsharp.sweep.study.rung_order import RungOrder
from fieldsharp.sweep.study.rung_results import RungResult

BASELINE = -1
"""In place of a trial number at a rung."""


class _Orders:
    """Two orders of the same trials: with all guards, and without those that may not decide."""

    def __init__(self) -> None:
        self.with_guards = RungOrder()
        self._by_score: RungOrder | None = None
        self._results: dict[int, RungResult] = {}

    def add(self, number: int, result: RungResult) -> None:
        """Take in the result of a trial."""
        self._results[number] = result
        self.with_guards.add(number, result)
        if self._by_score is not None:
            self._by_score.add(number, result.by_score)
        elif not result.guards_decide and result.violation > 0:
            self._by_score = RungOrder()
            for other, known in self._results.items():
                self._by_score.add(other, known.by_score)

    @property
    def by_score(self) -> Sequence[int]:
        """The trials as if those broke no guard that guards may not decide on, the best first."""
        order = self.with_guards if self._by_score is None else self._by_score
        return order.numbers

    def first(self, count: int) -> list[int]:
        """Return the trials among so many first in either order.

        In the order by score only those count that guards may not decide on.
        """
        found = dict.fromkeys(self.with_guards.numbers[:count])
        if self._by_score is not None:
            also = self._by_score.numbers[:count]
            found |= dict.fromkeys(n for n in also if not self._results[n].guards_decide)
        return list(found)


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
    _alone: _Orders = field(default_factory=_Orders)
    _beside_baseline: _Orders = field(default_factory=_Orders)

    def add(self, number: int, result: RungResult) -> None:
        """Take in the result of a trial."""
        self.results[number] = result
        self._alone.add(number, result)
        self._beside_baseline.add(number, result)

    def add_baseline(self, result: RungResult) -> None:
        """Take in the result of the baseline, in place of an earlier one."""
        if result == self.baseline:
            return
        self.baseline = result
        self._beside_baseline = _Orders()
        for number, known in {BASELINE: result, **self.results}.items():
            self._beside_baseline.add(number, known)

    def first(self, count: int, *, beside_baseline: bool = False) -> list[int]:
        """Return the trials among so many first in either order, the baseline among them if asked.

        See ``_Orders.first``.
        """
        if not beside_baseline:
            return self._alone.first(count)
        return [number for number in self._beside_baseline.first(count) if number != BASELINE]

    def by_turn(self, waiting: Collection[int]) -> list[int]:
        """Return some of the trials in the order in which they would go on."""
        order = self._alone.with_guards.numbers
        places = {number: place for place, number in enumerate(order) if number in waiting}
        for place, number in enumerate(self._alone.by_score):
            if number in waiting and not self.results[number].guards_decide:
                places[number] = min(place, places[number])
        return sorted(places, key=places.__getitem__)

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
            return self.first(-(-len(self.results) // one_in))
        if self.baseline is None or self.has_several_values:
            return self.first(len(self.results) // one_in)
        return self.first((len(self.results) + 1) // one_in, beside_baseline=True)


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
        self._changes = 0
        self._all_have_hope: tuple[object, ...] | None = None

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
            self._changes += 1

    def add_baseline(self, result: RungResult) -> None:
        """Take in the result of the baseline at a rung."""
        self._at[result.epochs].add_baseline(result)

    def pause(self, number: int, rung: int) -> None:
        """Note that a trial is paused at a rung."""
        self._paused[number] = rung
        self._changes += 1

    def remove(self, number: int) -> None:
        """Note that a trial is not paused any more."""
        del self._paused[number]
        self._changes += 1

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
        state = (self._changes, *running, new)
        if state == self._all_have_hope:  # it is asked after every event of a trial
            return []
        found: list[int] = []
        for rung in self._at.values():
            to_come = self._to_come(rung, running, new, without=found)
            count = len(rung.results)
            most = -(-(count + to_come) // self._one_in)
            if to_come and rung.has_several_values:
                most = count
            in_time = set(rung.first(most))
            waiting = rung.by_turn({n for n, at in self._paused.items() if at == rung.epochs})
            late = {n for n in waiting if n not in in_time} | set(waiting[self._most_paused :])
            found += [number for number in waiting if number in late]
        self._all_have_hope = None if found else state
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
