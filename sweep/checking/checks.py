"""All checks, one after the other."""

from collections.abc import Callable, Iterator
from functools import partial

import torch

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.fields.windows import load_forecast_data
from fieldsharp.model.device import find_hardware
from fieldsharp.model.predictors.factory import build_predictor, check_predictor
from fieldsharp.sweep.checking.blur import check_blur
from fieldsharp.sweep.checking.check import Check
from fieldsharp.sweep.checking.context import CheckContext
from fieldsharp.sweep.checking.input_range import (
    check_later_values,
    check_level,
    check_mask,
    check_time,
    check_training_values,
    check_units,
)
from fieldsharp.sweep.checking.loss_terms import check_term, terms_reached
from fieldsharp.sweep.checking.model_loading import check_evaluation_mode, check_weights
from fieldsharp.sweep.checking.optimiser import (
    check_learning_rate,
    check_movement,
    check_short_training,
)
from fieldsharp.sweep.checking.script_checks import check_script
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.preflight import local_processes
from fieldsharp.sweep.trials.trial import forecast_shape


def checks_of(config: SweepConfig) -> Iterator[Check]:
    """Yield every check of a configuration.

    Raises:
        DataError: If the data cannot be used.
        ConfigError: If the predictor cannot be built or run, or settings do not fit.
    """
    if config.trainer is not None:
        return check_script(config)
    return run_checks(open_context(config))


def open_context(config: SweepConfig) -> CheckContext:
    """Read the data and try the predictor.

    Raises:
        DataError: If the data cannot be used.
        ConfigError: If the predictor cannot be built or run.
    """
    torch.set_num_threads(config.training.threads)
    training = config.training
    if config.executor == "ray":  # whose nodes have what this machine may lack
        training = training.model_copy(update={"device": "auto"})
    hardware = find_hardware(training)
    data = load_forecast_data(config.data, hardware.device, local_processes(config))
    shape = forecast_shape(data, config.run)
    check_predictor(build_predictor(config.predictor, shape), shape, config.predictor.name)
    return CheckContext(config, data, hardware)


def run_checks(subject: CheckContext) -> Iterator[Check]:
    """Yield every check; the same subject gives the same checks on one CPU.

    Raises:
        ConfigError: If settings that go together do not fit.
    """
    checks: dict[str, Callable[[CheckContext], Check]] = {
        "units": check_units,
        "values in training": check_training_values,
        "values in validation": partial(check_later_values, part="validation"),
        "values in test": partial(check_later_values, part="test"),
        "level": check_level,
        "mask": check_mask,
        "time": check_time,
        "blur": check_blur,
        "weights": check_weights,
        "evaluation mode": check_evaluation_mode,
        "optimiser": check_movement,
        "learning rate": check_learning_rate,
        "training": check_short_training,
    }
    for name, settings in terms_reached(subject).items():
        checks[f"loss term {name}"] = partial(check_term, name=name, settings=settings)
    for name, check in checks.items():
        try:
            yield check(subject)
        except TrainingFailed as error:
            # An error says what is wrong, what was found and what to do.
            detail, _, fix = str(error).partition("; ")
            yield Check(name, ok=False, detail=detail, fix=fix)
