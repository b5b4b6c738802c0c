"""Which modules code of the user's may be imported from: those a configuration lists.

A class or function named in a configuration is code that is run: whoever takes over a configuration
of another person's has one line to look at, and nothing is imported that the line does not name.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator

from fieldsharp.core.suggestions import unknown
from fieldsharp.model.registry import PREDICTORS

MEMBER = "predictor.options.member"


def _modules(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of modules such as [my_project], found {value!r}")
    for name in value:
        if not (isinstance(name, str) and _is_module(name)):
            raise ValueError(
                f"must hold names of modules such as my_project.nets, found {name!r}; leave out "
                "the class and the path"
            )
    return value


def _is_module(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


Plugins = Annotated[tuple[str, ...], BeforeValidator(_modules)]


def require_allowed(setting: str, name: object, plugins: Sequence[str]) -> None:
    """Check that a predictor is of this project or of a module that may be imported.

    Args:
        setting: What names it, for the error.
        name: A name of the catalog, or ``package.module:Class``.
        plugins: Modules and packages that may be imported.

    Raises:
        ValueError: If it is neither, with what to add.
    """
    if isinstance(name, str) and name not in PREDICTORS:
        if ":" not in name:
            raise ValueError(f"{setting}: {unknown('predictor', name, PREDICTORS)}")
        _require_inside(setting, "class", name, plugins)


def require_term_listed(setting: str, name: str, plugins: Sequence[str]) -> None:
    """Check that a loss term is of this project or of a module that may be imported.

    Args:
        setting: What names it, for the error.
        name: A name of the catalog, or ``package.module:function``.
        plugins: Modules and packages that may be imported.

    Raises:
        ValueError: If it is neither, with what to add.
    """
    if ":" in name:
        _require_inside(setting, "function", name, plugins)


def _require_inside(setting: str, kind: str, name: str, plugins: Sequence[str]) -> None:
    module = name.partition(":")[0]
    inside = any(module == listed or module.startswith(f"{listed}.") for listed in plugins)
    if inside and _is_module(module):
        return
    there = f"plugins lists {', '.join(plugins)} alone" if plugins else "plugins lists no module"
    raise ValueError(
        f"{setting} {name!r} is a {kind} of the module {module!r}, and {there}; if you trust its "
        f"code, set plugins to [{', '.join([*plugins, module])}]"
    )
