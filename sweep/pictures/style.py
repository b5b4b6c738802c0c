"""Colours and line styles of pictures: light, dark, and one that follows the page's colours."""

from dataclasses import dataclass, fields

SMALL = 8.0
TEXT = 9.0
TITLE = 10.0
LINE_WIDTH = 1.4
MARKER_SIZE = 4.0


@dataclass(frozen=True)
class Style:
    """Colours by role.

    Lines differ in line style and marker too, see ``SERIES``; their colours can be distinguished
    by people with red-green colour blindness.

    Attributes:
        ink: Text and axes.
        muted: Minor elements, such as pruned trials.
        observed, baseline, forecast, reference: Lines and markers of each; a reference is the
            baseline under a sharpener.
        band: Target bands.
        warning: Broken guards and failures.
        values: Colour map of the field.
        differences: Colour map of forecast minus observed; its middle is near the paper.
        spread: Colour map of the spread of members; its first colour is near the paper.
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
    reference: str
    band: str
    warning: str
    values: str = "viridis"
    differences: str = "RdBu_r"
    spread: str = "magma_r"


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
    reference="#7a3ea1",
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
    reference="#cf9bf2",
    band="#6cc494",
    warning="#ff8a80",
    differences="berlin",
    spread="magma",
)


COLOUR_MAPS = ("values", "differences", "spread")
ROLES = tuple(role.name for role in fields(Style) if role.name not in COLOUR_MAPS)
PAGE = Style(**{role: f"#fe{index:02x}fd" for index, role in enumerate(ROLES)})
"""Placeholder colours that occur nowhere else, replaced by CSS variables in an SVG."""


@dataclass(frozen=True)
class Series:
    """Label, line style and marker of a line."""

    label: str
    stroke: str
    marker: str


SERIES: dict[str, Series] = {
    "observed": Series("observed", "-", "o"),
    "baseline": Series("baseline", "--", "s"),
    "reference": Series("sharpened baseline", ":", "D"),
    "forecast": Series("forecast", "-", "^"),
    "muted": Series("climatology", "-.", "v"),
}
