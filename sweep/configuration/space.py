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
"""Drawn for each ask, of which the likeliest to be good is taken. Optuna draws 24, after which 1.2
and 1.8 times as many better configurations were left unfound in the same epochs (decision 18)."""


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

    The seed moves on with the number of trials there are: a study that is gone on with under the
    bare seed would draw the random numbers of its beginning again.
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

    By default a quarter and a half of all: where the learning rate does not fall, what a trial
    comes to by then was measured to tell how it ends (benchmarks/README.md).
    """
    if search.rungs is not None:
        return search.rungs
    found = {round(epochs / part) for part in (4, 2)}
    return tuple(sorted(rung for rung in found if 0 < rung < epochs))


def misleading_rungs(config: SweepConfig) -> list[str]:
    """Return a sentence where trials are paused by what an early look does not tell."""
    training = config.training
    searched = config.searched("training.schedule")
    if config.trainer is not None:
        return []  # nobody knows its schedule
    if not config.promotes or (training.schedule == "schedule_free" and searched is None):
        return []
    return [
        f"search.pruner is promotion and training.schedule {training.schedule}"
        f"{' or another' if searched else ''}, under which early epochs tell little of the end: "
        "trials may be paused by chance; set training.schedule to schedule_free"
    ]
