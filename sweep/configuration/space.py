"""The search space as Optuna's distributions, its sampler and pruner, and the rungs of trials."""

import math

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import BasePruner, NopPruner
from optuna.samplers import BaseSampler

from fieldsharp.sweep.configuration.ranges import Choices, NumberRange
from fieldsharp.sweep.configuration.search_methods import PRUNERS, SAMPLERS
from fieldsharp.sweep.configuration.settings import SearchSettings, SweepConfig


def distributions(search: SearchSettings) -> dict[str, BaseDistribution]:
    """Return a distribution for every searched parameter."""
    return {name: _distribution(searched) for name, searched in search.space.items()}


def _distribution(searched: NumberRange | Choices) -> BaseDistribution:
    if isinstance(searched, Choices):
        return CategoricalDistribution(searched.choices)
    if isinstance(searched.low, int) and isinstance(searched.high, int):
        return IntDistribution(searched.low, searched.high, log=searched.log)
    return FloatDistribution(float(searched.low), float(searched.high), log=searched.log)


def make_sampler(search: SearchSettings, trials_so_far: int) -> BaseSampler:
    """Return the sampler of a study that has so many trials.

    The seed depends on the number of trials in the study: a study resumed with the configured seed
    would repeat the random numbers of its beginning.
    """
    return SAMPLERS[search.sampler]((search.seed + 1_000_003 * trials_so_far) % 2**32)


def make_pruner(search: SearchSettings, epochs: int) -> BasePruner:
    """Return the pruner of a study for the score of each epoch; "auto" prunes nothing by it."""
    by_score = PRUNERS[search.pruner].by_score if search.pruner in PRUNERS else None
    if by_score is None:
        return NopPruner()
    return by_score(search.pruner_startup_trials, search.pruner_warmup_epochs, epochs)


def rungs(search: SearchSettings, epochs: int) -> tuple[int, ...]:
    """Return the epochs after which trials are paused, rising; none where there are too few.

    By default a quarter and a half of all: under a constant learning rate the score at that age was
    measured to predict the final one (decision 17).
    """
    if search.rungs is not None:
        return search.rungs
    found = {round(epochs / part) for part in (4, 2)}
    return tuple(sorted(rung for rung in found if 0 < rung < epochs))


def possible_rungs(config: SweepConfig) -> tuple[int, ...]:
    """Return every number of epochs that may become a rung once the length of trials is known."""
    return tuple(range(1, math.ceil(config.training.epochs / 2) + 1)) if config.promotes else ()


def misleading_rungs(config: SweepConfig) -> list[str]:
    """Return a warning where trials are paused by early scores that predict little."""
    training = config.training
    searched = config.searched("training.schedule")
    if config.trainer is not None:
        return []  # the schedule of a script is unknown
    if not config.promotes or (training.schedule == "schedule_free" and searched is None):
        return []
    return [
        f"search.pruner is promotion and training.schedule {training.schedule}"
        f"{' or another' if searched else ''}, under which early epochs tell little of the end: "
        "trials may be paused by chance; set training.schedule to schedule_free"
    ]
