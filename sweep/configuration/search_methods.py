"""Samplers and pruners by the names that ``search.sampler`` and ``search.pruner`` take.

Adding a pruner: a line in ``PRUNERS``, and its name among those of ``SearchSettings.pruner``, from
which the page of settings and the completion of the shell are made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # reading a configuration must not load Optuna
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

TPE_CANDIDATES = 64
"""Drawn for each ask, of which the likeliest to be good is taken. Optuna draws 24, after which 1.2
and 1.8 times as many better configurations were left unfound in the same epochs (decision 18)."""


@dataclass(frozen=True)
class Pruner:
    """How hopeless trials are stopped before their end.

    Attributes:
        rung_rule: Import path of a ``sweep.engine.rung_rule.RungRule``, which pauses trials at
            rungs; None if trials are not paused.
        by_score: From the trials and the epochs before which nothing is pruned, and all epochs of
            a trial, to Optuna's pruner, which ends trials by one score; None if none are ended.
    """

    rung_rule: str | None = None
    by_score: "Callable[[int, int, int], BasePruner] | None" = None


def _median(startup_trials: int, warmup_epochs: int, _epochs: int) -> "BasePruner":
    from optuna.pruners import MedianPruner

    return MedianPruner(n_startup_trials=startup_trials, n_warmup_steps=warmup_epochs)


def _hyperband(_startup_trials: int, warmup_epochs: int, epochs: int) -> "BasePruner":
    from optuna.pruners import HyperbandPruner

    return HyperbandPruner(min_resource=min(max(1, warmup_epochs), epochs), max_resource=epochs)


PRUNERS = {
    "none": Pruner(),
    "promotion": Pruner(rung_rule="fieldsharp.sweep.engine.asha:Asha"),
    "median": Pruner(by_score=_median),
    "hyperband": Pruner(by_score=_hyperband),
}


def _tpe(seed: int) -> "BaseSampler":
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed, n_ei_candidates=TPE_CANDIDATES)


def _random(seed: int) -> "BaseSampler":
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)


def _gp(seed: int) -> "BaseSampler":
    from optuna.samplers import GPSampler

    return GPSampler(seed=seed)


SAMPLERS = {"tpe": _tpe, "random": _random, "gp": _gp}
