"""Where the output of a command goes: a terminal that is drawn on, or a stream of plain lines."""

import os
import sys

from rich.console import Console

WIDTH_OF_A_PIPE = 160


def wide_console(*, stderr: bool = False) -> Console:
    """Return a console as wide as the terminal; in a pipe wide enough to break no line.

    Off a terminal, on one that cannot move its cursor, and where NO_COLOR is set it writes no
    escape codes at all, whatever else in the environment asks for them.

    Args:
        stderr: Whether to write to the standard error, where the output is for a program.
    """
    stream = sys.stderr if stderr else sys.stdout
    if not stream.isatty():
        return Console(stderr=stderr, width=WIDTH_OF_A_PIPE, force_terminal=False)
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") in ("dumb", "unknown", ""):
        return Console(stderr=stderr, force_terminal=False)
    return Console(stderr=stderr)


def can_be_drawn_on(console: Console) -> bool:
    """Return whether a table can be redrawn in place."""
    return console.is_terminal and console.is_interactive
