"""Names in braces in the words of a command, which stand for values of a trial."""

import re
from collections.abc import Iterable, Mapping

PROJECT_NAME = "project"
"""The name in braces that stands for the folder of the project, not for a value."""
_PLACEHOLDER = re.compile(r"\{\{([A-Za-z_]\w*)\}\}|(?<!\$)\{([A-Za-z_]\w*)\}", re.ASCII)
"""A name in two braces or in one; ``${name}`` is an interpolation of Hydra's and left alone."""


def placeholders(word: str) -> list[str]:
    """Return the names in single braces, in order: ``{a: 1}``, ``{}`` and ``{{name}}`` are none."""
    return [found[2] for found in _PLACEHOLDER.finditer(word) if found[2] is not None]


def placed_names(words: Iterable[str]) -> frozenset[str]:
    """Return the names of the values that are placed in words."""
    return frozenset(name for word in words for name in placeholders(word)) - {PROJECT_NAME}


def fill(word: str, texts: Mapping[str, str]) -> str:
    """Return a word with its names in braces replaced; ``{{name}}`` becomes ``{name}``.

    A name that is not among ``texts`` stays as it is.
    """

    def text_of(found: re.Match[str]) -> str:
        literal, name = found[1], found[2]
        return f"{{{literal}}}" if literal is not None else texts.get(name, found[0])

    return _PLACEHOLDER.sub(text_of, word)


def alone(word: str) -> str | None:
    """Return the name where a word is nothing but one name in braces, else None."""
    found = _PLACEHOLDER.fullmatch(word)
    return found[2] if found is not None else None
