"""Lines and JSON on the standard streams; ``console`` writes the tables, nothing else prints.

Names, units and reasons from files and databases may hold control characters. They are written as
escapes, so that they neither control a terminal nor look like lines of this program.
"""

import json
import math
import sys
from io import TextIOWrapper
from typing import Any, TextIO

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
    """Have the standard output escape characters that the terminal's encoding lacks."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _write(text: str, stream: TextIO) -> None:
    stream.write(text)
    stream.flush()


def say_json(tree: Any) -> None:
    """Print plain values as JSON."""
    say_text(f"{json.dumps(_finite(tree), indent=2)}\n")


def say_json_line(tree: Any) -> None:
    """Print plain values as JSON in one line, and flush."""
    say(json.dumps(_finite(tree)))


def _finite(tree: Any) -> Any:
    """Return the values with None in place of nan and infinities, which JSON lacks."""
    if isinstance(tree, dict):
        return {str(key): _finite(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_finite(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree
