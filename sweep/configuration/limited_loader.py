"""A YAML loader of plain values that stops at a limit of values, levels and number length.

Values are counted with every alias expanded: nine lines of aliases can stand for millions of
values, and an alias inside its own anchor for infinitely many.
"""

import re
from collections.abc import Callable
from typing import Any, ClassVar

import yaml

from fieldsharp.core.printable import is_printable
from fieldsharp.sweep.configuration import core_schema

MOST_LEVELS = 40
MOST_VALUES = 20_000
LONGEST_NUMBER = 100

_MERGE = "tag:yaml.org,2002:merge"
_LIST = "tag:yaml.org,2002:seq"


class LimitExceeded(yaml.MarkedYAMLError):
    """A document exceeds a limit; the problem names the limit and what to do."""

    def __init__(self, problem: str, mark: yaml.Mark) -> None:
        super().__init__(None, None, problem, mark)


class LimitedLoader(yaml.SafeLoader):
    """Plain values by the words of YAML 1.2; of YAML 1.1 the key ``<<``, which merges, is left.

    Each key of a mapping is text, as written.

    Attributes:
        takes_control_characters: Whether values may hold control characters, written as escapes.
    """

    takes_control_characters = False
    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - typed so in the base class
    yaml_constructors: ClassVar[dict[Any, Any]] = {}

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._level = 0
        self._deepest = 0
        self._values = 0
        self._sizes: dict[yaml.Node, tuple[int, int]] = {}
        """Number of values and levels of each complete node, with its aliases expanded."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose as PyYAML does, counting values and levels."""
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        is_alias = self.check_event(yaml.AliasEvent)
        values, deepest = self._values, self._deepest
        if not is_alias:
            self._level += 1
            self._deepest = self._level
            self._count(1, mark)
        node = super().compose_node(parent, index)
        assert node is not None
        if is_alias:
            if node not in self._sizes:
                raise LimitExceeded("has an alias inside its own anchor; write the value out", mark)
            more, levels = self._sizes[node]
            self._deepest = max(deepest, self._level + levels)
            self._count(more, mark)
            return node
        if isinstance(node, yaml.ScalarNode):
            self._check_scalar(node)
        self._level -= 1
        self._sizes[node] = self._values - values, self._deepest - self._level
        self._deepest = max(deepest, self._deepest)
        return node

    def _count(self, values: int, mark: yaml.Mark) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            raise LimitExceeded(
                f"holds more than {MOST_VALUES} values, aliases written out; leave most of them "
                "out",
                mark,
            )
        if self._deepest > MOST_LEVELS:
            raise LimitExceeded(f"is nested deeper than {MOST_LEVELS} levels; flatten it", mark)

    def _check_scalar(self, node: yaml.ScalarNode) -> None:
        text: str = node.value
        if node.tag != core_schema.TEXT and len(text) > LONGEST_NUMBER:
            raise LimitExceeded(
                f"has a number of {len(text)} characters; shorten it, or quote it if it is text",
                node.start_mark,
            )
        if self.takes_control_characters or text.isprintable():
            return
        control = next((c for c in text if c not in "\t\n\r" and not is_printable(c)), None)
        if control is not None:
            raise LimitExceeded(
                f"has the control character U+{ord(control):04X} in a value; take it out",
                node.start_mark,
            )


def _mapping_of_unique_keys(loader: LimitedLoader, node: yaml.MappingNode) -> dict[str, Any]:
    keys: set[str] = set()
    for name in _keys(node):
        if name in keys:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {name!r} is given twice", node.start_mark
            )
        keys.add(name)
    loader.flatten_mapping(node)
    values = [loader.construct_object(value, deep=True) for _, value in node.value]
    return dict(zip(_keys(node), values, strict=True))


def _keys(node: yaml.MappingNode) -> list[str]:
    """Return the keys as they are written.

    Raises:
        ConstructorError: If one is a list or a mapping.
    """
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(
                None, None, "a key is a list or a mapping", key.start_mark
            )
    return [key.value for key, _ in node.value]


def _list(loader: LimitedLoader, node: yaml.SequenceNode) -> list[Any]:
    return list(loader.construct_sequence(node, deep=True))


def _of_another_tag(loader: LimitedLoader, node: yaml.Node) -> None:
    """Refuse a tag of other than plain values."""
    loader.construct_undefined(node)


def _read(word: Callable[[str], Any]) -> Callable[[LimitedLoader, yaml.ScalarNode], Any]:
    return lambda loader, node: word(loader.construct_scalar(node))


for tag, words, starts in core_schema.READ:
    LimitedLoader.add_implicit_resolver(tag, words, list(starts))
LimitedLoader.add_implicit_resolver(_MERGE, re.compile(r"<<\Z"), ["<"])
for tag, read in (
    (core_schema.NULL, core_schema.null),
    (core_schema.BOOLEAN, core_schema.boolean),
    (core_schema.INTEGER, core_schema.integer),
    (core_schema.FLOAT, core_schema.floating),
    (core_schema.TEXT, str),
    (_MERGE, str),
):
    LimitedLoader.add_constructor(tag, _read(read))
LimitedLoader.add_constructor(_LIST, _list)
LimitedLoader.add_constructor(None, _of_another_tag)
LimitedLoader.add_constructor(
    yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_of_unique_keys
)
