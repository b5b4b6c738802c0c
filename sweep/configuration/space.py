"""The search space as Optuna's distributions, the samplers and the pruners."""

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler

from fieldsharp.sweep.configuration.ranges import Choices, NumberRange
from fieldsharp.sweep.configuration.settings import SearchSettings, SweepConfig

TPE_CANDIDATES = 64
"""Candidates drawn for each ask, of which the likeliest to be good is taken. With Optuna's 24, 1.2
and 1.8 times as many better configurations were missed in the same epochs (decision 18)."""


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
    """Return the sampler of a study.

    The seed depends on the number of trials in the study: a study resumed with the configured seed
    would repeat the random numbers of its beginning.
    """
    seed = (search.seed + 1_000_003 * trials_so_far) % 2**32
    if search.sampler == "random":
        return RandomSampler(seed=seed)
    if search.sampler == "gp":
        return GPSampler(seed=seed)
    return TPESampler(seed=seed, n_ei_candidates=TPE_CANDIDATES)


def make_pruner(search: SearchSettings, epochs: int) -> BasePruner:
    """Return the pruner of a study, on the score of each epoch."""
    if search.pruner == "median":
        return MedianPruner(
            n_startup_trials=search.pruner_startup_trials,
            n_warmup_steps=search.pruner_warmup_epochs,
        )
    if search.pruner == "hyperband":
        lowest = min(max(1, search.pruner_warmup_epochs), epochs)
        return HyperbandPruner(min_resource=lowest, max_resource=epochs)
    return NopPruner()


def rungs(search: SearchSettings, epochs: int) -> tuple[int, ...]:
    """Return the epochs after which trials are paused, rising; none where there are too few.

    By default a quarter and a half of all: under a constant learning rate the score at that age was
    measured to predict the final one (decision 17).
    """
    if search.rungs is not None:
        return search.rungs
    found = {round(epochs / part) for part in (4, 2)}
    return tuple(sorted(rung for rung in found if 0 < rung < epochs))


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
