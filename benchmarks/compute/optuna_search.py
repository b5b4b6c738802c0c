"""Searches of the plain script: as it is, and with other samplers and pruners of Optuna."""

from collections.abc import Iterator
from pathlib import Path

import optuna

from benchmarks import plain_script
from benchmarks.compute.account import Account
from benchmarks.compute.trainings import Trainings
from fieldsharp.core.errors import TrainingFailed
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.epoch_report import EpochReport

ENDLESS = 10_000
"""Trials; the account ends the search."""


def search(
    kind: str, seed: int, config: SweepConfig, trainings: Trainings, account: Account, folder: Path
) -> None:
    """Run the plain script, its sampler seeded, on a database of its own.

    Args:
        kind: ``plain`` leaves it as it is, ``hyperband`` takes that pruner, ``random`` that
            sampler and no pruner.
        seed: Of the sampler.
        config: What is searched.
        trainings: Where its trials are trained.
        account: Where they are counted.
        folder: Where its database is made.

    Raises:
        SearchEnded: Once the account says so.
    """
    epochs = config.training.epochs
    sampler: optuna.samplers.BaseSampler
    pruner: optuna.pruners.BasePruner
    if kind == "plain":
        sampler, pruner = optuna.samplers.TPESampler(seed=seed), optuna.pruners.MedianPruner()
    elif kind == "hyperband":
        sampler = optuna.samplers.TPESampler(seed=seed)
        pruner = optuna.pruners.HyperbandPruner(1, max_resource=epochs, reduction_factor=3)
    elif kind == "random":
        sampler, pruner = optuna.samplers.RandomSampler(seed=seed), optuna.pruners.NopPruner()
    else:
        raise ValueError(f"a search is plain, hyperband or random, found {kind!r}")
    study = optuna.create_study(
        storage=f"sqlite:///{folder / 'plain.db'}",
        study_name=f"{config.study} {seed}",  # Hyperband draws a trial's bracket from this
        sampler=sampler,
        pruner=pruner,
    )
    plain_script.search(config, lambda run: counted(run, trainings, account), study, ENDLESS)


def counted(run: RunSettings, trainings: Trainings, account: Account) -> Iterator[EpochReport]:
    """Train a trial of a search, yielding after each epoch.

    Raises:
        TrainingFailed: If it diverged.
        SearchEnded: In place of an epoch, once the search has no more to do.
    """
    account.require_open()
    training, number = trainings.begin(run), account.begin()
    while not training.is_done:
        account.require_open()
        try:
            report = training.next_epoch()
        except TrainingFailed:
            account.add(number, run, None)
            raise
        account.add(number, run, report)
        yield report
