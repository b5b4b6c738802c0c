"""Compares plain values with those that were read back from a file."""

import math
from collections.abc import Iterable
from typing import Any


def first_difference(meant: Any, found: Any, at: str = "") -> str | None:
    """Return where two trees of plain values differ first, None where they are the same.

    Types count: 1, 1.0, True and "1" are four values. Lists and tuples are alike, and nan is nan.

    Args:
        meant: What was written.
        found: What was read.
        at: Dotted path of the two in their trees.
    """
    where = at or "the whole"
    if isinstance(meant, dict) and isinstance(found, dict):
        if set(map(_typed, meant)) != set(map(_typed, found)):
            return f"the names in {where} are read as others"
        inner = ((name, meant[name], found[name]) for name in meant)
    elif isinstance(meant, list | tuple) and isinstance(found, list | tuple):
        if len(meant) != len(found):
            return f"{where} has {len(meant)} values, of which {len(found)} are read"
        inner = ((index, *pair) for index, pair in enumerate(zip(meant, found, strict=True)))
    elif _typed(meant) == _typed(found):
        return None
    else:
        return f"{where} is {meant!r} and is read as {found!r}"
    differences = (first_difference(a, b, _path(at, name)) for name, a, b in inner)
    return next((difference for difference in differences if difference is not None), None)


def not_finite(tree: Any, at: str = "") -> str | None:
    """Return the dotted path of the first number that is infinite or nan, None if there is none."""
    if isinstance(tree, float):
        return None if math.isfinite(tree) else at
    items: Iterable[tuple[object, Any]] = tree.items() if isinstance(tree, dict) else ()
    if isinstance(tree, list | tuple):
        items = enumerate(tree)
    paths = (not_finite(value, _path(at, name)) for name, value in items)
    return next((path for path in paths if path is not None), None)


def _path(at: str, name: object) -> str:
    return f"{at}.{name}" if at else str(name)


def _typed(value: Any) -> tuple[type, str]:
    return type(value), repr(value)
