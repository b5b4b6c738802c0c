"""A study as those see it who learn from its trials: what came to a rung counts, too."""

import copy
import math
from collections.abc import Container
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from sweep.study.records import paused_after
from sweep.study.rungs import rung_results

MOST = 500
BEST = 50
"""More than TPE ever takes for good: a tenth of the trials, at most 25."""


def as_seen(study: Study, memory: "Memory | None" = None) -> Any:
    """Return a study in which trials that came to a rung, and no further, are complete.

    Each has the values it came to last, beside the baseline of the same age.

    Args:
        study: As the database has it.
        memory: Leaves out what is not worth knowing, and spares reading trials again; None shows
            all of them.
    """
    return _Seen(study, memory)


class Memory:
    """What is kept of the trials of one study between looks, so that asking stays cheap.

    Of many trials of one value the best are worth knowing, and the newest: TPE tells the best few
    from the rest, among which it weighs old ones less and less.
    """

    def __init__(self) -> None:
        self._shown: dict[int, FrozenTrial] = {}
        self._rank: dict[int, tuple[float, float]] = {}

    def shown(self, trial: FrozenTrial) -> FrozenTrial:
        """Return a trial as it is seen; one that ended is looked at once."""
        if not trial.state.is_finished():
            return seen_trial(trial)
        if trial.number not in self._shown:
            self._shown[trial.number] = seen_trial(trial)
        return self._shown[trial.number]

    def worth_knowing(self, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        """Return all trials, or of many the best and the newest, in their order."""
        if len(trials) <= MOST:
            return trials
        newest = trials[BEST - MOST :]
        older = sorted(trials[: BEST - MOST], key=self._ranked)[:BEST]
        return sorted(older, key=lambda trial: trial.number) + newest

    def _ranked(self, trial: FrozenTrial) -> tuple[float, float]:
        if trial.number in self._rank:
            return self._rank[trial.number]
        violation = sum(value for value in trial.constraints.values() if value > 0)
        rank = violation, (trial.values or [math.inf])[0]
        if trial.number in self._shown:  # it ended
            self._rank[trial.number] = rank
        return rank


class _Seen:
    """Stands for a study."""

    def __init__(self, study: Study, memory: "Memory | None" = None) -> None:
        self._study = study
        self._memory = memory

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(
        self,
        deepcopy: bool = True,  # noqa: ARG002 - as Optuna calls it
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        trials = self._study._get_trials(deepcopy=False, use_cache=use_cache)
        show = seen_trial if self._memory is None else self._memory.shown
        seen = (show(trial) for trial in trials)
        found = [trial for trial in seen if states is None or trial.state in states]
        if self._memory is None or len(self._study.directions) > 1:
            return found
        return self._memory.worth_knowing(found)

    def get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        return self._get_trials(deepcopy, states)


def seen_trial(trial: FrozenTrial) -> FrozenTrial:
    """Return a trial that waits or was given up at a rung as one that came to its end there."""
    if trial.state is not TrialState.PRUNED and paused_after(trial) is None:
        return trial
    results = rung_results(trial)
    if not results:
        return trial
    seen = copy.copy(trial)
    seen.state = TrialState.COMPLETE
    seen.values = list(results[-1].values)
    return seen
