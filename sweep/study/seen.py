"""A study as those see it who learn from its trials: what came to a rung counts, too."""

import copy
from collections.abc import Container
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from sweep.study.records import paused_after
from sweep.study.rungs import rung_results


def as_seen(study: Study) -> Any:
    """Return a study in which trials that came to a rung, and no further, are complete.

    Each has the values it came to last, beside the baseline of the same age.
    """
    return _Seen(study)


class _Seen:
    """Stands for a study."""

    def __init__(self, study: Study) -> None:
        self._study = study

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(
        self,
        deepcopy: bool = True,  # noqa: ARG002 - as Optuna calls it
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        trials = self._study._get_trials(deepcopy=False, use_cache=use_cache)
        seen = (seen_trial(trial) for trial in trials)
        return [trial for trial in seen if states is None or trial.state in states]

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
