"""Text of others in a Markdown note: shown as it is, never taken for a link, a picture or HTML."""

import re

from fieldsharp.core.printable import printable

_SIGNS = re.compile(r"([\\`*_\[\]<>#|~$])")
_BLOCK = re.compile(r"^(\d*)([-+=.)])(?=[-=\s]|$)")
"""What begins a list, draws a line or underlines a heading."""
_ADDRESS = re.compile(r"://|www\.|@", re.IGNORECASE)
"""What a page makes a link of by itself, though every sign be escaped."""


def plain(text: str) -> str:
    """Return text in one line that is shown as it is; an address in it is shown as code."""
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
        # A bar would end the cell of a table, even within code.
        return r"\|".join(code(part) if part else "" for part in word.split("|"))
    return _SIGNS.sub(r"\\\1", printable(word)).replace("&", "&amp;")


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
