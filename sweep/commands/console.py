"""Where the tables of a command go: a terminal that is drawn on, or a stream of plain lines."""

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
    """A console that shows text as it is.

    Control characters are written as escapes, and nothing in a text is taken for markup or for the
    name of an emoji.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a string, of a line or of a cell, as it is shown."""
        return super().render_str(printable(text), **{**options, "markup": False, "emoji": False})

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield what is written: also the text of renderables that never were strings."""
        for segment in super().render(renderable, options):
            if segment.control is None:
                yield Segment(printable(segment.text, keep="\n"), segment.style)
            else:  # the cursor movements of a table that is redrawn
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


def can_be_drawn_on(console: Console) -> bool:
    """Return whether a table can be redrawn in place."""
    return console.is_terminal and console.is_interactive
