"""Finds forecasts of gridded fields that are sharp without inventing noise; for notebooks too.

>>> import fieldsharp
>>> study = fieldsharp.sweep("sweep.yaml", data=dataset, trials=8)

The names below are all there is to know: docs/python.md. They are loaded when they are first used,
since torch takes seconds.

The packages of the project lie next to this folder, and are links in it: see docs/adr/0026.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fieldsharp.earlier_names import install

if TYPE_CHECKING:
    __version__: str
    from fieldsharp.core.errors import FieldsharpError as FieldsharpError
    from fieldsharp.sweep.interface.evaluation import EvaluationResult as EvaluationResult
    from fieldsharp.sweep.interface.evaluation import evaluate as evaluate
    from fieldsharp.sweep.interface.run import Run as Run
    from fieldsharp.sweep.interface.run import load as load
    from fieldsharp.sweep.interface.run import train as train
    from fieldsharp.sweep.interface.running import sweep as sweep
    from fieldsharp.sweep.interface.study import Study as Study
    from fieldsharp.sweep.interface.study import open_study as open_study

install()

_HOME = {
    "EvaluationResult": "sweep.interface.evaluation",
    "FieldsharpError": "core.errors",
    "Run": "sweep.interface.run",
    "Study": "sweep.interface.study",
    "evaluate": "sweep.interface.evaluation",
    "load": "sweep.interface.run",
    "open_study": "sweep.interface.study",
    "train": "sweep.interface.run",
}
"""The module of each name, below ``fieldsharp``."""

__all__ = [
    "EvaluationResult",
    "FieldsharpError",
    "Run",
    "Study",
    "evaluate",
    "load",
    "open_study",
    "sweep",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "sweep":  # the package of that name, which can be called: see docs/adr/0042
        return import_module("fieldsharp.sweep")
    if name == "__version__":
        from fieldsharp.core.checkout import version

        return version()
    if name not in _HOME:
        raise AttributeError(f"module 'fieldsharp' has no attribute {name!r}")
    found = getattr(import_module(f"fieldsharp.{_HOME[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__]
