"""Escapes control characters in text from files and databases, for safe output on a terminal."""

import unicodedata

# Cc and Cs; Zl and Zp break lines, and bidirectional marks reverse the order of a line.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MARKS = frozenset("\u061c\u200e\u200f")
"""Invisible direction marks: legitimate within Arabic and Hebrew, but not on a terminal."""


def is_printable(character: str) -> bool:
    """Return whether a character is neither a control character nor half of a surrogate pair."""
    return unicodedata.category(character) not in _UNPRINTABLE and character not in _BIDIRECTIONAL


def printable(text: str, keep: str = "") -> str:
    r"""Return the text with every control character as its escape, such as ``\x1b``.

    Args:
        text: Text from a file, a database or a name.
        keep: Characters to leave as they are, such as the line breaks of a traceback.
    """
    if text.isprintable():  # nearly always
        return text
    return "".join(
        c
        if c in keep or (is_printable(c) and c not in _MARKS)
        else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in text
    )
