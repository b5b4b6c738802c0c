"""Reads a script's flags from the syntax trees of its Python sources; nothing is run."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from fieldsharp.sweep.execution.script.assignments import Function, dotted_name
from fieldsharp.sweep.execution.script.command_line import CommandLine, Flag, Grammar
from fieldsharp.sweep.execution.script.script_sources import ScriptSources, imported, script_of

OTHER_PARSERS = {
    *("click", "typer", "tyro", "fire", "absl", "hydra", "omegaconf", "simple_parsing"),
    *("jsonargparse", "lightning", "pytorch_lightning", "transformers", "docopt", "configargparse"),
}
"""Packages that read command lines in further ways than argparse."""


def flags_in_source(project: Path, words: Sequence[str]) -> CommandLine:
    """Return the command line of a command, from its script and what that imports of a project."""
    script = script_of(words, project)
    sources = ScriptSources(project, script.parent) if script is not None else None
    read = list(sources.read(script)) if sources is not None and script is not None else []
    trees = [tree for _, tree in read]
    packages = {name.partition(".")[0] for tree in trees for name in imported(tree)}
    flags: dict[str, Flag] = {}
    for tree in trees:
        for name, flag in _declared(tree, packages):
            flags.setdefault(name, flag)
    grammar: Grammar = "plain"
    if "hydra" in packages:
        grammar = "hydra"
    elif any(_is_call_of(node, "from_cli") for tree in trees for node in ast.walk(tree)):
        grammar = "omegaconf"
    elif "fire" in packages:
        grammar = "fire"
    complete = (
        sources is not None
        and not sources.is_cut
        and bool(flags)
        and not packages & OTHER_PARSERS
        and _all_is_said(trees)
    )
    return CommandLine(flags=flags, is_complete=complete, grammar=grammar)


def _is_call_of(node: ast.AST, *names: str) -> bool:
    if not isinstance(node, ast.Call):
        return False
    return (dotted_name(node.func) or "").rpartition(".")[2] in names or (
        isinstance(node.func, ast.Attribute) and node.func.attr in names
    )


def _declared(tree: ast.Module, packages: set[str]) -> Iterator[tuple[str, Flag]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if _is_call_of(node, "add_argument", "add_option"):
                yield from _of_argparse(node)
            elif _is_call_of(node, "option", "Option"):
                yield from _of_click(node)
            elif isinstance(node.func, ast.Attribute) and node.func.attr.startswith("DEFINE_"):
                yield from _of_absl(node)
        elif isinstance(node, ast.ClassDef) and packages & {
            *("tyro", "simple_parsing", "transformers")
        }:
            yield from _of_fields(node, dashes="tyro" in packages)
        elif isinstance(node, Function) and "typer" in packages:
            yield from _of_typer(node)


def _texts(nodes: Sequence[ast.expr]) -> list[str]:
    values = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return [value for value in values if isinstance(value, str) and value.startswith("-")]


def _keywords(call: ast.Call) -> dict[str, ast.expr]:
    return {one.arg: one.value for one in call.keywords if one.arg is not None}


def _constant(node: ast.expr | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _of_argparse(call: ast.Call) -> Iterator[tuple[str, Flag]]:
    given = _keywords(call)
    action, default = _constant(given.get("action")), _constant(given.get("default"))
    for name in _texts(call.args):
        flag = Flag()
        if _last(given.get("action")) == "BooleanOptionalAction":
            flag = Flag(takes="nothing", negative=f"--no-{name.lstrip('-')}")
            yield f"--no-{name.lstrip('-')}", Flag(takes="nothing")
        elif action in ("store_true", "store_false"):
            stored = action == "store_true"
            stuck = default is stored and name.startswith("--")
            flag = Flag(takes="nothing", always=True if stuck and stored else None)
        elif action == "append":
            flag = Flag(takes="repeated")
        elif action == "extend" or _takes_several(_constant(given.get("nargs"))):
            flag = Flag(takes="words")
        elif _last(given.get("type")) == "bool":
            flag = Flag(takes="truth")
        yield name, flag


def _takes_several(nargs: object) -> bool:
    return nargs in ("+", "*") or isinstance(nargs, int)


def _last(node: ast.expr | None) -> str:
    return (dotted_name(node) or "").rpartition(".")[2] if node is not None else ""


def _of_click(call: ast.Call) -> Iterator[tuple[str, Flag]]:
    given = _keywords(call)
    for text in _texts(call.args):
        on, _, off = (part.strip() for part in text.partition("/"))
        flag = Flag()
        if off:
            flag = Flag(takes="nothing", negative=off)
            yield off, Flag(takes="nothing")
        elif _constant(given.get("is_flag")) is True:
            flag = Flag(
                takes="nothing", always=True if _constant(given.get("default")) is True else None
            )
        elif _constant(given.get("multiple")) is True:
            flag = Flag(takes="repeated")
        elif isinstance(_constant(given.get("nargs")), int):
            flag = Flag(takes="words")
        yield on, flag


def _of_absl(call: ast.Call) -> Iterator[tuple[str, Flag]]:
    name = _constant(call.args[0]) if call.args else None
    if isinstance(name, str):
        is_bool = isinstance(call.func, ast.Attribute) and "bool" in call.func.attr
        yield f"--{name}", Flag(takes="nothing", negative=f"--no{name}") if is_bool else Flag()


def _of_fields(cls: ast.ClassDef, *, dashes: bool) -> Iterator[tuple[str, Flag]]:
    """Yield the flags of a dataclass: of tyro with dashes, else with underscores."""
    if not any("dataclass" in ast.dump(one) for one in cls.decorator_list):
        return
    for statement in cls.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
            name = name.replace("_", "-") if dashes else name
            pair = dashes and _last(statement.annotation) == "bool"
            yield f"--{name}", Flag(takes="nothing", negative=f"--no-{name}") if pair else Flag()


def _of_typer(function: Function) -> Iterator[tuple[str, Flag]]:
    """Yield the flags of a function's parameters that have defaults: those with true or false."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    for one in (*positional[len(positional) - len(arguments.defaults) :], *arguments.kwonlyargs):
        if one.annotation is not None and _last(one.annotation) == "bool":
            name = one.arg.replace("_", "-")
            yield f"--{name}", Flag(takes="nothing", negative=f"--no-{name}")


def _all_is_said(trees: Sequence[ast.Module]) -> bool:
    """Whether argparse is used, and every flag it takes stands in these sources as a text."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    functions = {node.name for node in nodes if isinstance(node, Function)}
    if not any(_is_call_of(call, "ArgumentParser") for call in calls):
        return False
    if any(isinstance(node, ast.Attribute) and node.attr == "argv" for node in nodes):
        return False
    parsers = {
        dotted_name(call.func.value)
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument"
    }
    for call in calls:
        if _is_call_of(call, "parse_known_args", "parse_known_intermixed_args", "add_subparsers"):
            return False
        if _is_call_of(call, "ArgumentParser") and _keywords(call).keys() & {
            *("parents", "prefix_chars", "fromfile_prefix_chars")
        }:
            return False
        if _is_call_of(call, "add_argument"):
            if not call.args or not all(isinstance(one, ast.Constant) for one in call.args):
                return False
        elif _last(call.func) not in functions and any(
            dotted_name(one) in parsers - {None} for one in call.args
        ):
            return False
    return True
