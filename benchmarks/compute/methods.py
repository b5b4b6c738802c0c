"""The compared search methods by name, and how one search is run."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import optuna

from benchmarks.compute import optuna_search, own_search, ray_search
from benchmarks.compute.account import Account, Referee, SearchEnded, SearchRun
from benchmarks.compute.trainings import Trainings
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.presets import presets
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.preflight import run_preflight

OURS = "ours"
OWN_SETTINGS: dict[str, tuple[str, ...]] = {
    OURS: (),
    "ours, nothing paused": ("search.pruner=none",),
    "ours, no presets": ("search.presets=baseline",),
}
"""Variants of the service by name: settings changed in the configuration."""
OTHERS = {
    "plain": "Optuna TPE + median pruner",
    "hyperband": "Optuna TPE + Hyperband",
    "ray": "Ray Tune ASHA + Optuna",
    "random": "random search",
}
"""The other methods by name, with their descriptions."""
ALWAYS = ("workers.count=1", "budget.trials=100000", "budget.stop_on_nothing_to_fix=false")
"""Sweeps run one trial at a time and are ended from outside, as the other methods are."""


@dataclass(frozen=True)
class Job:
    """One search to be run.

    Attributes:
        method: Its name.
        seed: Of its sampler.
        config: The sweep's file.
        overrides: Settings in place of those in the file.
        target: The score at which the search ends.
        cap: Full trainings' worth of passes at which it ends in any case.
        cache: Folder of trainings; None trains all anew.
    """

    method: str
    seed: int
    config: Path
    overrides: tuple[str, ...]
    target: float
    cap: float
    cache: Path | None


def run(job: Job) -> SearchRun:
    """Run one search."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    own = OWN_SETTINGS.get(job.method)
    more = () if own is None else (*own, *ALWAYS, f"search.seed={job.seed}")
    config = load_config(job.config, [*job.overrides, *more]).config
    trainings = Trainings(config.run, job.cache)
    account = _account(job, config, trainings)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="search-") as name:
        folder = Path(name)
        try:
            if own is not None:
                own_search.search(config, trainings, account, folder)
            elif job.method == "ray":
                ray_search.search(job.seed, config, trainings, account, folder)
            else:
                optuna_search.search(job.method, job.seed, config, trainings, account, folder)
        except SearchEnded:
            pass
    return account.closed(job.method, job.seed, time.perf_counter() - began)


def _account(job: Job, config: SweepConfig, trainings: Trainings) -> Account:
    """Return an empty account; the referee's baseline is trained but not counted yet."""
    baseline = trainings.begin(presets(config)[0].run(config))
    while not baseline.is_done:
        baseline.next_epoch()
    targets = run_preflight(config).facts.targets
    referee = Referee(config.objective, targets, baseline.reports[-1].judgement)
    windows = trainings.windows
    cap = round(job.cap * windows * config.training.epochs)
    return Account(referee, windows, job.target, cap)
