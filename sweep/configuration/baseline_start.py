"""A training that goes on from the weights of a baseline: its length, and what is trained first."""

import math
from typing import Any

from fieldsharp.sweep.configuration.run_settings import RunSettings, StartSettings

OF_THE_TRAINING = ("seed", "device", "precision", "threads")
"""Settings that the training that comes first shares with the one that goes on from it."""
OF_THE_START = ("start", "fine_tuning")
"""Settings of how a trial starts, which say nothing of its baseline."""


def fine_tuning_epochs(share: float, epochs: int) -> int:
    """Return the epochs of a training from the weights of a baseline of so many, at least 1."""
    # A product such as 0.29 * 100 lies a little below the whole number that it means.
    return max(1, math.floor(round(share * epochs, 9)))


def with_short_epochs(run: RunSettings, windows: int) -> RunSettings:
    """Return settings whose epochs have just the share of the baseline's windows in all.

    Of a baseline of three epochs, a training of a quarter of its steps is one shorter epoch.
    Settings without ``start_from`` stay as they are.

    Args:
        run: What is trained.
        windows: Of the training part.
    """
    if run.start_from is None:
        return run
    first, training = run.start_from.training, run.training
    in_all = training.fine_tuning * first.epochs * (first.epoch_windows or windows)
    steps = max(1, math.floor(round(in_all / training.batch_size, 9)))
    an_epoch = max(1, steps // training.epochs) * training.batch_size
    short = training.model_copy(update={"epoch_windows": an_epoch})
    return run.model_copy(update={"training": short})


def starting_from(run: RunSettings, baseline: RunSettings) -> RunSettings:
    """Return settings of ``training.start`` baseline with what they start from, and their length.

    ``least_steps`` of the baseline does not count: warm-up and teacher forcing are shares of the
    short training.

    Args:
        run: What is trained.
        baseline: Of the study, with a fixed length.
    """
    first = baseline.training
    length: dict[str, Any] = {
        "length": "fixed",
        "epochs": fine_tuning_epochs(run.training.fine_tuning, first.epochs),
        "least_steps": None,
        "most_steps": None,
        "patience_steps": None,
        "epoch_windows": first.epoch_windows,
    }
    start = StartSettings(predictor=baseline.predictor, loss=baseline.loss, training=first)
    training = run.training.model_copy(update=length)
    return run.model_copy(update={"training": training, "start_from": start})


def trained_first(run: RunSettings) -> RunSettings:
    """Return what is trained before a training that goes on from it: with its seed and device."""
    start = run.start_from
    assert start is not None, "asked for trainings that go on from another one"
    shared = {name: getattr(run.training, name) for name in OF_THE_TRAINING}
    return run.model_copy(
        update={
            "predictor": start.predictor,
            "loss": start.loss,
            "training": start.training.model_copy(update=shared),
            "start_from": None,
        }
    )


def as_in_the_sweep(run: RunSettings) -> RunSettings:
    """Return the settings of a trial as its sweep has them: what it starts from is found there.

    Its training section is then that of the baseline, which has the configured value of what is
    searched.
    """
    if run.start_from is None:
        return run
    own = {name: getattr(run.training, name) for name in OF_THE_START}
    training = run.start_from.training.model_copy(update=own)
    return run.model_copy(update={"training": training, "start_from": None})


def without_start(tree: dict[str, Any]) -> None:
    """Make the export of a trial the file of a sweep, whose trials start from its own baseline.

    Args:
        tree: Plain values of a file, which is changed.
    """
    start, training = tree.pop("start_from", None), tree.get("training")
    first = start.get("training") if isinstance(start, dict) else None
    if isinstance(first, dict) and isinstance(training, dict):
        own = {name: training[name] for name in OF_THE_START if name in training}
        tree["training"] = {**first, **own}
