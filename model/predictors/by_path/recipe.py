"""How the net of a library is built: its import path, and its arguments."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.predictors.by_path.arguments import (
    ARGUMENTS,
    channel_argument,
    filled,
    parameters_of,
    require_known,
    require_untrained,
)
from fieldsharp.model.predictors.by_path.foreign_code import foreign_code
from fieldsharp.model.registry import load

LONGEST_SHOWN = 300


@dataclass(frozen=True)
class Recipe:
    """A class, or a function that returns a net, and the arguments it is called with.

    Attributes:
        net: Its import path.
        make: The class or function.
        arguments: As configured, with words in braces for sizes.
        roles: Arguments that take sizes of the data, and the word of each.
    """

    net: str
    make: Callable[..., Any]
    arguments: Mapping[str, Any]
    roles: Mapping[str, str] = field(default_factory=dict)

    def build(self, sizes: Mapping[str, int]) -> nn.Module:
        """Return the net for some sizes, with freshly drawn weights.

        Raises:
            ConfigError: If it cannot be built, or is no ``torch.nn.Module``.
        """
        arguments = filled(self.arguments, sizes)
        arguments |= {name: sizes[word] for name, word in self.roles.items()}
        try:
            with foreign_code():
                built = self.make(**arguments)
        except (Exception, SystemExit) as error:  # a class of others may raise anything
            raise ConfigError(
                f"predictor.options.module {self.net} cannot be built with {_shown(arguments)} "
                f"({one_line(error)}); change {ARGUMENTS}"
            ) from error
        if not isinstance(built, nn.Module):
            raise ConfigError(
                f"predictor.options.module {self.net} makes {type(built).__name__} where a "
                "torch.nn.Module was expected; name a class of nets, or a function that returns one"
            )
        return built


def recipe(
    net: str,
    arguments: Mapping[str, Any] | None,
    inputs_as: str | None,
    outputs_as: str | None,
    further: Mapping[str, str] | None = None,
) -> Recipe:
    """Import a net and find out how it is told the sizes of the data.

    Args:
        net: Import path of a class, or of a function that returns a net.
        arguments: That it is given.
        inputs_as: Argument that takes the number of input channels; None to tell it by its name.
        outputs_as: Likewise of output channels.
        further: Other arguments that take a size, and its word.

    Raises:
        ConfigError: If it cannot be imported or called so.
    """
    if not isinstance(arguments, Mapping | None):
        raise ConfigError(f"{ARGUMENTS} must be a mapping of arguments, found {arguments!r}")
    arguments = dict(arguments or {})
    with foreign_code():
        make = load(net, "predictor.options.module")
    if not callable(make):
        raise ConfigError(
            f"predictor.options.module {net} is {type(make).__name__}; name a class of nets, or a "
            "function that returns one"
        )
    parameters = parameters_of(make)
    require_known(parameters, arguments, ARGUMENTS)
    require_untrained(parameters, arguments, net)
    roles = dict(further or {})
    for name, word in roles.items():
        require_known(parameters, {name: word}, f"predictor.options, {word} frames")
    for setting, given, word in (
        ("inputs_as", inputs_as, "inputs"),
        ("outputs_as", outputs_as, "outputs"),
    ):
        takes = channel_argument(setting, given, parameters, arguments)
        if takes is not None:
            roles[takes] = word
    return Recipe(net, make, arguments, roles)


def one_line(error: BaseException) -> str:
    """Return the class and the message of an error in one line of limited length."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _shown(arguments: Mapping[str, Any]) -> str:
    return (
        ", ".join(f"{name}={json.dumps(value)}" for name, value in arguments.items()) or "nothing"
    )
