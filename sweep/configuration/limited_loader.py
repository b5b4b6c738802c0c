"""A YAML loader of plain values that counts while it reads, and stops at a limit.

What is counted is what a document comes to with every alias written out: nine lines of aliases can
stand for millions of values, and an alias inside its own anchor for infinitely many.
"""

import re
from typing import Any, NamedTuple

import yaml

from fieldsharp.core.printable import is_printable

MOST_LEVELS = 40
MOST_VALUES = 20_000
LONGEST_NUMBER = 100

_TEXT = "tag:yaml.org,2002:str"
FLOAT = "tag:yaml.org,2002:float"
# No digit can be matched in two ways: a long number would take for ever to be refused.
FLOAT_WITHOUT_POINT = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$")
FLOAT_STARTS = list("-+.0123456789")


class LimitExceeded(yaml.MarkedYAMLError):
    """A document beyond a limit; the problem says which and what to do."""


class _Extent(NamedTuple):
    """How much a value comes to, aliases written out."""

    values: int
    levels: int


class LimitedLoader(yaml.SafeLoader):
    """Safe YAML in which 1e-3 is a number, as in YAML 1.2 (1.1 reads a word).

    Attributes:
        takes_control_characters: Whether values may hold control characters, written as escapes.
    """

    takes_control_characters = False

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._level = 0
        self._deepest = 0
        self._values = 0
        self._extents: dict[yaml.Node, _Extent] = {}  # of those that are read to their end

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose as PyYAML does, counting."""
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            node = super().compose_node(parent, index)
            assert node is not None
            extent = self._extents.get(node)
            if extent is None:
                raise LimitExceeded(
                    None, None, "has an alias inside its own anchor; write the value out", mark
                )
            self._deepest = max(self._deepest, self._level + extent.levels)
            self._count(extent.values, mark)
            return node
        values, deepest = self._values, self._deepest
        self._level += 1
        self._deepest = self._level
        self._count(1, mark)
        node = super().compose_node(parent, index)
        assert node is not None
        if isinstance(node, yaml.ScalarNode):
            _check_number(node)
            if not self.takes_control_characters:
                _check_characters(node)
        self._level -= 1
        self._extents[node] = _Extent(self._values - values, self._deepest - self._level)
        self._deepest = max(deepest, self._deepest)
        return node

    def _count(self, values: int, mark: yaml.Mark) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            raise LimitExceeded(
                None,
                None,
                f"holds more than {MOST_VALUES} values, aliases written out; leave most of them "
                "out",
                mark,
            )
        if self._deepest > MOST_LEVELS:
            raise LimitExceeded(
                None, None, f"is nested deeper than {MOST_LEVELS} levels; flatten it", mark
            )


def _check_number(node: yaml.ScalarNode) -> None:
    text: str = node.value
    if node.tag != _TEXT and len(text) > LONGEST_NUMBER:
        raise LimitExceeded(
            None,
            None,
            f"has a number of {len(text)} characters; shorten it, or quote it if it is text",
            node.start_mark,
        )


def _check_characters(node: yaml.ScalarNode) -> None:
    text: str = node.value
    if text.isprintable():
        return
    unseen = next((c for c in text if c not in "\t\n\r" and not is_printable(c)), None)
    if unseen is not None:
        raise LimitExceeded(
            None,
            None,
            f"has the control character U+{ord(unseen):04X} in a value; take it out",
            node.start_mark,
        )


def _mapping_without_doubles(loader: LimitedLoader, node: yaml.MappingNode) -> dict[str, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(
                None, None, "a key is a list or a mapping", key.start_mark
            )
        if key.value in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key.value!r} stands there twice", node.start_mark
            )
        seen.add(key.value)
    return {str(k): v for k, v in loader.construct_mapping(node, deep=True).items()}


LimitedLoader.add_constructor(
    yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_doubles
)
LimitedLoader.add_implicit_resolver(FLOAT, FLOAT_WITHOUT_POINT, FLOAT_STARTS)
