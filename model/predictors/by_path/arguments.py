"""Arguments of a constructor: names of those that take channels, and sizes in place of words."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.suggestions import unknown

ARGUMENTS = "predictor.options.arguments"
NOT_GIVEN = "none"
"""The name that stands for a constructor without an argument for a number of channels."""
INPUT_NAMES = (
    *("in_channels", "in_channel", "in_chans", "in_chan", "in_ch", "in_c", "in_dim", "in_planes"),
    *("input_channels", "input_channel", "input_dim", "input_nc", "inp_channels", "inp_ch"),
    *("n_channels", "n_in_channels", "num_in_channels", "img_channels", "img_ch", "nc_in"),
)
OUTPUT_NAMES = (
    *("out_channels", "out_channel", "out_chans", "out_chan", "out_ch", "out_c", "out_dim"),
    *("output_channels", "output_channel", "output_dim", "output_nc", "output_ch", "nc_out"),
    *("n_classes", "num_classes", "classes", "n_out_channels", "num_out_channels"),
)
_WORD = re.compile(r"\{(\w+)\}")
_TRAINED = re.compile(r"(^|_)pretrain|^(checkpoint|ckpt)_(path|file|url)$")
_WEIGHTS = re.compile(r"^((encoder|backbone)_)?weights(_backbone)?$")
Parameters = Mapping[str, inspect.Parameter]


def parameters_of(make: Callable[..., object]) -> Parameters:
    """Return the parameters of a class or function by name; none where Python cannot tell.

    A class that takes any name hands it to its parent, whose names are added.
    """
    found = [make]
    if inspect.isclass(make):
        found += [vars(base)["__init__"] for base in make.__mro__ if "__init__" in vars(base)]
    names: dict[str, inspect.Parameter] = {}
    for one in found:
        try:
            parameters = dict(inspect.signature(one).parameters)
        except (TypeError, ValueError):
            continue
        parameters.pop("self", None)
        names = {**parameters, **names}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            break
    return names


def takes_any(parameters: Parameters) -> bool:
    """Return whether further names are accepted, or not known."""
    return not parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def channel_argument(
    setting: str, given: str | None, parameters: Parameters, arguments: Mapping[str, Any]
) -> str | None:
    """Return the argument that takes the number of input or output channels; None for none.

    Args:
        setting: ``inputs_as`` or ``outputs_as``.
        given: Its value; None to tell the argument by its name.
        parameters: Of the constructor.
        arguments: That are given to it; one that holds ``"{inputs}"`` or ``"{outputs}"`` suffices.

    Raises:
        ConfigError: If it cannot be told, does not exist, or is given twice.
    """
    word, known = ("inputs", INPUT_NAMES) if setting == "inputs_as" else ("outputs", OUTPUT_NAMES)
    where = f"predictor.options.{setting}"
    names = [n for n, p in parameters.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    if given == NOT_GIVEN or (given is None and word in words_in(arguments)):
        return None
    if given is None:
        found = [name for name in names if name.lower() in known]
        if len(found) != 1:
            which = f"any of {', '.join(found)}" if found else "none that is known as such"
            raise ConfigError(
                f"{where} is not given, and of the arguments {', '.join(names) or '(not known)'} "
                f'{which} may take the number of {word}; name it, put "{{{word}}}" into '
                f"{ARGUMENTS}, or give {NOT_GIVEN} for a net that takes none"
            )
        given = found[0]
    elif given not in parameters and not takes_any(parameters):
        raise ConfigError(f"{where}: {unknown('argument', given, names)}")
    if given in arguments:
        raise ConfigError(
            f"{ARGUMENTS} gives {given}, which takes the number of {word} of the data; leave it out"
        )
    return given


def words_in(value: Any) -> set[str]:
    """Return the words in braces that nested arguments hold, such as ``inputs``."""
    if isinstance(value, Mapping):
        return set().union(*map(words_in, value.values()))
    if isinstance(value, list):
        return set().union(*map(words_in, value))
    found = _WORD.fullmatch(value) if isinstance(value, str) else None
    return {found[1]} if found else set()


def filled(value: Any, sizes: Mapping[str, int]) -> Any:
    """Return arguments with sizes for words in braces, and tuples for ``{tuple: [...]}``.

    Raises:
        ConfigError: If there is no such word.
    """
    if isinstance(value, Mapping):
        if list(value) == ["tuple"] and isinstance(value["tuple"], list):
            return tuple(filled(value["tuple"], sizes))
        word = next(iter(value), "")
        if len(value) == 1 and word in sizes and value[word] is None:
            raise ConfigError(
                f"{ARGUMENTS} holds {{{word}}} without quotes, which is a mapping in YAML; write "
                f'"{{{word}}}"'
            )
        return {key: filled(one, sizes) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, sizes) for one in value]
    for word in words_in(value):
        if word not in sizes:
            raise ConfigError(f"{ARGUMENTS} holds {value!r}: {unknown('size', word, sizes)}")
        return sizes[word]
    return value


def require_known(parameters: Parameters, arguments: Mapping[str, Any], setting: str) -> None:
    """Check the names of arguments.

    Raises:
        ConfigError: If one is unknown; with the nearest.
    """
    if not takes_any(parameters):
        for name in arguments:
            if name not in parameters:
                names: Sequence[str] = list(parameters)
                raise ConfigError(f"{setting}: {unknown('argument', name, names)}")


def require_untrained(parameters: Parameters, arguments: Mapping[str, Any], net: str) -> None:
    """Refuse arguments that ask for trained weights, also by default.

    Raises:
        ConfigError: If one does.
    """
    defaults = {n: p.default for n, p in parameters.items() if p.default is not p.empty}
    for name, value in {**defaults, **arguments}.items():
        asks = _TRAINED.search(name) or (
            _WEIGHTS.search(name) and not isinstance(value, int | float | list | tuple | dict)
        )
        if asks and value:
            by = "" if name in arguments else " by default"
            raise ConfigError(
                f"{net} takes trained weights{by} ({name}={value!r}), and a sweep starts from "
                f"drawn ones, nothing is downloaded; set {ARGUMENTS}.{name} to "
                f"{'false' if isinstance(value, bool) else 'null'}"
            )
