"""A sampler that also learns from trials which are paused, or were given up, at a rung.

Optuna's TPE sees complete trials and, behind all of them, pruned ones. Most trials of a sweep with
promotion are neither for long: here each counts with what it came to last, beside the others.
"""

import copy
from collections.abc import Container, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from sweep.study.records import paused_after
from sweep.study.rungs import rung_results


class InformedSampler(BaseSampler):
    """Has another sampler choose, and shows it trials at rungs as complete ones.

    Args:
        sampler: What chooses.
    """

    def __init__(self, sampler: BaseSampler) -> None:
        self._sampler = sampler

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return what is chosen together."""
        return self._sampler.infer_relative_search_space(_seen(study), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return what is chosen together."""
        return self._sampler.sample_relative(_seen(study), trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return what is chosen by itself."""
        return self._sampler.sample_independent(_seen(study), trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass it on."""
        self._sampler.before_trial(_seen(study), trial)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Pass it on."""
        self._sampler.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Pass it on."""
        self._sampler.reseed_rng()


class _Seen:
    """A study in which trials at rungs are complete."""

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
        seen = (_as_seen(trial) for trial in trials)
        return [trial for trial in seen if states is None or trial.state in states]

    def get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        return self._get_trials(deepcopy, states)


def _seen(study: Study) -> Any:
    return _Seen(study)


def _as_seen(trial: FrozenTrial) -> FrozenTrial:
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
