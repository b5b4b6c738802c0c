"""The Python sources of a command: its script, and what that imports of its project."""

import ast
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

MOST_SOURCES = 300
LARGEST_SOURCE = 2_000_000


def script_of(words: Sequence[str], project: Path) -> Path | None:
    """Return the Python script that a command runs, None if it is none of the project."""
    for before, word in pairwise(words):
        path = project / word
        if before == "-m":
            base = project.joinpath(*word.split("."))
            path = base / "__main__.py" if base.is_dir() else base.with_suffix(".py")
        elif before == "-c" or not word.endswith(".py"):
            continue
        return path if path.is_file() and path.resolve().is_relative_to(project.resolve()) else None
    return None


class ScriptSources:
    """The modules of a project that a script imports, each read once.

    Attributes:
        is_cut: Whether not all could be read.
    """

    def __init__(self, project: Path, folder: Path) -> None:
        self._roots = list(dict.fromkeys((folder, project, project / "src")))
        self._seen: set[Path] = set()
        self.is_cut = False

    def read(self, script: Path) -> Iterator[tuple[Path, ast.Module]]:
        """Yield the paths and syntax trees, the script's first."""
        waiting = [script]
        while waiting:
            path = waiting.pop(0)
            if path in self._seen:
                continue
            self._seen.add(path)
            try:
                if len(self._seen) > MOST_SOURCES or path.stat().st_size > LARGEST_SOURCE:
                    self.is_cut = True
                    return
                tree = ast.parse(path.read_bytes())
            except (OSError, SyntaxError, ValueError, RecursionError):
                self.is_cut = True
                continue
            yield path, tree
            for name in imported(tree, path, self._roots):
                waiting += self._files_of(name)

    def _files_of(self, module: str) -> Iterator[Path]:
        parts = module.split(".")
        for root in self._roots:
            for count in range(1, len(parts) + 1):
                base = root.joinpath(*parts[:count])
                yield from (
                    p for p in (base / "__init__.py", base.with_suffix(".py")) if p.is_file()
                )


def imported(
    tree: ast.Module, path: Path | None = None, roots: Sequence[Path] = ()
) -> Iterator[str]:
    """Yield the names of modules that a module imports, relative ones as their absolute names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = path.parents[node.level - 1] if path is not None else None
                root = next((r for r in roots if above and above.is_relative_to(r)), None)
                if above is None or root is None:
                    continue
                base = ".".join([*above.relative_to(root).parts, *base.split(".")]).strip(".")
            yield base
            yield from (f"{base}.{alias.name}".strip(".") for alias in node.names)
