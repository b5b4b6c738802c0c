"""Consoles for the tables of a command: a terminal, or a stream of plain lines."""

import os
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from fieldsharp.core.printable import printable

WIDTH_OF_A_PIPE = 160


class PlainConsole(Console):
    """A console without markup and emoji names, which writes control characters as escapes."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text of a string in a line or a cell."""
        return super().render_str(printable(text), **{**options, "markup": False, "emoji": False})

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield segments with escaped control characters, also of renderables without strings."""
        for segment in super().render(renderable, options):
            if segment.control is None:
                yield Segment(printable(segment.text, keep="\n"), segment.style)
            else:  # cursor movements of a table that is redrawn
                yield segment


def wide_console(*, stderr: bool = False) -> Console:
    """Return a console as wide as the terminal; in a pipe wide enough to break no line.

    Off a terminal, on one that cannot move its cursor, and where NO_COLOR is set it writes no
    escape codes at all, whatever else in the environment asks for them.

    Args:
        stderr: Whether to write to the standard error, where the output is for a program.
    """
    stream = sys.stderr if stderr else sys.stdout
    if not stream.isatty():
        return PlainConsole(stderr=stderr, width=WIDTH_OF_A_PIPE, force_terminal=False)
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") in ("dumb", "unknown", ""):
        return PlainConsole(stderr=stderr, force_terminal=False)
    return PlainConsole(stderr=stderr)


def can_redraw(console: Console) -> bool:
    """Return whether a table can be redrawn in place."""
    return console.is_terminal and console.is_interactive
