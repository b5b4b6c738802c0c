"""Which trials go on beyond a rung, and when: successive halving without waiting, and with memory.

As in ASHA (Li et al. 2020, arXiv 1810.05934) a trial goes on once it is among the best share of
those that came to its rung so far. There a trial that is not is stopped. Here it is paused, and
goes on from its checkpoint as soon as it belongs to that share, because more trials came; it is
given up once it cannot belong to it any more, whatever is still to come.
"""

from collections.abc import Collection, Sequence

from sweep.study.rungs import RungResult, ranked


class Promotion:
    """Knows the results at every rung, and which trials wait there.

    Args:
        rungs: Epochs after which a trial has to be among the best to go on, rising.
        one_in: Of so many trials at a rung one goes on.
    """

    def __init__(self, rungs: Sequence[int], one_in: int) -> None:
        self.rungs = tuple(rungs)
        self._one_in = one_in
        self._results: dict[int, dict[int, RungResult]] = {rung: {} for rung in rungs}
        self._ranked: dict[int, list[int]] = {}
        self._waiting: dict[int, int] = {}

    def until(self, number: int, epochs: int) -> int | None:
        """Return the next rung of a trial of so many epochs, None where there is none."""
        ahead = (rung for rung in self.rungs if number not in self._results[rung])
        return next((rung for rung in ahead if rung < epochs), None)

    def is_new(self, number: int, epochs: int) -> bool:
        """Return whether a trial has come to a rung for the first time."""
        return epochs in self._results and number not in self._results[epochs]

    def reached(self, number: int, result: RungResult) -> None:
        """Take in what a trial came to at a rung; of a rung that is none, nothing."""
        if self.is_new(number, result.epochs):
            self._results[result.epochs][number] = result
            self._ranked.pop(result.epochs, None)

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
        return number in self._best(epochs, self._to_come(epochs, at_work, new))

    def leave(self, number: int) -> None:
        """Have a trial wait no longer."""
        del self._waiting[number]

    def next_up(self, at_work: Collection[int], new: int) -> int | None:
        """Return a paused trial whose turn has come, None where there is none.

        Of the highest rung first: it is the nearest to an answer.
        """
        for rung in reversed(self.rungs):
            for number in self._best(rung, self._to_come(rung, at_work, new)):
                if self._waiting.get(number) == rung:
                    return number
        return None

    def hopeless(self, at_work: Collection[int], new: int) -> list[int]:
        """Return the paused trials whose turn cannot come any more.

        Whatever is still to come to their rung: of one value each of those that are ahead stays
        ahead. Of several, where those to come change who has room around it, once none is to come.
        """
        found: list[int] = []
        for rung in self.rungs:
            to_come = self._to_come(rung, at_work, new, without=found)
            if to_come and self._has_several_values(rung):
                continue
            most = -(-(len(self._results[rung]) + to_come) // self._one_in)
            found += [n for n in self._order(rung)[most:] if self._waiting.get(n) == rung]
        return found

    def _best(self, rung: int, to_come: int) -> list[int]:
        """Return those that go on: while more may come rounded down, then up."""
        count = len(self._results[rung])
        return self._order(rung)[: count // self._one_in if to_come else -(-count // self._one_in)]

    def _to_come(
        self, rung: int, at_work: Collection[int], new: int, without: Sequence[int] = ()
    ) -> int:
        """Return how many more trials may come to a rung, at most."""
        there = self._results[rung]
        below = sum(at < rung for n, at in self._waiting.items() if n not in without)
        return new + below + sum(number not in there for number in at_work)

    def _has_several_values(self, rung: int) -> bool:
        first = next(iter(self._results[rung].values()), None)
        return first is not None and len(first.values) > 1

    def _order(self, rung: int) -> list[int]:
        if rung not in self._ranked:
            self._ranked[rung] = ranked(self._results[rung])
        return self._ranked[rung]
