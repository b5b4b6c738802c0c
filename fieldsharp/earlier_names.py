"""Import paths of earlier versions, such as ``model.losses.sobel``, lead to the modules of today.

Configurations and plug-ins name them. A module of the user's by one of these names comes first.
"""

import sys
import sysconfig
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.abc import Loader, MetaPathFinder
else:  # it imports tempfile and random, and with python -m a file of the user's by that name
    Loader = MetaPathFinder = object

PACKAGES = ("fields", "model", "objectives", "storage", "sweep")
"""The packages that were importable by their own names."""
NEW = ("core", "research")
"""Further folders next to this one, which hide modules of the user's when a program here is run."""
MOVED = {
    "fields.axes": "fields.coordinates.dimensions",
    "fields.climatology": "fields.masked_statistics",
    "fields.errors": "core.errors",
    "fields.gaps": "fields.missing_values",
    "fields.memory": "core.memory",
    "fields.names": "core.suggestions",
    "fields.ordering": "fields.masked_statistics",
    "fields.partial_file": "core.partial_file",
    "fields.regions": "fields.masked_statistics",
    "model.catalog": "model.registry",
    "model.losses.adjusted_mse": "model.losses.spectral",
    "model.losses.crps": "model.losses.members",
    "model.losses.fourier": "model.losses.spectral",
    "model.losses.gradient": "model.losses.derivatives",
    "model.losses.gradient_difference": "model.losses.derivatives",
    "model.losses.laplacian": "model.losses.derivatives",
    "model.losses.magnitude": "model.losses.derivatives",
    "model.losses.multiscale": "model.losses.derivatives",
    "model.losses.none": "model.losses.pointwise",
    "model.losses.normalisation": "model.losses.forecast_loss",
    "model.losses.own_term": "model.losses.custom_term",
    "model.losses.sobel": "model.losses.derivatives",
    "model.losses.weighted": "model.losses.pointwise",
    "model.memory": "model.device",
    "model.predictors.building": "model.predictors.factory",
    "model.predictors.classes": "model.predictors.factory",
    "model.predictors.layout": "model.predictors.layers",
    "model.predictors.padding": "model.predictors.layers",
    "model.predictors.shape": "model.predictors.interface",
    "model.predictors.weights": "model.checkpoint",
    "objectives.contenders": "objectives.verdicts.contenders",
    "objectives.scales": "objectives.spectral_statistics",
    "objectives.verdict": "objectives.verdicts.verdict",
}
"""Modules a plug-in may have imported and that have another name today.

They are found below ``fieldsharp`` as well."""


def install() -> None:
    """Make the earlier names importable, as the same modules and never as second copies."""
    if not any(isinstance(finder, _EarlierNames) for finder in sys.meta_path):
        sys.meta_path.insert(0, _EarlierNames())


def keep_one_copy(name: str) -> None:
    """Replace a package that is being imported by its earlier name with the one of today."""
    if name in PACKAGES:
        sys.modules[name] = import_module(f"fieldsharp.{name}")


class _EarlierNames(MetaPathFinder):
    """Finds a module of an earlier name, unless the user has one of that name."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - of the protocol
        target: ModuleType | None = None,  # noqa: ARG002 - of the protocol
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        if package == "fieldsharp" and name in MOVED:
            return ModuleSpec(fullname, _SameModule(f"fieldsharp.{MOVED[name]}"))
        if package not in (*PACKAGES, *NEW):
            return None
        if not name and (theirs := _of_the_user(package)) is not None:
            return theirs
        if package in NEW:
            return None
        if name:  # its package was imported before it
            is_ours = sys.modules.get(package) is sys.modules.get(f"fieldsharp.{package}")
        else:
            is_ours = _is_ours(package)
        today = f"fieldsharp.{MOVED.get(fullname, fullname)}"
        return ModuleSpec(fullname, _SameModule(today)) if is_ours else None


class _SameModule(Loader):
    """Gives a module that is imported under another name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        try:
            module = import_module(self._name)
        except ModuleNotFoundError as error:
            if error.name != self._name:
                raise
            raise ModuleNotFoundError(f"No module named {spec.name!r}", name=spec.name) from error
        self._spec = module.__spec__
        return module

    def get_code(self, _fullname: str) -> CodeType | None:
        """Return the code of the module of today: for ``python -m``."""
        spec = import_module(self._name).__spec__
        assert spec is not None, "it was imported"
        assert isinstance(spec.loader, SourceFileLoader), "it is a file of Python"
        return spec.loader.get_code(self._name)

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # importing put that of the earlier name in its place


def _of_the_user(package: str) -> ModuleSpec | None:
    """Return the user's own module or package of a name, None if there is none.

    It is on the path outside this checkout, and no package that happens to be installed.
    """
    others = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib", "stdlib")}
    others.add(Path(__file__).resolve().parents[1])
    places = [place for place in sys.path if Path(place).resolve() not in others]
    found = PathFinder.find_spec(package, places)
    return found if found is not None and found.origin is not None else None


def _is_ours(package: str) -> bool:
    """Return whether nobody else has a package or module of this name on the path."""
    found = PathFinder.find_spec(package)
    if found is None:
        return True
    here = Path(__file__).parent / package / "__init__.py"
    return found.origin is not None and Path(found.origin).resolve() == here.resolve()
