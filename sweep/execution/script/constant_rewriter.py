"""Replaces constants in a module's source by its syntax tree, and changes nothing else in it."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.suggestions import nearest
from fieldsharp.sweep.configuration.ranges import Scalar

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


def replace_constants(source: bytes, constants: Mapping[str, Scalar], path: Path) -> bytes:
    """Return the source of a module with the values of some of its constants replaced.

    Raises:
        ConfigError: If the source cannot be read, or a constant is not assigned there, in a
            statement of its own.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        text = source.decode(encoding)
        tree = ast.parse(text)
    except (SyntaxError, UnicodeDecodeError, ValueError) as error:
        raise ConfigError(f"{path} is not valid Python ({error}); correct it") from error
    assigned = list(_assignments(tree.body))
    edits = []
    for name, value in constants.items():
        matches = [one for one in assigned if name in one.names]
        _require_plain(name, matches, assigned, path)
        edits += [(one.value, ascii(value)) for one in matches]
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


@dataclass(frozen=True)
class _Assignment:
    """A statement that assigns a value to names of a module; a plain one to a single name only."""

    names: tuple[str, ...]
    value: ast.expr
    is_plain: bool


def _assignments(body: Sequence[ast.stmt], within: str = "") -> Iterator[_Assignment]:
    """Yield the assignments that importing a module executes, not those in functions.

    Members of a class or dictionary are named after it: ``Training.WEIGHT``.
    """
    for statement in body:
        match statement:
            case ast.Assign(targets=targets, value=value):
                names = tuple(within + n for target in targets for n in _names_in(target))
                plain = len(targets) == 1 and isinstance(targets[0], ast.Name)
                yield _Assignment(names, value, plain)
                for name in names:
                    yield from _entries(name, value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield _Assignment((within + name,), value, is_plain=True)
                yield from _entries(within + name, value)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                yield _Assignment((within + name,), value, is_plain=False)
            case ast.ClassDef(name=name, body=inside):
                yield from _assignments(inside, f"{within}{name}.")
            case ast.Match(cases=cases):
                for one in cases:
                    yield from _assignments(one.body, within)
            case ast.If() | ast.For() | ast.While() | ast.With() | ast.Try() | ast.TryStar():
                for part in ("body", "orelse", "finalbody"):
                    yield from _assignments(getattr(statement, part, []), within)
                for handler in getattr(statement, "handlers", []):
                    yield from _assignments(handler.body, within)
            case _:
                pass


def _entries(name: str, value: ast.expr) -> Iterator[_Assignment]:
    """Yield the entries of a dictionary display."""
    if isinstance(value, ast.Dict):
        for key, entry in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                inside = f"{name}.{key.value}"
                yield _Assignment((inside,), entry, is_plain=True)
                yield from _entries(inside, entry)


def _names_in(target: ast.expr) -> list[str]:
    if isinstance(target, ast.Tuple | ast.List):
        return [name for element in target.elts for name in _names_in(element)]
    return [target.id] if isinstance(target, ast.Name) else []


def _require_plain(
    name: str, matches: Sequence[_Assignment], assigned: Sequence[_Assignment], path: Path
) -> None:
    if not matches:
        known = sorted({n for one in assigned for n in one.names})
        guess = nearest(name, known)
        hint = f"did you mean {guess}?" if guess else "name one that is assigned there"
        raise ConfigError(f"trainer.names: {path} assigns no {name}: {hint}")
    odd = next((one for one in matches if not one.is_plain), None)
    if odd is not None:
        raise ConfigError(
            f"trainer.names: {path} assigns {name} together with others, or changes it, in line "
            f"{odd.value.lineno}; give it a line of its own such as {name} = 0.05"
        )
