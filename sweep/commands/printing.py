"""The only code that writes lines to the terminal; ``consoles`` writes tables, and nothing else.

Names, units and reasons come out of files and databases. Whatever control characters they hold are
written as escapes, so that they neither drive a terminal nor pass for lines of this program.
"""

import sys
from io import TextIOWrapper
from typing import TextIO

from fieldsharp.core.printable import printable


def say(line: str) -> None:
    """Print one line; a line break within it is written as an escape too."""
    _write(f"{printable(line)}\n", sys.stdout)


def say_text(text: str) -> None:
    """Print a text of several lines that ends with a line break."""
    _write(printable(text, keep="\n"), sys.stdout)


def say_on_stderr(line: str) -> None:
    """Print one line on the standard error."""
    _write(f"{printable(line)}\n", sys.stderr)


def write_any_character() -> None:
    """Have the standard output show as an escape what the encoding of the terminal lacks."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _write(text: str, stream: TextIO) -> None:
    stream.write(text)
    stream.flush()
