"""A sampler half of whose trials have a loss variant that can sharpen.

A variant that can sharpen costs accuracy and breaks guards early in training, so a sampler that
learns from rungs may come to draw only variants that cannot: they are safe, and hopeless.
"""

import random
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.model.registry import loss_variant
from fieldsharp.storage.optuna_adapter.internals import QUEUED_PARAMETERS
from fieldsharp.sweep.configuration.ranges import Choices, setting_path
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.trial_changes import changed_places
from fieldsharp.sweep.study.trial_records import SPEC
from fieldsharp.sweep.study.verdict_inputs import can_sharpen

DRAWS = 4
"""Of the sampler, before a variant is drawn without it."""


def with_sharpening_share(sampler: BaseSampler, config: SweepConfig) -> BaseSampler:
    """Return a sampler that keeps the share; the same where the search leaves it no choice.

    That is where no variant or every variant of the search can sharpen, and where the rest of the
    loss can.
    """
    if can_sharpen(config.loss.model_copy(update={"gradient_weight": 0.0})):
        return sampler
    for name, searched in config.search.space.items():
        if setting_path(name) == "loss.variant" and isinstance(searched, Choices):
            sharpening = [str(one) for one in searched.choices if loss_variant(str(one)).sharpens]
            if 0 < len(sharpening) < len(searched.choices):
                return SharpeningShare(sampler, name, sharpening, config.search.seed)
    return sampler


class SharpeningShare(BaseSampler):
    """Has another sampler choose, and replaces its loss variant where too few could sharpen.

    Of the first trials that it chose, however many, at least half have one of the variants. A
    variant that cannot sharpen is drawn again, and then, since the likeliest choice of a sampler is
    often the same, at random. Trials that were queued, presets among them, do not count.

    Args:
        sampler: Chooses.
        name: The parameter of the variant.
        sharpening: Its choices that can sharpen.
        seed: Of the study; with the number of a trial it gives the random choice.
    """

    def __init__(
        self, sampler: BaseSampler, name: str, sharpening: Sequence[str], seed: int
    ) -> None:
        self.sampler = sampler
        self._name = name
        self._sharpening = tuple(sharpening)
        self._seed = seed
        self._chosen = ChosenValues(name, self._sharpening)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the parameters that are chosen together."""
        return self.sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the values of parameters that are chosen together."""

        def draw() -> dict[str, Any]:
            return self.sampler.sample_relative(study, trial, search_space)

        values = draw()
        if self._name not in values or not self._is_due(study, trial, values[self._name]):
            return values
        found = self._again(draw, lambda drawn: drawn[self._name])
        return found or {**values, self._name: self._at_random(trial)}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return the value of a parameter that is chosen by itself."""

        def draw() -> Any:
            return self.sampler.sample_independent(study, trial, param_name, param_distribution)

        value = draw()
        if param_name != self._name or not self._is_due(study, trial, value):
            return value
        return self._again(draw, lambda drawn: drawn) or self._at_random(trial)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass the call on."""
        self.sampler.before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Pass the call on."""
        self.sampler.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Pass the call on."""
        self.sampler.reseed_rng()

    def _is_due(self, study: Study, trial: FrozenTrial, variant: Any) -> bool:
        """Return whether a trial must have a variant that can sharpen, and this is none."""
        if variant in self._sharpening:
            return False
        self._chosen.update(study.get_trials(deepcopy=False))
        chosen, sharpening = self._chosen.before(trial.number)
        return 2 * sharpening <= chosen

    def _again(self, draw: Callable[[], Any], variant_of: Callable[[Any], Any]) -> Any:
        drawn = (draw() for _ in range(DRAWS))
        return next((one for one in drawn if variant_of(one) in self._sharpening), None)

    def _at_random(self, trial: FrozenTrial) -> str:
        return random.Random(f"{self._seed} {trial.number}").choice(self._sharpening)


class ChosenValues:
    """Which trials of a study its sampler chose a value for, one of some or another.

    Args:
        name: The parameter.
        among: The values that are counted by themselves.
    """

    def __init__(self, name: str, among: Sequence[str]) -> None:
        self._name = name
        self._among = among
        self._trials: list[FrozenTrial] = []
        self._counted: list[tuple[int, int]] = []
        self._unfinished: set[int] = set()
        self._all = self._of_them = 0

    def update(self, trials: Sequence[FrozenTrial]) -> None:
        """Count the trials, in the order of their numbers, that are new or may have changed."""
        changed = {*changed_places(self._trials, trials), *self._unfinished}
        for place in range(len(trials), len(self._counted)):  # they are gone
            self._put(place, (0, 0))
        del self._counted[len(trials) :]
        self._counted += [(0, 0)] * (len(trials) - len(self._counted))
        changed = {place for place in changed if place < len(trials)}
        for place in changed:
            self._put(place, self._count(trials[place]))
        self._unfinished = {place for place in changed if not trials[place].state.is_finished()}
        self._trials = list(trials)

    def before(self, number: int) -> tuple[int, int]:
        """Return how many trials of lower numbers it chose, and for how many one of the values."""
        later = takewhile(lambda trial: trial.number >= number, reversed(self._trials))
        counts = [self._count(trial) for trial in later]
        return self._all - sum(one for one, _ in counts), self._of_them - sum(s for _, s in counts)

    def _put(self, place: int, now: tuple[int, int]) -> None:
        before, self._counted[place] = self._counted[place], now
        self._all += now[0] - before[0]
        self._of_them += now[1] - before[1]

    def _count(self, trial: FrozenTrial) -> tuple[int, int]:
        is_chosen = (
            self._name in trial.params
            and SPEC in trial.user_attrs
            and QUEUED_PARAMETERS not in trial.system_attrs
        )
        return (1, int(trial.params[self._name] in self._among)) if is_chosen else (0, 0)
