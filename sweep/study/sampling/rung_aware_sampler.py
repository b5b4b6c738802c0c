"""A sampler that learns from trials which only came to a rung, and forgets what it need not know.

Optuna's TPE sees complete trials and, behind all of them, pruned ones. Most trials of a sweep with
promotion are neither for long: here each counts with what it came to last, beside the others. Of
thousands of trials it looks at every one for each choice: here at the best and the newest.
"""

from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.sweep.study.sampling.study_view import ViewCache, sampler_view


class RungAwareSampler(BaseSampler):
    """Has another sampler choose, and shows it trials at rungs as complete ones.

    Args:
        sampler: What chooses.
    """

    def __init__(self, sampler: BaseSampler) -> None:
        self._sampler = sampler
        self._memory = ViewCache()

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return what is chosen together."""
        return self._sampler.infer_relative_search_space(sampler_view(study, self._memory), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return what is chosen together."""
        return self._sampler.sample_relative(sampler_view(study, self._memory), trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return what is chosen by itself."""
        return self._sampler.sample_independent(
            sampler_view(study, self._memory), trial, param_name, param_distribution
        )

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass it on."""
        self._sampler.before_trial(sampler_view(study, self._memory), trial)

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
