"""The names of the package: loaded when used, typed, and no module in the way of another."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, assert_type

import pytest

import fieldsharp
from fieldsharp.core.checkout import PROJECT

if TYPE_CHECKING:
    import xarray as xr

    from fieldsharp.sweep.interface.evaluation import EvaluationResult
    from fieldsharp.sweep.interface.run import Run
    from fieldsharp.sweep.interface.study import Study

SLOW = ("torch", "optuna", "pandas", "xarray", "numpy", "matplotlib")


def _typed(field: "xr.DataArray", study: "Study", run: "Run") -> None:
    """Never called: what a type checker sees."""
    assert_type(fieldsharp.sweep({"data": {}}, field, trials=2), Study)
    assert_type(fieldsharp.open_study("quickstart"), Study)
    assert_type(fieldsharp.evaluate(field, field, per="km"), EvaluationResult)
    assert_type(fieldsharp.load("run"), Run)
    assert_type(run.predict(3), xr.Dataset)
    assert_type(study.resume(), Study)
    fieldsharp.sweep("sweep.yaml", trials="many")  # type: ignore[arg-type]


def _in_python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_imports_nothing_slow_and_lists_its_names() -> None:
    said = _in_python(
        "import sys, time; began = time.process_time(); import fieldsharp\n"
        "print(time.process_time() - began < 0.5)\n"
        f"print([name for name in {SLOW!r} if name in sys.modules])\n"
        "print(dir(fieldsharp))\n"
        "fieldsharp.FieldsharpError; print('torch' in sys.modules)"
    )
    assert said.splitlines() == ["True", "[]", str(sorted(fieldsharp.__all__)), "False"]


WAYS = (
    "import fieldsharp; fieldsharp.sweep",
    "import fieldsharp.sweep.configuration.settings",
    "from fieldsharp import sweep",
    "import sweep, fieldsharp",  # by its earlier name
)
IN_EACH_WAY = """
import os, sys
import matplotlib.figure, optuna, pandas, torch, xarray  # once, which takes seconds
for way in sys.argv[1:]:
    assert not [name for name in sys.modules if name.startswith(("fieldsharp", "sweep"))]
    if os.fork() == 0:
        exec(way)
        import fieldsharp, inspect, fieldsharp.sweep.configuration as c
        print(way, "gives", callable(fieldsharp.sweep), c.__name__)
        print(list(inspect.signature(fieldsharp.sweep).parameters)[:3], flush=True)
        os._exit(0)
    os.wait()
"""


def test_sweep_is_package_and_function_however_it_was_imported() -> None:
    assert _in_python(IN_EACH_WAY, *WAYS).splitlines() == [
        line
        for way in WAYS
        for line in (
            f"{way} gives True fieldsharp.sweep.configuration",
            "['config', 'data', 'study']",
        )
    ]


def test_every_name_is_there_and_another_one_is_not() -> None:
    for name in fieldsharp.__all__:
        assert getattr(fieldsharp, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        fieldsharp.nothing  # noqa: B018


def test_the_package_tells_type_checkers_that_it_is_typed() -> None:
    assert (Path(fieldsharp.__file__).parent / "py.typed").is_file()
