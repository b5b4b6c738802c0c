"""How long a training is: steps as whole epochs, and the fixed length that follows from them."""

import math

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.settings import LEAST_STEPS, MOST_EPOCHS, TrainingSettings
from fieldsharp.objectives.improvement import StoppingRule

LEAST_LOOKS = 12
"""Evaluations within ``most_steps``: fewer cannot tell where the RMSE stops improving."""
MOST_LOOKS = 48
"""More would spend more time on evaluations than on steps where one pass is a few steps."""
LEAST_PATIENCE = 2
"""Epochs; the RMSE after a single one may be worse by chance."""
LEAST_VALIDATION_WINDOWS = 2


def steps_an_epoch(training: TrainingSettings, windows: int) -> int:
    """Return the steps of one epoch.

    Args:
        training: Settings.
        windows: Of the training part.
    """
    return math.ceil((training.epoch_windows or windows) / training.batch_size)


def with_whole_epochs(
    training: TrainingSettings, windows: int, validation_windows: int
) -> TrainingSettings:
    """Return settings of length ``auto`` with the most steps in whole epochs; others unchanged.

    An epoch is one pass over the training windows, a part of one where there would be fewer than
    ``LEAST_LOOKS`` evaluations, and several where there would be more than ``MOST_LOOKS``. Settings
    that have whole epochs already stay as they are.

    Raises:
        ConfigError: If the series is too short to tell where a training stops improving, or the
            given epochs are too short for the most steps.
    """
    if training.length != "auto" or training.most_steps is None:
        return training
    if validation_windows < LEAST_VALIDATION_WINDOWS:
        raise ConfigError(
            f"training.length is auto, and the validation part has {validation_windows} window, "
            "from which nobody can tell where a training stops improving; give a longer series or "
            "a larger data.split.validation, or set training.epochs"
        )
    most = training.most_steps
    epoch_windows = training.epoch_windows or _windows_between_looks(
        windows, training.batch_size, most
    )
    found = training.model_copy(update={"epoch_windows": epoch_windows})
    epochs = max(1, most // steps_an_epoch(found, windows))
    if epochs > MOST_EPOCHS:
        raise ConfigError(
            f"training.epoch_windows is {epoch_windows}, with which training.most_steps, {most}, "
            f"are {epochs} epochs, more than {MOST_EPOCHS}; leave epoch_windows out, or lower "
            "most_steps"
        )
    return found.model_copy(update={"epochs": epochs})


def _windows_between_looks(windows: int, batch_size: int, most_steps: int) -> int | None:
    """Return the windows of an epoch that is a part of a pass or several; None for one pass."""
    one_pass = math.ceil(windows / batch_size)
    longest = max(1, most_steps // LEAST_LOOKS)
    if one_pass > longest:
        return longest * batch_size
    if most_steps // one_pass > MOST_LOOKS:
        # A batch that is larger than a pass is filled from several.
        return math.ceil(most_steps / one_pass / MOST_LOOKS) * max(windows, batch_size)
    return None


def few_epochs(training: TrainingSettings, windows: int) -> str | None:
    """Return a warning where a fixed length is few steps.

    None where it is not, where it was found by ``auto``, and where the windows are a script's.

    Args:
        training: Settings.
        windows: Of the training part; 0 where they are unknown.
    """
    steps = training.epochs * steps_an_epoch(training, windows)
    is_given = training.length == "fixed" and training.least_steps is None
    if not is_given or not windows or steps >= LEAST_STEPS:
        return None
    return (
        f"training.epochs is {training.epochs}, which are {steps} steps on this file, and a net "
        f"that is trained for fewer than {LEAST_STEPS} is often blurred for that reason alone; "
        "set training.length to auto, or more epochs"
    )


def stopping_rule(training: TrainingSettings, steps: int) -> StoppingRule:
    """Return the rule that ends a training of length ``auto``, in epochs.

    Args:
        training: With whole epochs, see ``with_whole_epochs``.
        steps: Of one epoch.
    """
    assert training.least_steps is not None, "the settings fill it in"
    assert training.patience_steps is not None, "the settings fill it in"
    most = training.epochs
    return StoppingRule(
        least=min(most, math.ceil(training.least_steps / steps)),
        most=most,
        patience=max(LEAST_PATIENCE, math.ceil(training.patience_steps / steps)),
    )


def pilot_of(training: TrainingSettings) -> TrainingSettings | None:
    """Return the settings of the schedule-free training that finds the length of another.

    A falling rate ends at a step that must be known before, and under it the RMSE improves until
    then. None where no other training is needed.
    """
    if training.length != "auto" or training.schedule == "schedule_free":
        return None
    return training.model_copy(update={"schedule": "schedule_free"})


def fixed_length(training: TrainingSettings, epochs: int) -> TrainingSettings:
    """Return settings that train for so many epochs, each as under ``auto``.

    ``least_steps`` stays, since warm-up and teacher forcing are shares of it: the training is then
    that of ``auto`` until there, bit for bit.
    """
    if training.length == "fixed":
        return training
    update = {"length": "fixed", "epochs": epochs, "most_steps": None, "patience_steps": None}
    return training.model_copy(update=update)
