"""Predictors built from their settings, the user's own classes included."""

import inspect

import torch
from torch import nn

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.suggestions import unknown
from fieldsharp.model.predictors.interface import ForecastShape, SelfTesting
from fieldsharp.model.predictors.saved_state import only_tensors
from fieldsharp.model.registry import PREDICTORS, load
from fieldsharp.model.settings import PredictorSettings


def build_predictor(settings: PredictorSettings, shape: ForecastShape) -> nn.Module:
    """Return the predictor with freshly drawn weights.

    Raises:
        ConfigError: If the class does not exist, is no module, refuses its options, or predicts
            another shape than asked.
    """
    cls = predictor_class(settings.name, "predictor.name")
    accepted = inspect.signature(cls).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    for name in settings.options:
        if name not in accepted and not takes_any:
            own = [p for p in accepted if p not in ("shape", "width")]
            raise ConfigError(f"predictor.options: {unknown('option', name, own)}")
    try:
        predictor: nn.Module = cls(shape, settings.width, **settings.options)
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:  # a class of the user's may raise anything
        raise ConfigError(
            f"predictor {settings.name!r} cannot be built with width {settings.width} and options "
            f"{settings.options} ({_one_line(error)})"
        ) from error
    only_tensors(predictor)
    return predictor


def check_predictor(predictor: nn.Module, shape: ForecastShape, name: str) -> None:
    """Run the predictor once on zeros.

    Raises:
        ConfigError: If it fails or returns another shape.
    """
    if not any(parameter.requires_grad for parameter in predictor.parameters()):
        raise ConfigError(f"predictor {name!r} has no parameters, so there is nothing to train")
    history_BTCHW = torch.zeros(1, shape.history, shape.inputs, shape.height, shape.width)
    expected = (1, shape.horizon, shape.channels, shape.height, shape.width)
    predictor.eval()
    try:
        with torch.no_grad():
            found = tuple(predictor(history_BTCHW).shape)
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"predictor {name!r} fails on a history of shape {tuple(history_BTCHW.shape)} "
            f"({_one_line(error)}){_channels(shape)}"
        ) from error
    if found != expected:
        raise ConfigError(
            f"predictor {name!r} returns the shape {found} where (batch, horizon, channel, y, x) = "
            f"{expected} was expected{_channels(shape)}"
        )
    for module in predictor.modules():
        if isinstance(module, SelfTesting):
            module.test_itself()


def _channels(shape: ForecastShape) -> str:
    """Return what a predictor that takes one channel alone has to take; "" where that is all."""
    if shape.inputs == shape.channels == 1:
        return ""
    fewer = "leave data.inputs, data.static and data.forcings out"
    predicted = f"the first {shape.channels} of which are predicted"
    if shape.inputs == shape.channels:
        fewer, predicted = "name one variable in data.predict", "all of which are predicted"
    elif shape.channels == 1:
        predicted = "the first of which is predicted"
    return (
        f"; it is called with {shape.inputs} input channels (shape.inputs), {predicted} "
        "(shape.channels): build its first layer for shape.inputs and its last for shape.channels, "
        f"or {fewer}"
    )


def predictor_class(name: str, setting: str) -> type[nn.Module]:
    """Return the class of a predictor of this project, or import one of the user's.

    Whether a module of the user's may be imported was decided when the settings were validated.

    Args:
        name: A name of the registry, or ``package.module:Class``.
        setting: The setting that named it, for the error.

    Raises:
        ConfigError: If there is no such class, or it is no ``torch.nn.Module``.
    """
    if name not in PREDICTORS and ":" not in name:  # a bare name must not import a module
        raise ConfigError(f"{setting}: {unknown('predictor', name, PREDICTORS)}")
    cls = load(PREDICTORS.get(name, name), setting)
    if not (inspect.isclass(cls) and issubclass(cls, nn.Module)):
        raise ConfigError(
            f"{setting} {name!r} is {cls!r}; it must be a subclass of torch.nn.Module"
        )
    return cls


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
