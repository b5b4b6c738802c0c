"""Which trials go on beyond a rung, and when: successive halving without waiting, and with memory.

As in ASHA (Li et al. 2020, arXiv 1810.05934) a trial goes on once it is among the best share of
those that came to its rung so far. There a trial that is not is stopped. Here it is paused, and
goes on from its checkpoint as soon as it belongs to that share, because more trials came; it is
given up once it cannot belong to it any more, whatever is still to come. While more may come the
baseline of the same age is one of those that came, so that nobody goes on for want of others.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from fieldsharp.sweep.study.rung_results import RungResult, ranked

BASELINE = -1
"""Stands for it among the numbers of trials at a rung."""


@dataclass
class _Rung:
    """What trials had come to at a rung.

    Attributes:
        epochs: Where it is.
        results: By trial.
        baseline: What the baseline had come to; None before it is known.
    """

    epochs: int
    results: dict[int, RungResult] = field(default_factory=dict)
    baseline: RungResult | None = None
    _order: list[int] | None = None

    def add(self, number: int, result: RungResult) -> None:
        """Take in what a trial came to."""
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
        """Whether trials are ranked by fronts; not before one has come."""
        first = next(iter(self.results.values()), None)
        return first is not None and len(first.values) > 1

    def best(self, one_in: int, *, more_may_come: bool) -> list[int]:
        """Return those that go on: while more may come rounded down, then up.

        While more may come the baseline counts and may take a place: by one value, since of
        several it is the best in the RMSE and would always take one.
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
    """Knows the results at every rung, and which trials wait there.

    Args:
        rungs: Epochs after which a trial has to be among the best to go on, rising.
        one_in: Of so many trials at a rung one goes on.
        most_paused: So many wait at a rung at most, the others are given up; one further back
            would go on only after ``one_in`` times as many had come that are all worse.
    """

    def __init__(self, rungs: Sequence[int], one_in: int, most_paused: int) -> None:
        self.rungs = tuple(rungs)
        self._one_in = one_in
        self._most_paused = most_paused
        self._at: dict[int, _Rung] = {epochs: _Rung(epochs) for epochs in rungs}
        self._waiting: dict[int, int] = {}

    def until(self, number: int, epochs: int) -> int | None:
        """Return the next rung of a trial of so many epochs, None where there is none."""
        ahead = (rung for rung in self.rungs if number not in self._at[rung].results)
        return next((rung for rung in ahead if rung < epochs), None)

    def is_new(self, number: int, epochs: int) -> bool:
        """Return whether a trial has come to a rung for the first time."""
        return epochs in self._at and number not in self._at[epochs].results

    def reached(self, number: int, result: RungResult) -> None:
        """Take in what a trial came to at a rung; of a rung that is none, nothing."""
        if self.is_new(number, result.epochs):
            self._at[result.epochs].add(number, result)

    def baseline_reached(self, result: RungResult) -> None:
        """Take in what the baseline came to at a rung."""
        self._at[result.epochs].baseline = result

    def pause(self, number: int, epochs: int) -> None:
        """Have a trial wait at a rung."""
        self._waiting[number] = epochs

    def goes_on(self, number: int, epochs: int, at_work: Collection[int], new: int) -> bool:
        """Return whether a trial that came to a rung, or waits there, goes on now.

        Args:
            number: The trial.
            epochs: The rung.
            at_work: The trials that are being trained.
            new: Trials that are still to be begun.
        """
        return number in self._best(self._at[epochs], at_work, new)

    def leave(self, number: int) -> None:
        """Have a trial wait no longer."""
        del self._waiting[number]

    def next_up(self, at_work: Collection[int], new: int) -> int | None:
        """Return a paused trial whose turn has come, None where there is none.

        Of the highest rung first: it is the nearest to an answer.
        """
        for rung in reversed(self._at.values()):
            for number in self._best(rung, at_work, new):
                if self._waiting.get(number) == rung.epochs:
                    return number
        return None

    def hopeless(self, at_work: Collection[int], new: int) -> list[int]:
        """Return the paused trials whose turn cannot come any more, or hardly.

        Whatever is still to come to their rung: of one value each of those that are ahead stays
        ahead. Of several, where those to come change who has room around it, once none is to come.
        """
        found: list[int] = []
        for rung in self._at.values():
            to_come = self._to_come(rung, at_work, new, without=found)
            count = len(rung.results)
            most = -(-(count + to_come) // self._one_in)
            if to_come and rung.has_several_values:
                most = count
            waiting = [n for n in rung.order if self._waiting.get(n) == rung.epochs]
            late = set(rung.order[most:]) | set(waiting[self._most_paused :])
            found += [number for number in waiting if number in late]
        return found

    def _best(self, rung: _Rung, at_work: Collection[int], new: int) -> list[int]:
        to_come = self._to_come(rung, at_work, new)
        return rung.best(self._one_in, more_may_come=to_come > 0)

    def _to_come(
        self, rung: _Rung, at_work: Collection[int], new: int, without: Sequence[int] = ()
    ) -> int:
        """Return how many more trials may come to a rung, at most."""
        below = sum(at < rung.epochs for n, at in self._waiting.items() if n not in without)
        return new + below + sum(number not in rung.results for number in at_work)
