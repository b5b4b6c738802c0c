"""A study as those see it who learn from its trials: what came to a rung counts, too."""

import bisect
import copy
import itertools
import math
from collections.abc import Container, Sequence
from typing import Any

from optuna.study import Study
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.sweep.study.rung_results import known_rung_results
from fieldsharp.sweep.study.trial_records import paused_after

MOST = 500
BEST = 50
"""More than TPE ever takes for good: a tenth of the trials, at most 25."""
_Rank = tuple[float, float, int]
"""By how much guards are broken, the value, the number."""


def sampler_view(study: Study, memory: "ViewCache | None" = None) -> Any:
    """Return a study in which trials that came to a rung, and no further, are complete.

    Each has the values it came to last, beside the baseline of the same age; of its guards counts
    what counted there.

    Args:
        study: As the database has it.
        memory: Leaves out what is not worth knowing, and spares reading trials again; None shows
            all of them.
    """
    return _Seen(study, memory)


class ViewCache:
    """What is kept of the trials of one study between looks, so that asking stays cheap.

    Of many trials of one value the best are worth knowing, and the newest: TPE tells the best few
    from the rest, among which it weighs old ones less and less.
    """

    def __init__(self) -> None:
        self._known: list[FrozenTrial] = []
        self._seen: list[FrozenTrial] = []
        self._ranks: list[_Rank | None] = []
        self._best_first: list[_Rank] = []

    def look(self, trials: Sequence[FrozenTrial]) -> None:
        """Take in all trials as they are now; only those that are new or changed cost anything.

        Args:
            trials: In the order of their numbers, from 0; one that is another object was changed.
        """
        known = len(self._known)
        pairs = zip(self._known, trials, strict=False)
        changed = [place for place, (before, now) in enumerate(pairs) if before is not now]
        for place in changed:
            self._see(place, trials[place])
        for trial in trials[known:]:
            self._known.append(trial)
            self._seen.append(trial)
            self._ranks.append(None)
            self._see(len(self._known) - 1, trial)

    def seen(self, states: Container[TrialState] | None) -> list[FrozenTrial]:
        """Return all trials in some states, as they are seen."""
        return [trial for trial in self._seen if states is None or trial.state in states]

    def worth_knowing(self, states: Container[TrialState] | None) -> list[FrozenTrial]:
        """Return the best of them and the newest, in their order; all where there are few."""
        wanted = (t for t in reversed(self._seen) if states is None or t.state in states)
        newest = list(itertools.islice(wanted, MOST - BEST))[::-1]
        if len(newest) < MOST - BEST:
            return newest
        first = newest[0].number
        older = (self._seen[number] for *_, number in self._best_first if number < first)
        best = itertools.islice((t for t in older if states is None or t.state in states), BEST)
        return sorted(best, key=lambda trial: trial.number) + newest

    def _see(self, place: int, trial: FrozenTrial) -> None:
        seen = view_of_trial(trial)
        self._known[place], self._seen[place] = trial, seen
        before, now = self._ranks[place], _rank(seen)
        if before == now:
            return
        if before is not None:
            del self._best_first[bisect.bisect_left(self._best_first, before)]
        if now is not None:
            bisect.insort(self._best_first, now)
        self._ranks[place] = now


def _rank(trial: FrozenTrial) -> _Rank | None:
    """Return what trials are ranked by, None before there is anything to be ranked."""
    if not trial.state.is_finished():
        return None
    violation = sum(value for value in trial.constraints.values() if value > 0)
    return violation, (trial.values or [math.inf])[0], trial.number


class _Seen:
    """Stands for a study."""

    def __init__(self, study: Study, memory: ViewCache | None = None) -> None:
        self._study = study
        self._memory = memory or ViewCache()
        self._has_all = memory is None or len(study.directions) > 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(
        self,
        deepcopy: bool = True,  # noqa: ARG002 - as Optuna calls it
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        self._memory.look(self._study._get_trials(deepcopy=False, use_cache=use_cache))
        return self._memory.seen(states) if self._has_all else self._memory.worth_knowing(states)

    def get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        return self._get_trials(deepcopy, states)


def view_of_trial(trial: FrozenTrial) -> FrozenTrial:
    """Return a trial that waits or was given up at a rung as one that came to its end there."""
    if trial.state is not TrialState.PRUNED and paused_after(trial) is None:
        return trial
    results = known_rung_results(trial)
    if not results:
        return trial
    seen = copy.copy(trial)
    seen.state = TrialState.COMPLETE
    seen.values = list(results[-1].values)
    # Of its guards, too, what counts there: one that is forgiven is not held against its like.
    others = trial.system_attrs.items()
    seen.system_attrs = {k: v for k, v in others if not k.startswith(_CONSTRAINTS_KEY)}
    seen.system_attrs[f"{_CONSTRAINTS_KEY}:guards"] = results[-1].violation
    return seen
