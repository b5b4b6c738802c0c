"""Replaces constants in a module's source by its syntax tree, and changes nothing else in it."""

import ast
import io
import re
import tokenize
from collections.abc import Mapping, Sequence
from pathlib import Path

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.suggestions import nearest
from fieldsharp.sweep.configuration.ranges import GivenValue
from fieldsharp.sweep.execution.script.assignments import (
    Assignment,
    InFunction,
    assigned_in_functions,
    assignments,
)

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")


def module_file(project: Path, module: str) -> Path:
    """Return the file of a module of a project.

    Raises:
        ConfigError: If it does not exist.
    """
    base = project.joinpath(*module.split("."))
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    raise ConfigError(
        f"trainer.names names the module {module!r}, and {project} has neither "
        f"{module.replace('.', '/')}.py nor {module.replace('.', '/')}/__init__.py; name a module "
        "of trainer.project"
    )


def replace_constants(source: bytes, constants: Mapping[str, GivenValue], path: Path) -> bytes:
    """Return the source of a module with the values of some of its constants replaced.

    Raises:
        ConfigError: If the source cannot be read, or a constant is not assigned there, in a
            statement of its own.
    """
    text, encoding, tree = _parse(source, path)
    assigned = list(assignments(tree.body))
    edits = []
    for name, value in constants.items():
        matches = [one for one in assigned if name in one.names]
        _require_plain(name, matches, assigned, tree, path)
        edits += [(one.value, _literal(value, one.value)) for one in matches]
    starts = [match.start() for match in _LINE.finditer(text)]

    def offset(line: int, column: int) -> int:
        # Columns of a syntax tree are bytes of UTF-8.
        start = starts[line - 1]
        return start + len(text[start:].encode()[:column].decode())

    for node, text_of_value in sorted(
        edits, key=lambda edit: (-edit[0].lineno, -edit[0].col_offset)
    ):
        assert node.end_lineno is not None, "set by the parser"
        assert node.end_col_offset is not None, "set by the parser"
        begin = offset(node.lineno, node.col_offset)
        end = offset(node.end_lineno, node.end_col_offset)
        text = text[:begin] + text_of_value + text[end:]
    return text.encode(encoding)


def later_assignments(source: bytes, name: str, path: Path) -> list[InFunction]:
    """Return the assignments in functions that may replace the value of a constant later.

    Raises:
        ConfigError: If the source cannot be read.
    """
    _, _, tree = _parse(source, path)
    return [one for one in assigned_in_functions(tree, name) if not one.is_local]


def _parse(source: bytes, path: Path) -> tuple[str, str, ast.Module]:
    """Return the text of a module, its encoding and its syntax tree."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        text = source.decode(encoding)
        return text, encoding, ast.parse(text)
    except (SyntaxError, UnicodeDecodeError, ValueError) as error:
        raise ConfigError(f"{path} is not valid Python ({error}); correct it") from error


def _literal(value: GivenValue, replaced: ast.expr) -> str:
    """Return a value as Python source: several as a tuple where one is replaced, else as a list."""
    if isinstance(value, tuple) and not isinstance(replaced, ast.Tuple):
        return ascii(list(value))
    return ascii(value)


def _require_plain(
    name: str,
    matches: Sequence[Assignment],
    assigned: Sequence[Assignment],
    tree: ast.Module,
    path: Path,
) -> None:
    if not matches:
        known = sorted({n for one in assigned for n in one.names})
        same_end = [n for n in known if n.rpartition(".")[2] == name.rpartition(".")[2]]
        guess = nearest(name, same_end) or next(iter(same_end), None)
        inside = next(iter(assigned_in_functions(tree, name)), None)
        if inside is not None and guess is None:
            raise ConfigError(
                f"trainer.names: {path} assigns no {name} outside of the function "
                f"{inside.function} (line {inside.line}), which importing the module does not run; "
                "assign it there, or have the script take the value from a flag or a file"
            )
        guess = guess or nearest(name, known)
        hint = f"did you mean {guess}?" if guess else "name one that is assigned there"
        raise ConfigError(f"trainer.names: {path} assigns no {name}: {hint}")
    odd = next((one for one in matches if not one.is_plain), None)
    if odd is not None:
        raise ConfigError(
            f"trainer.names: {path} assigns {name} together with others, or changes it, in line "
            f"{odd.value.lineno}; give it a line of its own such as {name} = 0.05"
        )
