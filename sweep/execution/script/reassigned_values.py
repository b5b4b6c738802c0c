"""Values that a script's source assigns again, after which they are no longer those of a trial."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from fieldsharp.sweep.configuration.placeholders import placed_names
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.execution.script.assignments import Function, dotted_name
from fieldsharp.sweep.execution.script.command_line import CommandLine
from fieldsharp.sweep.execution.script.constant_rewriter import later_assignments, module_file
from fieldsharp.sweep.execution.script.launch import flag_of
from fieldsharp.sweep.execution.script.script_sources import ScriptSources, script_of

PARSES = ("parse_args", "parse_intermixed_args")
MAIN_GUARD = "__name__"


@dataclass(frozen=True)
class FixedLater:
    """A statement that assigns a fixed value to a name, attribute or entry, certainly run."""

    name: str
    text: str
    line: int


def reassigned_values(settings: ScriptSettings, line: CommandLine) -> list[str]:
    """Return a sentence for each value of a trial that the script assigns again.

    Named are constants that a function of their module changes, constants to which another module
    of the script gives a fixed value, and arguments that get a fixed value after the command line
    was parsed. A value computed from the one of the trial is none.

    Args:
        settings: Of the script.
        line: What its first command takes.
    """
    project = Path(settings.project)
    names = [*dict.fromkeys((*settings.given, *settings.baseline))]
    passed = [n for n in names if settings.is_passed(n) and settings.file_entry(n) is None]
    first, *others = [_sources(command, project) for command in settings.commands]
    told: list[str] = []
    if settings.values == "constants":
        everywhere = dict(source for sources in (first, *others) for source in sources)
        for name in passed:
            told += _changed_constant(settings.names[name], project, everywhere)
    flags = _placed_flags(settings.command)
    if settings.values == "flags":
        flags |= {flag_of(settings, line, n): n for n in passed}
    for path, tree in first if flags else []:
        told += _fixed_arguments(tree, path, flags, first)
    return told


def _placed_flags(command: Sequence[str]) -> dict[str, str]:
    """Return the names in braces that are values of flags, by flag."""
    found: dict[str, str] = {}
    for before, word in pairwise(command):
        flag = word.partition("=")[0] if word.startswith("-") else before
        if flag.startswith("-"):
            for name in placed_names([word]):
                found[flag] = name
    return found


def _sources(command: Sequence[str], project: Path) -> list[tuple[Path, ast.Module]]:
    script = script_of(command, project)
    return list(ScriptSources(project, script.parent).read(script)) if script is not None else []


def _changed_constant(
    called: str, project: Path, sources: Mapping[Path, ast.Module]
) -> Iterator[str]:
    """Yield the places where a constant ``module:NAME`` gets another value."""
    module, _, constant = called.partition(":")
    own = module_file(project, module)
    for one in later_assignments(own.read_bytes(), constant, own):
        yield (
            f"{called} is assigned again in the function {one.function} (line {one.line} of "
            f"{own.name}), after which it no longer has the value of the trial"
        )
    for path, tree in sources.items():
        names = set(_aliases(tree, module, constant)) if path != own else set()
        # In a function a plain name is a variable of its own, an attribute is not.
        dotted = {name for name in names if "." in name}
        found = [one for one in _fixed_later(tree.body, with_functions=False) if one.name in names]
        found += [one for one in _fixed_later(tree.body, with_functions=True) if one.name in dotted]
        for fixed in dict.fromkeys(found):
            yield (
                f"{called} is set to {fixed.text} in line {fixed.line} of {path.name}, after which "
                "it no longer has the value of the trial; take that line out"
            )


def _aliases(tree: ast.Module, module: str, constant: str) -> Iterator[str]:
    """Yield what another module calls a constant that it imports."""
    base, _, member = constant.partition(".")
    rest = f".{member}" if member else ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                if one.name == module:
                    yield f"{one.asname or module}.{constant}"
        elif isinstance(node, ast.ImportFrom):
            above, _, last = module.rpartition(".")
            for one in node.names:
                if node.module == module and not node.level and one.name in (base, "*"):
                    yield f"{one.asname or base}{rest}"
                elif node.module == (above or None) and one.name == last:
                    yield f"{one.asname or last}.{constant}"


def _fixed_arguments(
    tree: ast.Module,
    path: Path,
    flags: Mapping[str, str],
    sources: Sequence[tuple[Path, ast.Module]],
) -> Iterator[str]:
    """Yield the flags whose argument gets a fixed value after the command line was parsed."""
    members = {_member(flag, sources): flag for flag in flags}
    for body in _scopes(tree):
        parsed: dict[str, int] = {}
        for statement in _certain(body):
            if isinstance(statement, ast.Assign) and _is_parsed(statement.value):
                parsed |= {n: statement.lineno for t in statement.targets if (n := dotted_name(t))}
        for line in _updates(body, parsed):
            yield (
                f"all arguments may be replaced after {path.name} has parsed them (line {line}): "
                "see that the values of flags come last"
            )
        for fixed in _fixed_later(body, with_functions=False):
            holder, _, member = fixed.name.rpartition(".")
            if fixed.line > parsed.get(holder, fixed.line) and member in members:
                flag = members[member]
                yield (
                    f"{path.name} sets {fixed.name} to {fixed.text} itself (line {fixed.line}), so "
                    f"that {flag} has no effect after it: take that line out, or {flags[flag]} out "
                    "of the settings"
                )


def _updates(body: Sequence[ast.stmt], parsed: Mapping[str, int]) -> list[int]:
    """Return the lines in which all arguments may be replaced, as by those of a file.

    Args:
        body: Of a module or function.
        parsed: The line in which the command line was parsed, by the name of its arguments.
    """
    lines = set()
    for node in (node for statement in body for node in ast.walk(statement)):
        match node:
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Call(func=ast.Name(id="vars"), args=[holder])
                    | ast.Attribute(value=holder, attr="__dict__"),
                    attr="update",
                ),
                args=[new],
            ) if not _is_fixed(new):
                pass
            case ast.Call(func=ast.Name(id="setattr"), args=[holder, name, _]) if not _is_fixed(
                name
            ):
                pass
            case _:
                continue
        if node.lineno > parsed.get(dotted_name(holder) or "", node.lineno):
            lines.add(node.lineno)
    return sorted(lines)


def _member(flag: str, sources: Sequence[tuple[Path, ast.Module]]) -> str:
    """Return the attribute that argparse stores a flag in."""
    for _, tree in sources:
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            names = [str(one.value) for one in node.args if isinstance(one, ast.Constant)]
            if node.func.attr == "add_argument" and flag in names:
                for keyword in node.keywords:
                    if keyword.arg == "dest" and isinstance(keyword.value, ast.Constant):
                        return str(keyword.value.value)
                flag = next((name for name in names if name.startswith("--")), flag)
    return flag.lstrip("-").replace("-", "_")


def _is_parsed(value: ast.expr) -> bool:
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr in PARSES
    )


def _scopes(tree: ast.Module) -> Iterator[Sequence[ast.stmt]]:
    yield tree.body
    yield from (node.body for node in ast.walk(tree) if isinstance(node, Function))


def _fixed_later(body: Sequence[ast.stmt], *, with_functions: bool) -> Iterator[FixedLater]:
    """Yield the assignments of fixed values among statements that are certainly run.

    Args:
        body: Of a module or function.
        with_functions: Whether those in functions count too, as if each were called.
    """
    bodies = [body]
    if with_functions:
        found = [node for one in body for node in ast.walk(one)]
        bodies += [node.body for node in found if isinstance(node, Function)]
    for one in bodies:
        for statement in _certain(one):
            if isinstance(statement, ast.Assign) and _is_fixed(statement.value):
                for target in statement.targets:
                    if (name := dotted_name(target)) is not None:
                        text = ast.unparse(statement.value)
                        yield FixedLater(name, text, statement.lineno)


def _certain(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a body that no condition but the guard of a main program skips."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.With | ast.For | ast.Try) or (
            isinstance(statement, ast.If) and MAIN_GUARD in ast.unparse(statement.test)
        ):
            yield from _certain(statement.body)


def _is_fixed(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
