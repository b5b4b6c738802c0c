"""Says how many steps a training takes on this file, and whether those are few."""

from fieldsharp.sweep.checking.context import CheckContext, Finding
from fieldsharp.sweep.configuration.baseline_start import fine_tuning_epochs
from fieldsharp.sweep.configuration.training_length import (
    few_epochs,
    steps_an_epoch,
    with_whole_epochs,
)

LIKELY_STEPS = (50, 1000)
"""Measured on four fields at several seeds (decision record 30)."""


def check_length(context: CheckContext) -> Finding:
    """Return the steps and passes of one training; few of them are said, and never a failure."""
    training, windows = context.config.training, len(context.data.train)
    if training.length == "fixed":
        steps = training.epochs * steps_an_epoch(training, windows)
        few = few_epochs(training, windows) or f"{training.epochs} epochs are {steps} steps"
        return Finding(ok=True, detail=f"{few}{_from_the_baseline(context)}")
    assert training.most_steps is not None, "the settings fill it in"
    whole = with_whole_epochs(training, windows, len(context.data.validation))
    least, most = (
        min(training.most_steps, max(steps_an_epoch(whole, windows), steps))
        for steps in LIKELY_STEPS
    )
    windows_a_step = (whole.epoch_windows or windows) / steps_an_epoch(whole, windows)
    first, last = (steps * windows_a_step / windows for steps in (least, most))
    likely, passes = f"{least} to {most}", f"{first:.3g} to {last:.3g}"
    if least == most:
        likely, passes = str(most), f"{last:.3g}"
    return Finding(
        ok=True,
        detail=f"as long as the RMSE improves: likely {likely} steps, which are {passes} passes "
        f"over the {windows} training windows; at most {training.most_steps} steps"
        f"{_from_the_baseline(context)}",
    )


def _from_the_baseline(context: CheckContext) -> str:
    """Return how long a training from the weights of the baseline is; "" where none is."""
    if not context.config.starts_from_baseline:
        return ""
    training = context.config.training
    if training.length == "fixed":
        epochs = fine_tuning_epochs(training.fine_tuning, training.epochs)
        return f"; from the weights of the baseline {epochs} epochs are trained"
    return f"; from the weights of the baseline {training.fine_tuning:g} of that is trained"
