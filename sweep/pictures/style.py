"""How pictures look: two styles with fixed colours, and one whose colours follow a page."""

from dataclasses import dataclass, fields

SMALL = 8.0
TEXT = 9.0
TITLE = 10.0
LINE_WIDTH = 1.4
MARKER_SIZE = 4.0


@dataclass(frozen=True)
class Style:
    """Colours by their role.

    The lines are told apart by stroke and marker too, see ``SERIES``, and their colours also by
    people who see red and green alike.

    Attributes:
        paper: Behind everything.
        ink: Text, axes, and what was observed.
        muted: What stands back, such as infeasible trials.
        grid: Lines behind the curves.
        missing: Cells that take no part.
        hatch: Strokes on them.
        observed, baseline, forecast: Always of the same thing.
        band: What is aimed at.
        warning: What is wrong.
        values: Colour map of the field.
        differences: Colour map of forecast minus observed; its middle is near the paper.
    """

    paper: str
    ink: str
    muted: str
    grid: str
    missing: str
    hatch: str
    observed: str
    baseline: str
    forecast: str
    band: str
    warning: str
    values: str = "viridis"
    differences: str = "RdBu_r"


LIGHT = Style(
    paper="#ffffff",
    ink="#1c2024",
    muted="#6b7680",
    grid="#dfe3e8",
    missing="#e9ebee",
    hatch="#b4bac1",
    observed="#1c2024",
    baseline="#b34a00",
    forecast="#0b66b0",
    band="#2e7d4f",
    warning="#b3261e",
)
DARK = Style(
    paper="#14181d",
    ink="#e8ebee",
    muted="#98a3ad",
    grid="#2f373f",
    missing="#2a3037",
    hatch="#545e68",
    observed="#e8ebee",
    baseline="#f0a35c",
    forecast="#62b5f0",
    band="#6cc494",
    warning="#ff8a80",
    differences="berlin",
)


ROLES = tuple(role.name for role in fields(Style) if role.name not in ("values", "differences"))
PAGE = Style(**{role: f"#fe{index:02x}fd" for index, role in enumerate(ROLES)})
"""Colours that occur nowhere else, to be found again in a drawing and replaced."""


@dataclass(frozen=True)
class Series:
    """How a line is told from others without its colour.

    Attributes:
        label: In the legend.
        stroke: Of the line.
        marker: At its points.
    """

    label: str
    stroke: str
    marker: str


SERIES: dict[str, Series] = {
    "observed": Series("observed", "-", "o"),
    "baseline": Series("baseline", "--", "s"),
    "forecast": Series("forecast", "-", "^"),
}
