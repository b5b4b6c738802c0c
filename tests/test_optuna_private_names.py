"""Private names of Optuna's are used in one package, where an upgrade of Optuna is checked.

The one exception: the dashboard's pages are made with underscored modules of optuna_dashboard, in
sweep/dashboard/views.
"""

import ast
from collections.abc import Iterator

import optuna
import pytest
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._cached_storage import _CachedStorage

from fieldsharp.core.checkout import PROJECT
from fieldsharp.earlier_names import PACKAGES as LINKED

ADAPTER = "storage/optuna_adapter/"
VIEWS = "sweep/dashboard/views/"
PACKAGES = (*LINKED, "core")
PATTERNS = ("run_sweep.py", "fieldsharp/*.py", *(f"{package}/**/*.py" for package in PACKAGES))
FILES = sorted(
    path.relative_to(PROJECT).as_posix() for pattern in PATTERNS for path in PROJECT.glob(pattern)
)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _private_attributes() -> set[str]:
    """Return the private attributes of Optuna's objects that programs hold."""
    study = optuna.create_study(storage=optuna.storages.InMemoryStorage())
    trial = study.ask()
    study.tell(trial, 0.0)
    kinds = (RDBStorage, BaseStorage, _CachedStorage)
    instances = (study, trial, study.trials[0], study.sampler, study._storage)
    names = {name for one in (*kinds, *instances) for name in dir(one) if _is_private(name)}
    return names | {"_backend", "_studies"}


PRIVATE_ATTRIBUTES = _private_attributes()


def _violations(source: str, *, dashboard_modules: bool = False) -> Iterator[tuple[int, str]]:
    """Return the line and the name of every use of a private name of Optuna's."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            is_own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            is_own |= isinstance(node.value, ast.Call) and ast.unparse(node.value) == "super()"
            if node.attr in PRIVATE_ATTRIBUTES and not is_own:
                yield node.lineno, node.attr
        elif isinstance(node, ast.Import | ast.ImportFrom):
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                parts = [part for part in (*module.split("."), *alias.name.split(".")) if part]
                if parts[0] == "optuna_dashboard" and dashboard_modules:
                    continue
                is_optuna = parts[0] in ("optuna", "optuna_dashboard")
                if is_optuna and any(map(_is_private, parts)):
                    yield node.lineno, ".".join(parts)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr"):
            name = node.args[1]
            if isinstance(name, ast.Constant) and name.value in PRIVATE_ATTRIBUTES:
                yield node.lineno, str(name.value)


def test_private_names_are_used_in_the_adapter_alone() -> None:
    found = [
        f"{file}:{line}: {name}"
        for file in FILES
        if not file.startswith(ADAPTER)
        for line, name in _violations(
            (PROJECT / file).read_text(), dashboard_modules=file.startswith(VIEWS)
        )
    ]
    assert found == []
    assert len(FILES) > 200


def test_the_adapter_uses_them() -> None:
    users = {
        file
        for file in FILES
        if file.startswith(ADAPTER) and any(_violations((PROJECT / file).read_text()))
    }
    assert {f"{ADAPTER}{name}.py" for name in ("bulk_read", "internals", "trials")} <= users


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("study._storage.get_trial(3)", "_storage"),
        ("self.study._study_id", "_study_id"),
        ("found = trial._trial_id", "_trial_id"),
        ("study._thread_local.cached_all_trials = None", "_thread_local"),
        ("study._get_trials(use_cache=True)", "_get_trials"),
        ("trial._suggest('a', b)", "_suggest"),
        ("trial._cached_frozen_trial.user_attrs", "_cached_frozen_trial"),
        ("storage._backend.engine", "_backend"),
        ("getattr(study, '_storage')", "_storage"),
        ("from optuna.study._frozen import FrozenStudy", "optuna.study._frozen.FrozenStudy"),
        ("from optuna.study import _optimize", "optuna.study._optimize"),
        ("import optuna.storages._rdb.models", "optuna.storages._rdb.models"),
        ("from optuna_dashboard import _serializer", "optuna_dashboard._serializer"),
    ],
)
def test_a_use_of_a_private_name_is_found(source: str, name: str) -> None:
    assert name in [found for _, found in _violations(f"def f():\n    {source}\n")]


@pytest.mark.parametrize(
    "source",
    [
        "self._storage = storage",
        "self._storage.get_all_studies()",
        "super()._get_trials(study_id)",
        "study.get_trials(deepcopy=False)",
        "from optuna.study import Study",
        "import optuna",
        "spec.__dict__",
        "from fieldsharp.storage import _other",
    ],
)
def test_other_names_are_let_through(source: str) -> None:
    assert list(_violations(source)) == []


def test_pages_of_the_dashboard_may_use_its_underscored_modules_and_not_optunas() -> None:
    source = "from optuna_dashboard._serializer import serialize_attrs"
    assert list(_violations(source, dashboard_modules=True)) == []
    source = "from optuna.study._frozen import FrozenStudy"
    assert list(_violations(source, dashboard_modules=True)) != []
