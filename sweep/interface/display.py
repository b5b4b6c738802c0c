"""Small pieces of HTML for notebooks: escaped, readable on light and on dark paper.

Colours are those of the page, since a notebook may be either: emphasis is by weight and opacity.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from fieldsharp.core.printable import printable

CELL = "text-align:right;padding:1px 10px 1px 0;border:0;font-variant-numeric:tabular-nums"
LABEL = CELL.replace("text-align:right", "text-align:left")
BLOCK = "max-width:52em;font-size:13px;line-height:1.45"
FAINT = "opacity:.7"


def text(value: object) -> str:
    """Return a value as text that can be put into HTML."""
    return escape(printable(str(value), keep="\n"))


def number(value: object) -> str:
    """Return a number in four digits, anything else as text."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else text(value)


def block(title: str, *parts: str) -> str:
    """Return parts of HTML below a title."""
    return (
        f'<div style="{BLOCK}"><div style="font-weight:600">{text(title)}</div>'
        f"{''.join(parts)}</div>"
    )


def line(value: object, *, faint: bool = False) -> str:
    """Return a line of text."""
    style = f' style="{FAINT}"' if faint else ""
    return f"<div{style}>{text(value)}</div>"


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; the first column is of words."""

    def row(tag: str, cells: Sequence[object]) -> str:
        written = "".join(
            f'<{tag} style="{LABEL if column == 0 else CELL}">{number(cell)}</{tag}>'
            for column, cell in enumerate(cells)
        )
        return f'<tr style="background:none">{written}</tr>'

    body = "".join(row("td", cells) for cells in rows)
    head = row("th", headings) if any(headings) else ""
    return f'<table style="border-collapse:collapse;margin:4px 0;border:0">{head}{body}</table>'


def pairs(values: Mapping[str, object]) -> str:
    """Return names beside their values."""
    return table(("", ""), values.items())
