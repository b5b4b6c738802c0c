"""No file of the product reads anything that could run code: what the linter cannot say.

``ruff`` forbids whole modules and names (``banned-api`` in pyproject.toml); the arguments that make
``torch.load`` and ``numpy.load`` safe are held here.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT

PACKAGES = ["core", "sweep", "model", "objectives", "storage", "fields"]
PACKAGES += ["fieldsharp", "data", "benchmarks", "research", "docs"]
CHECKPOINT = "model/checkpoint.py"
MODULES = {
    *("pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "jsonpickle", "shelve"),
    *("marshal", "torch.hub", "torch.package"),
}
TORCH_LOAD = {"torch.load", "torch.serialization.load"}
NUMPY_LOAD = {"numpy.load", "numpy.lib.npyio.load", "numpy.lib.format.read_array"}
NEVER = {
    *(f"yaml.{name}" for name in ("load", "load_all", "full_load", "unsafe_load", "UnsafeLoader")),
    *("pandas.read_pickle", "torch.jit.load", "builtins.eval", "builtins.exec", "eval", "exec"),
}


def unsafe_places(source: str, path: str) -> list[str]:
    """Return what in a file could run code that it reads, with the line.

    Args:
        source: Of the file.
        path: From the root of the project.
    """
    tree = ast.parse(source)
    names = _imported(tree)
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = []
    for node in ast.walk(tree):
        for name in _named(node, names):
            call = called.get(id(node))
            problem = _problem(name, call, path)
            if problem:
                found.append(f"{path}:{getattr(node, 'lineno', 0)}: {problem}")
    return sorted(set(found))


def _imported(tree: ast.AST) -> dict[str, str]:
    """Return what each name that an import binds stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _named(node: ast.AST, names: dict[str, str]) -> Iterator[str]:
    """Yield the full names that a node imports or refers to."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
        # A function is judged where it is used, with its arguments.
        yield from (f"{node.module}.{a.name}" for a in node.names if a.name == "*")
    elif isinstance(node, ast.Attribute | ast.Name):
        parts: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            yield ".".join([names.get(inner.id, inner.id), *reversed(parts)])


def _problem(name: str, call: ast.Call | None, path: str) -> str | None:
    if name in NEVER or any(name == m or name.startswith(f"{m}.") for m in MODULES):
        return f"{name} runs code that it reads"
    if name in TORCH_LOAD:
        if path != CHECKPOINT:
            return f"{name} stands in {CHECKPOINT} alone; weights are safetensors"
        if call is None or not _says(call, "weights_only", True):
            return f"{name} without weights_only=True"
    if name in NUMPY_LOAD and (call is None or not _says(call, "allow_pickle", False)):
        return f"{name} without allow_pickle=False"
    if name.endswith(".*") and name.removesuffix(".*") in ("torch", "numpy", "yaml"):
        return f"{name} hides what is used of it"
    return None


def _says(call: ast.Call, name: str, value: bool) -> bool:
    given = [keyword.value for keyword in call.keywords if keyword.arg == name]
    return len(given) == 1 and isinstance(given[0], ast.Constant) and given[0].value is value


def product_files() -> list[Path]:
    return sorted(
        [*PROJECT.glob("*.py"), *(p for name in PACKAGES for p in (PROJECT / name).rglob("*.py"))]
    )


def test_no_file_of_the_product_loads_what_could_run_code() -> None:
    files = product_files()
    assert len(files) > 100
    found = [
        place
        for path in files
        for place in unsafe_places(
            path.read_text(encoding="utf-8"), path.relative_to(PROJECT).as_posix()
        )
    ]
    assert found == []


@pytest.mark.parametrize(
    "snippet",
    [
        "import torch\ntorch.load('x')",
        "import torch\ntorch.load('x', weights_only=True)",
        "import torch as t\nt.load('x')",
        "from torch import load\nload('x')",
        "from torch import load as read\nread('x')",
        "import torch\nread = torch.load\nread('x')",
        "from torch.serialization import load\nload('x')",
        "import torch.serialization\ntorch.serialization.load('x')",
        "import torch\ntorch.hub.load('a', 'b')",
        "from torch import hub\nhub.load('a', 'b')",
        "from torch import *",
        "import pickle",
        "from pickle import loads",
        "import dill as json",
        "import cloudpickle",
        "from joblib import load",
        "import shelve",
        "import marshal",
        "def f():\n    import pickle",
        "import yaml\nyaml.load('x', Loader=yaml.UnsafeLoader)",
        "from yaml import unsafe_load\nunsafe_load('x')",
        "import numpy as np\nnp.load('x')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import numpy as np\nnp.load('x', **{})",
        "from numpy import load\nload('x')",
        "import pandas as pd\npd.read_pickle('x')",
        "eval('x')",
    ],
)
def test_the_check_bites(snippet: str) -> None:
    assert unsafe_places(snippet, "sweep/bad.py")


@pytest.mark.parametrize(
    "snippet",
    [
        "import torch\ntorch.load('x')",
        "import torch\ntorch.load('x', weights_only=False)",
        "import torch\ntorch.load('x', weights_only=safe)",
        "import torch\ntorch.load('x', None, **options)",
        "from torch import load\nload('x')",
        "import torch\nread = torch.load",
        "import pickle",
    ],
)
def test_the_file_of_checkpoints_is_held_to_weights_only(snippet: str) -> None:
    assert unsafe_places(snippet, CHECKPOINT)


@pytest.mark.parametrize(
    ("snippet", "path"),
    [
        ("import torch\ntorch.load('x', map_location='cpu', weights_only=True)", CHECKPOINT),
        ("from torch import load\nload('x', weights_only=True)", CHECKPOINT),
        ("import numpy as np\nnp.load('x', allow_pickle=False)", "fields/reading.py"),
        ("import json\njson.load(file)", "sweep/good.py"),
        ("from fieldsharp.model.registry import load\nload('x', 'y')", "model/good.py"),
        ("import yaml\nyaml.safe_load('x')", "sweep/good.py"),
    ],
)
def test_what_is_safe_passes(snippet: str, path: str) -> None:
    assert unsafe_places(snippet, path) == []


@pytest.mark.parametrize(
    ("snippet", "path", "rule"),
    [
        ("import pickle", "sweep/bad.py", "TID251"),
        ("import marshal", "model/bad.py", "TID251"),
        ("import torch\n\nprint(torch.load)", "sweep/bad.py", "TID251"),
        ("import torch\n\nprint(torch.load)", CHECKPOINT, None),
        ("import pandas\n\npandas.read_pickle('x')", "sweep/bad.py", "S301"),
    ],
)
def test_the_linter_bites_too(snippet: str, path: str, rule: str | None) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("ruff is not installed")
    checked = subprocess.run(
        [ruff, "check", "--select", "TID251,S301", "--stdin-filename", PROJECT / path, "-"],
        input=snippet,
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
    )
    assert (rule in checked.stdout) if rule else checked.returncode == 0, checked.stdout
