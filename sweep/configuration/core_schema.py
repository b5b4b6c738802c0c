"""How a plain word of YAML becomes a value: the core schema of YAML 1.2, section 10.3.2.

PyYAML follows YAML 1.1, in which ``no`` is false, ``010`` is 8, ``1:30`` is 90, ``1_000`` is 1000
and ``2020-01-01`` is a date. Here all of these are text. Where this differs from the specification:
digits after a leading zero, a number there, are text here, since labels are written that way.
"""

import math
import re

NULL = "tag:yaml.org,2002:null"
BOOLEAN = "tag:yaml.org,2002:bool"
INTEGER = "tag:yaml.org,2002:int"
FLOAT = "tag:yaml.org,2002:float"
TEXT = "tag:yaml.org,2002:str"

# Every digit matches in one way only: else matching a long number takes exponential time.
_INTEGER = r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
_FLOAT = (
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_NUMBER_STARTS = tuple("-+.0123456789")
_BOOLEANS = {"true": True, "True": True, "TRUE": True}
_BOOLEANS |= {"false": False, "False": False, "FALSE": False}
_NULLS = ("~", "null", "Null", "NULL", "")

_IS_INTEGER = re.compile(rf"(?:{_INTEGER})\Z")
_IS_FLOAT = re.compile(rf"(?:{_FLOAT})\Z")

Resolver = tuple[str, re.Pattern[str], tuple[str, ...]]
"""A tag, the words that have it, and their first characters."""

SPECIFIED: tuple[Resolver, ...] = (
    (NULL, re.compile(r"(?:~|null|Null|NULL|)\Z"), ("~", "n", "N", "")),
    (BOOLEAN, re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), tuple("tTfF")),
    (INTEGER, _IS_INTEGER, _NUMBER_STARTS),
    (FLOAT, _IS_FLOAT, _NUMBER_STARTS),
)
"""The words of the specification."""

READ: tuple[Resolver, ...] = tuple(
    (tag, re.compile(rf"(?![-+]?0[0-9]+\Z){words.pattern}"), starts)
    for tag, words, starts in SPECIFIED
)
"""The words as they are read: without digits after a leading zero."""


def integer(word: str) -> int:
    """Return the integer that a word stands for.

    Raises:
        ValueError: If it is none.
    """
    if not _IS_INTEGER.match(word):
        raise ValueError(f"{word!r} is no integer")
    base = {"0o": 8, "0x": 16}.get(word[:2], 10)
    return int(word, base)


def floating(word: str) -> float:
    """Return the number that a word stands for.

    Raises:
        ValueError: If it is none.
    """
    if not _IS_FLOAT.match(word):
        raise ValueError(f"{word!r} is no number")
    if word.lower() == ".nan":
        return math.nan
    return float(word.lower().replace(".inf", "inf"))


def boolean(word: str) -> bool:
    """Return what true or false stands for.

    Raises:
        ValueError: If the word is neither.
    """
    if word not in _BOOLEANS:
        raise ValueError(f"{word!r} is neither true nor false")
    return _BOOLEANS[word]


def null(word: str) -> None:
    """Return None for a word that stands for it.

    Raises:
        ValueError: If it does not.
    """
    if word not in _NULLS:
        raise ValueError(f"{word!r} is not null")
