"""The sampler's view of a study: paused trials count as complete."""

import bisect
import copy
import itertools
import math
from collections.abc import Container, Sequence

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.storage.optuna_adapter.internals import FilteredStudy, constraint_attribute
from fieldsharp.sweep.study.rung_results import known_rung_results
from fieldsharp.sweep.study.trial_changes import changed_places
from fieldsharp.sweep.study.trial_records import paused_after

MOST = 500
BEST = 50
"""More than TPE ever counts as good: a tenth of the trials, at most 25."""
_Rank = tuple[float, float, int]
"""Total violation of the guards, value, place of the trial."""


class RungStudy(FilteredStudy):
    """A study in which trials paused or pruned at a rung count as complete.

    Each has its last values, relative to the baseline at the same epoch; its guards have the
    violation that counted at that rung. A subclass of Optuna's ``Study``, since samplers and
    importance evaluators use its private methods and read trials with ``_get_trials``.

    A cache shows the best and the newest trials only, and spares converting trials again; without
    one all of them are shown.
    """

    def __init__(self, study: Study, cache: "ViewCache | None" = None) -> None:
        super().__init__(study)
        self._cache = cache or ViewCache()
        self._shows_all = cache is None or len(study.directions) > 1

    def visible_trials(
        self, stored: list[FrozenTrial], states: Container[TrialState] | None
    ) -> list[FrozenTrial]:
        """Return the trials as they are shown, in the order of their numbers."""
        self._cache.update(stored)
        return self._cache.shown(states) if self._shows_all else self._cache.selected(states)


class ViewCache:
    """The trials of one study as they are shown, cached between calls.

    Of many trials of one value the best and the newest are selected: TPE separates the few best
    from the rest, and gives old ones of the rest less and less weight.
    """

    def __init__(self) -> None:
        self._stored: list[FrozenTrial] = []
        self._shown: list[FrozenTrial] = []
        self._ranks: list[_Rank | None] = []
        self._best_first: list[_Rank] = []

    def update(self, trials: Sequence[FrozenTrial]) -> None:
        """Convert the trials, in the order of their numbers, that are new or changed."""
        changed = changed_places(self._stored, trials)
        for place in range(len(trials), len(self._shown)):  # they are gone
            self._put_rank(place, None)
        del self._shown[len(trials) :], self._ranks[len(trials) :]
        new = len(trials) - len(self._shown)
        self._shown += trials[len(trials) - new :]
        self._ranks += [None] * new
        for place in changed:
            self._shown[place] = shown = as_complete_at_rung(trials[place])
            self._put_rank(place, _rank(shown, place))
        self._stored = list(trials)

    def shown(self, states: Container[TrialState] | None) -> list[FrozenTrial]:
        """Return all trials that are shown in some states; None for all states."""
        return [trial for trial in self._shown if states is None or trial.state in states]

    def selected(self, states: Container[TrialState] | None) -> list[FrozenTrial]:
        """Return the best of them and the newest, in their order; all where they are few."""
        wanted = (t for t in reversed(self._shown) if states is None or t.state in states)
        newest = list(itertools.islice(wanted, MOST - BEST))[::-1]
        if len(newest) < MOST - BEST:
            return newest
        first = newest[0].number
        best_first = (self._shown[place] for *_, place in self._best_first)
        older = (
            t for t in best_first if t.number < first and (states is None or t.state in states)
        )
        best = itertools.islice(older, BEST)
        return sorted(best, key=lambda trial: trial.number) + newest

    def _put_rank(self, place: int, now: _Rank | None) -> None:
        before = self._ranks[place]
        if before == now:
            return
        if before is not None:
            del self._best_first[bisect.bisect_left(self._best_first, before)]
        if now is not None:
            bisect.insort(self._best_first, now)
        self._ranks[place] = now


def _rank(trial: FrozenTrial, place: int) -> _Rank | None:
    """Return the key that trials are ranked by, None for an unfinished trial."""
    if not trial.state.is_finished():
        return None
    violation = sum(value for value in trial.constraints.values() if value > 0)
    return violation, (trial.values or [math.inf])[0], place


def as_complete_at_rung(trial: FrozenTrial) -> FrozenTrial:
    """Return a trial paused or pruned at a rung as one that is complete there; others unchanged."""
    if trial.state is not TrialState.PRUNED and paused_after(trial) is None:
        return trial
    results = known_rung_results(trial)
    if not results:
        return trial
    shown = copy.copy(trial)
    shown.state = TrialState.COMPLETE
    shown.values = list(results[-1].values)
    # The violation that counted at the rung, without what was forgiven. By the same constraints as
    # of complete trials: a Gaussian process wants as many of each.
    own = {name: value for name, value in trial.constraints.items() if value > 0}
    counted, total = results[-1].violation, sum(own.values())
    shown.system_attrs = dict(trial.system_attrs)
    for name, value in own.items():
        shown.system_attrs[constraint_attribute(name)] = value * counted / total
    if not trial.constraints:
        shown.system_attrs[constraint_attribute("guards")] = counted
    return shown
