"""Modules that classes and functions of the user may be imported from, listed under ``plugins``.

A class or function named in a configuration is code that is run. A reader of another person's
configuration needs to check this one line: nothing is imported from modules that it does not name.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator

from fieldsharp.core.suggestions import unknown
from fieldsharp.model.registry import ADAPTERS, PREDICTORS

MEMBER = "predictor.options.member"
MODULE = "predictor.options.module"
PROGRAM = "__main__"
IN_A_CELL = (
    "__main__ is the notebook or program that is running, and trials run in processes of their "
    "own, which do not have its classes; write the class into a file beside it, such as nets.py, "
    "and name nets:Net with plugins: [nets]"
)


def _modules(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of modules such as [my_project], found {value!r}")
    for name in value:
        if not (isinstance(name, str) and _is_module(name)):
            raise ValueError(
                f"must hold names of modules such as my_project.nets, found {name!r}; leave out "
                "the class and the path"
            )
        if name == PROGRAM:
            raise ValueError(IN_A_CELL)
    return value


def _is_module(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


Plugins = Annotated[tuple[str, ...], BeforeValidator(_modules)]


def require_allowed(setting: str, name: object, plugins: Sequence[str]) -> None:
    """Check that a predictor is registered, or ``package.module:Class`` of a listed module.

    Raises:
        ValueError: If it is neither; the message names the module to list.
    """
    if isinstance(name, str) and name not in PREDICTORS:
        if ":" not in name:
            raise ValueError(f"{setting}: {unknown('predictor', name, PREDICTORS)}")
        _require_inside(setting, "class", name, plugins)


def require_allowed_module(
    setting: str, module: object, names: Iterable[object], plugins: Sequence[str]
) -> None:
    """Check the net of a library, where one of the predictors is made of it.

    Args:
        setting: The setting that names the net, for the error.
        module: The net, ``package.module:Name`` of a listed module.
        names: Of the predictors that may be trained.
        plugins: The listed modules.

    Raises:
        ValueError: If it is missing, no such path, or of another module.
    """
    adapter = next((name for name in names if name in ADAPTERS), None)
    if adapter is None:
        return
    if not isinstance(module, str) or ":" not in module:
        found = "and it is missing" if module is None else f"found {module!r}"
        raise ValueError(
            f"{setting} must name the net of the predictor {adapter} as package.module:Class, such "
            f"as neuralop.models:FNO, {found}"
        )
    _require_inside(setting, "net", module, plugins)


def require_listed(setting: str, kind: str, name: str, plugins: Sequence[str]) -> None:
    """Check that a loss term or a sharpener is registered, or of a listed module.

    Args:
        setting: The setting that names it, for the error.
        kind: function or class.
        name: Of the registry, or ``package.module:name``.
        plugins: The listed modules.

    Raises:
        ValueError: If it is neither; the message names the module to list.
    """
    if ":" in name:
        _require_inside(setting, kind, name, plugins)


def _require_inside(setting: str, kind: str, name: str, plugins: Sequence[str]) -> None:
    module = name.partition(":")[0]
    if module == PROGRAM:
        raise ValueError(f"{setting} {name!r}: {IN_A_CELL}")
    inside = any(module == plugin or module.startswith(f"{plugin}.") for plugin in plugins)
    if inside and _is_module(module):
        return
    listed = f"plugins lists {', '.join(plugins)} alone" if plugins else "plugins lists no module"
    raise ValueError(
        f"{setting} {name!r} is a {kind} of the module {module!r}, and {listed}; if you trust its "
        f"code, set plugins to [{', '.join([*plugins, module])}]"
    )
