"""The assignments of values to names, attributes and dictionary entries in a module's source."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Function = ast.FunctionDef | ast.AsyncFunctionDef
DEFAULTS = ("field", "Field", "ib", "attrib", "arg")
"""Functions whose call is the default of a class's field: of dataclasses, pydantic, attrs and
simple_parsing."""


@dataclass(frozen=True)
class Assignment:
    """A statement that assigns a value to names of a module; a plain one to a single name only."""

    names: tuple[str, ...]
    value: ast.expr
    is_plain: bool


@dataclass(frozen=True)
class InFunction:
    """An assignment within a function; local if what it assigns to is the function's own."""

    line: int
    function: str
    is_local: bool


def assignments(body: Sequence[ast.stmt], within: str = "") -> Iterator[Assignment]:
    """Yield the assignments that importing a module executes, not those in functions.

    Attributes and entries are named after what holds them, as are members of a class, dictionary
    or call: ``configs.lr`` for ``configs.lr = 1``, ``configs["lr"] = 1`` and
    ``configs = Config(lr=1)``. What a class's ``__init__`` assigns to ``self`` is a member of it.
    """
    for statement in body:
        match statement:
            case ast.Assign(targets=targets, value=value):
                names = tuple(within + n for target in targets for n in _names_in(target))
                plain = len(targets) == 1 and dotted_name(targets[0]) is not None
                yield from _with_entries(names, value, is_plain=plain)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                names = tuple(within + n for n in _names_in(target))
                yield from _with_entries(names, value, is_plain=True)
            case ast.AugAssign(target=target, value=value):
                names = tuple(within + n for n in _names_in(target))
                yield Assignment(names, value, is_plain=False)
            case ast.ClassDef(name=name, body=inside):
                yield from assignments(inside, f"{within}{name}.")
                for method in inside:
                    if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                        yield from _members(method, f"{within}{name}.")
            case ast.Match(cases=cases):
                for one in cases:
                    yield from assignments(one.body, within)
            case ast.If() | ast.For() | ast.While() | ast.With() | ast.Try() | ast.TryStar():
                for part in ("body", "orelse", "finalbody"):
                    yield from assignments(getattr(statement, part, []), within)
                for handler in getattr(statement, "handlers", []):
                    yield from assignments(handler.body, within)
            case _:
                pass


def dotted_name(target: ast.expr) -> str | None:
    """Return a name, attribute or entry as ``a.b.c``; None of anything else."""
    match target:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=holder, attr=name):
            pass
        case ast.Subscript(value=holder, slice=ast.Constant(value=str() as name)):
            pass
        case _:
            return None
    above = dotted_name(holder)
    return f"{above}.{name}" if above is not None else None


def assigned_in_functions(tree: ast.Module, name: str) -> Iterator[InFunction]:
    """Yield the assignments to a name, attribute or entry within functions, in order of lines."""
    base = name.partition(".")[0]
    found = []
    for function in ast.walk(tree):
        if not isinstance(function, Function):
            continue
        for node in ast.walk(function):
            targets: Sequence[ast.expr] = ()
            if isinstance(node, ast.Assign):
                targets = node.targets
            elif isinstance(node, ast.AnnAssign | ast.AugAssign):
                targets = (node.target,)
            if any(name in _names_in(target) for target in targets):
                own = _is_local(base, function)
                found.append(InFunction(targets[0].lineno, function.name, own))
    yield from sorted(found, key=lambda one: one.line)


def _is_local(name: str, function: Function) -> bool:
    """Whether a name in a function is a parameter or a variable of its own."""
    arguments = function.args
    parameters = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    if name in {one.arg for one in (*parameters, arguments.vararg, arguments.kwarg) if one}:
        return True
    inside = list(ast.walk(function))
    if any(isinstance(node, ast.Global) and name in node.names for node in inside):
        return False
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
        for node in inside
    )


def _members(method: ast.FunctionDef, within: str) -> Iterator[Assignment]:
    """Yield what ``__init__`` assigns to ``self``, as members of the class."""
    arguments = (*method.args.posonlyargs, *method.args.args)
    if arguments:
        own = f"{arguments[0].arg}."
        for one in assignments(method.body):
            names = tuple(within + n.removeprefix(own) for n in one.names if n.startswith(own))
            if names:
                yield Assignment(names, one.value, one.is_plain)


def _with_entries(
    names: tuple[str, ...], value: ast.expr, *, is_plain: bool
) -> Iterator[Assignment]:
    """Yield an assignment, then the entries of a dictionary or the keyword arguments of a call."""
    match value:
        case ast.Call(func=function) if (dotted_name(function) or "").split(".")[-1] in DEFAULTS:
            default = next((one.value for one in value.keywords if one.arg == "default"), None)
            value = default or value
    yield Assignment(names, value, is_plain)
    for name in names:
        for key, entry in _entries(value):
            yield from _with_entries((f"{name}.{key}",), entry, is_plain=True)


def _entries(value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match value:
        case ast.Dict(keys=keys, values=values):
            for key, entry in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, entry
        case ast.Call(keywords=keywords):
            for keyword in keywords:
                if keyword.arg is not None:
                    yield keyword.arg, keyword.value


def _names_in(target: ast.expr) -> list[str]:
    if isinstance(target, ast.Tuple | ast.List):
        return [name for element in target.elts for name in _names_in(element)]
    name = dotted_name(target)
    return [name] if name is not None else []
