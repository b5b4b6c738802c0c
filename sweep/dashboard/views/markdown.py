"""Escapes untrusted text for Markdown: never rendered as a link, a picture or HTML."""

import re

from fieldsharp.core.printable import printable

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~$])")
_BLOCK = re.compile(r"^(\d*)([-+=.)])(?=[-=\s]|$)")
"""Characters that begin a list, draw a line or underline a heading."""
_ADDRESS = re.compile(r"://|www\.|@", re.IGNORECASE)
"""Text that the page turns into a link even if every special character is escaped."""


def plain(text: str) -> str:
    """Return text escaped, in one line; an address in it is shown as code."""
    words = " ".join(map(_word, text.split()))
    return _BLOCK.sub(r"\1\\\2", words)


def code(text: str) -> str:
    """Return text as code within a line."""
    shown = " ".join(map(printable, text.split())) or " "
    fence = "`" * (_longest_run(shown) + 1)
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{space}{shown}{space}{fence}"


def code_block(*lines: str) -> str:
    """Return lines as a block of code."""
    shown = "\n".join(map(printable, lines))
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}\n{shown}\n{fence}"


def _word(word: str) -> str:
    if _ADDRESS.search(word):
        # A bar would end a table cell, even within code.
        return r"\|".join(code(part) if part else "" for part in word.split("|"))
    return _SPECIAL.sub(r"\\\1", printable(word)).replace("&", "&amp;")


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
