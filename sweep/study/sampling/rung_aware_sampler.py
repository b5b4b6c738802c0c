"""A sampler that also learns from trials paused or pruned at a rung, at a bounded cost per choice.

Optuna's TPE uses complete trials and ranks pruned ones behind all of them; most trials of a sweep
with promotion stay neither for long. Here each counts with its last values, beside the others. TPE
also reads every one of thousands of trials for each choice: here the best and the newest.
"""

from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.sweep.study.sampling.study_view import RungStudy, ViewCache


class RungAwareSampler(BaseSampler):
    """Has another sampler choose, and shows it trials at rungs as complete.

    Args:
        sampler: The sampler that chooses.
    """

    def __init__(self, sampler: BaseSampler) -> None:
        self._sampler = sampler
        self._cache = ViewCache()

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the parameters that are chosen together."""
        return self._sampler.infer_relative_search_space(RungStudy(study, self._cache), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the values of parameters that are chosen together."""
        return self._sampler.sample_relative(RungStudy(study, self._cache), trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return the value of a parameter that is chosen by itself."""
        return self._sampler.sample_independent(
            RungStudy(study, self._cache), trial, param_name, param_distribution
        )

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass the call on."""
        self._sampler.before_trial(RungStudy(study, self._cache), trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Pass the call on."""
        self._sampler.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Pass the call on."""
        self._sampler.reseed_rng()
