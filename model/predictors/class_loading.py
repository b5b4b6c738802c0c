"""The class a predictor's name stands for."""

import inspect

from torch import nn

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.suggestions import unknown
from fieldsharp.model.registry import PREDICTORS, load


def predictor_class(name: str, setting: str) -> type[nn.Module]:
    """Return a predictor of this project, or import one of the user's.

    Whether a module of the user's may be imported was decided when the settings were validated.

    Args:
        name: A name of the catalog, or ``package.module:Class``.
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
