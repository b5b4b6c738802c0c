"""YAML text in which single values are replaced where they stand, and nothing else changes."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from fieldsharp.sweep.configuration import core_schema
from fieldsharp.sweep.configuration.limited_loader import LimitedLoader
from fieldsharp.sweep.configuration.ranges import GivenValue, Scalar

Node = yaml.Node
READERS: tuple[type[yaml.SafeLoader], ...] = (LimitedLoader, yaml.SafeLoader)
"""Of YAML 1.2 and of YAML 1.1."""
_TAGS = {bool: core_schema.BOOLEAN, int: core_schema.INTEGER, float: core_schema.FLOAT}


class YamlText:
    """One document of YAML.

    Attributes:
        tree: Its mappings and lists, with the text of each single value.

    Raises:
        ValueError: If it is no single document of YAML.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._root = _compose(text, LimitedLoader)
        self.tree = _tree_of(self._root)

    def replaced(self, at: Sequence[str | int], key: str, value: GivenValue) -> str:
        """Return the text with the value at a path replaced.

        Raises:
            ValueError: If it cannot be changed alone, since other places refer to it, or it has
                a tag.
        """
        node, double = self._node_at(at)
        if double is not None:
            line = double.start_mark.line + 1
            raise ValueError(
                f"has an anchor in line {line} that other places refer to, so that {key} cannot be "
                "changed alone; write the value out in each of them"
            )
        if node.tag.startswith("!"):
            raise ValueError(f"has the tag {node.tag} at {key}; write a plain value there")
        begin, end = node.start_mark.index, _end_of(node)
        written = _written(value)
        if not self._text[begin:end].strip():
            end, written = begin, f" {written}"  # an empty value: lr:
        elif self._text[begin:end].endswith("\n"):  # a block of lines
            written += "\n"
        changed = self._text[:begin] + written + self._text[end:]
        self._verify(changed, at, key, value)
        return changed

    def _node_at(self, at: Sequence[str | int]) -> tuple[Node, Node | None]:
        """Return the node at a path, and the first on the way that is referred to twice."""
        references = Counter(id(node) for node in _references(self._root))
        node, double = self._root, None
        for part in at:
            node = _child(node, part)
            if references[id(node)] > 1 and double is None:
                double = node
        return node, double

    def _verify(self, changed: str, at: Sequence[str | int], key: str, value: GivenValue) -> None:
        """Check that readers of YAML 1.1 and 1.2 find the value at its path, all else unchanged.

        Raises:
            ValueError: If they do not.
        """
        for reader in READERS:
            before, after = _compose(self._text, reader), _compose(changed, reader)
            new = after
            for part in at:
                new = _child(new, part)
            if not _is(new, value) or _outline(before, tuple(at)) != _outline(after, tuple(at)):
                raise ValueError(
                    f"cannot be written with another value of {key} alone; write it as key: value, "
                    "in a line of its own"
                )


def _compose(text: str, reader: type[yaml.SafeLoader]) -> Node:
    try:
        node: Node | None = reader(text).get_single_node()
    except yaml.YAMLError as error:
        problem = str(getattr(error, "problem", None) or error)
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        if "another document" in problem:
            raise ValueError(
                f"has several documents (the second begins{where}); put the values into a file of "
                "one"
            ) from error
        first = " ".join(problem.partition("; ")[0].split())
        raise ValueError(f"is not valid YAML ({first}{where}); correct it") from error
    if node is None:
        raise ValueError("is empty; name a file that has the value")
    return node


def _tree_of(node: Node) -> Any:
    match node:
        case yaml.MappingNode(value=pairs):
            names = [key.value for key, _ in pairs if isinstance(key, yaml.ScalarNode)]
            double = next((name for name in names if names.count(name) > 1), None)
            if double is not None:
                line = node.start_mark.line + 1
                raise ValueError(f"has the key {double!r} twice below line {line}; keep one")
            return {
                key.value: _tree_of(value)
                for key, value in pairs
                if isinstance(key, yaml.ScalarNode)
            }
        case yaml.SequenceNode(value=nodes):
            return [_tree_of(one) for one in nodes]
    return node.value


def _child(node: Node, part: str | int) -> Node:
    child: Node
    if isinstance(part, int):
        child = node.value[part]
    else:
        child = next(value for key, value in node.value if key.value == part)
    return child


def _references(node: Node) -> Iterator[Node]:
    """Yield the nodes that each node of a tree holds, every one as often as it is referred to."""
    waiting, seen = [node], {id(node)}
    while waiting:
        one = waiting.pop()
        inside: list[Node] = []
        if isinstance(one, yaml.MappingNode):
            inside = [part for pair in one.value for part in pair]
        elif isinstance(one, yaml.SequenceNode):
            inside = one.value
        for part in inside:
            yield part
            if id(part) not in seen:
                seen.add(id(part))
                waiting.append(part)


def _end_of(node: Node) -> int:
    """Return where a value ends; a list of lines ends with its last value."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end_of(last[1] if isinstance(last, tuple) else last)
    return node.end_mark.index


def _outline(node: Node, at: tuple[str | int, ...] | None) -> Any:
    """Return all tags and texts of a tree but those at a path, for a comparison."""
    if at == ():
        return None
    match node:
        case yaml.MappingNode(value=pairs):
            return (
                node.tag,
                [
                    (_outline(key, None), _outline(value, _below(at, key.value)))
                    for key, value in pairs
                ],
            )
        case yaml.SequenceNode(value=nodes):
            return (node.tag, [_outline(one, _below(at, n)) for n, one in enumerate(nodes)])
    return (node.tag, node.value)


def _below(at: tuple[str | int, ...] | None, part: object) -> tuple[str | int, ...] | None:
    return at[1:] if at and at[0] == part else None


def _written(value: GivenValue) -> str:
    """Return a value as it is read by YAML 1.1 and 1.2 alike: text in quotes, 1e-05 as 1.0e-05."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        mantissa, e, exponent = repr(value).partition("e")
        return mantissa + ("" if "." in mantissa else ".0") + e + exponent
    if value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value, ensure_ascii=False)


def _is(node: Node, value: GivenValue) -> bool:
    """Whether a node is read as a value."""
    if isinstance(value, tuple):
        return (
            isinstance(node, yaml.SequenceNode)
            and len(node.value) == len(value)
            and all(map(_is, node.value, value))
        )
    return node.tag == _TAGS.get(type(value), core_schema.TEXT) and _same(node.value, value)


def _same(text: str, value: Scalar) -> bool:
    if isinstance(value, bool):
        return text == str(value).lower()
    if isinstance(value, str):
        return text == value
    return (
        math.isclose(float(text), value, rel_tol=0)
        if isinstance(value, float)
        else (int(text) == value)
    )
