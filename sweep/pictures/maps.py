"""Maps of a field: all of one kind on one scale, cells that take no part told from values.

Shape legend: H rows, W columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from fieldsharp.sweep.pictures.axes import (
    Box,
    add_axes,
    heading_height,
    make_figure,
    put_heading,
    put_labels,
    put_title,
    wrapped,
)
from fieldsharp.sweep.pictures.map_grid import MapGrid, map_grid
from fieldsharp.sweep.pictures.number_scale import NumberScale, number_scale, shown
from fieldsharp.sweep.pictures.style import SMALL, TEXT, Style
from fieldsharp.sweep.study.files.previews import ObservedPreview

Field = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]
Kind = Literal["values", "differences"]
SHARE_SHOWN = 99.5
"""Percent of a forecast's cells inside the colour scale: a spike would leave the rest one colour.
What lies outside has the scale's last colour, and the colour bar a point."""
LEFT, RIGHT, TOP, BOTTOM = 0.62, 0.1, 0.4, 0.5
ROOM = 0.1
BAR, BAR_GAP, BAR_TEXT = 0.13, 0.1, 0.72
MAP_AREA, WIDEST, HIGHEST = 7.6, 3.45, 3.5
MINUS = "\u2212"
FLAT = 0.75
"""Maps flatter than this have their colour bar below."""


@dataclass(frozen=True)
class Scale:
    """What the colours mean.

    Attributes:
        kind: Of the field, or of forecast minus observed.
        low: First value of the colours, physical units.
        high: Last value.
        beyond: Whether there are values below the first, and above the last.
    """

    kind: Kind
    low: float
    high: float
    beyond: tuple[bool, bool] = (False, False)

    @property
    def extend(self) -> Literal["neither", "min", "max", "both"]:
        """The ends of the colour bar that have a point."""
        below, above = self.beyond
        if below and above:
            return "both"
        return "min" if below else "max" if above else "neither"


def value_scale(observed: Field, others: Sequence[Field]) -> Scale:
    """Return the one scale of what was observed and what was forecast of it; valid cells alone."""
    seen = _finite([observed])
    forecast = _finite(others)
    ends = [(float(seen.min()), float(seen.max()))] if seen.size else []
    if forecast.size:
        low, high = np.percentile(forecast, [100.0 - SHARE_SHOWN, SHARE_SHOWN])
        ends.append((float(low), float(high)))
    if not ends:
        return Scale("values", 0.0, 1.0)
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        room = 0.01 * abs(high) or 1.0
        return Scale("values", low - room, high + room)
    beyond = _beyond(forecast, low, high)
    return Scale("values", low, high, beyond)


def difference_scale(differences: Sequence[Field]) -> Scale:
    """Return the scale of differences, the same to both sides of nothing."""
    known = _finite(differences)
    most = float(np.percentile(np.abs(known), SHARE_SHOWN)) if known.size else 0.0
    if not most > 0:
        most = float(np.abs(known).max(initial=0.0)) or 1.0
    return Scale("differences", -most, most, _beyond(known, -most, most))


def _finite(fields: Sequence[Field]) -> npt.NDArray[np.float64]:
    flat = [np.ravel(np.asarray(values, dtype=np.float64)) for values in fields]
    together: Doubles = np.concatenate([np.array([]), *flat])
    return together[np.isfinite(together)]


def _beyond(known: npt.NDArray[np.float64], low: float, high: float) -> tuple[bool, bool]:
    return bool((known < low).any()), bool((known > high).any())


def masked(values_HW: Field, mask_HW: npt.NDArray[np.bool_]) -> Doubles:
    """Return a field with no number in the cells that take no part."""
    seen_HW: Doubles = np.array(values_HW, dtype=np.float64)
    seen_HW[~mask_HW] = np.nan
    return seen_HW


@dataclass(frozen=True)
class Panel:
    """One map.

    Attributes:
        title: What it shows.
        values_HW: Physical values, no number where a cell takes no part.
        scale: Of its colours.
    """

    title: str
    values_HW: npt.NDArray[np.float64]
    scale: Scale


@dataclass(frozen=True)
class Layout:
    """Sizes of a map in inches.

    Attributes:
        wide: Of the map.
        high: Of the map.
        bar_below: Whether its colour bar is below it, or at its right.
    """

    wide: float
    high: float
    bar_below: bool

    @property
    def beside(self) -> float:
        """Width of what stands at its right."""
        return RIGHT if self.bar_below else BAR_GAP + BAR + BAR_TEXT

    @property
    def below(self) -> float:
        """Height of what stands below it."""
        return BOTTOM + (BAR + 0.5 if self.bar_below else 0.0)


def layout(grid: MapGrid) -> Layout:
    """Return sizes that give every grid about the same area on paper."""
    ratio = grid.shape_on_paper
    bar_below = ratio < FLAT
    widest = WIDEST if bar_below else 2.75
    wide = min(widest, (MAP_AREA / ratio) ** 0.5, HIGHEST / ratio)
    return Layout(wide, wide * ratio, bar_below)


def one_map(observed: ObservedPreview, panel: Panel, style: Style) -> Figure:
    """Return a map by itself, with its colour bar."""
    grid = map_grid(observed)
    size = layout(grid)
    figure = make_figure(LEFT + size.wide + size.beside, size.below + size.high + ROOM, style)
    box = (LEFT, size.below, size.wide, size.high)
    axes = add_axes(figure, box, style)
    _draw_field(axes, grid, panel, style)
    put_labels(axes, grid.x_label, grid.y_label, style)
    _draw_bar(figure, box, size, panel.scale, observed, style)
    return figure


def page_of_maps(
    observed: ObservedPreview, heading: Sequence[str], panels: Sequence[Panel], style: Style
) -> Figure:
    """Return maps in two columns under a heading.

    Args:
        observed: What they are of.
        heading: Its lines.
        panels: What was observed, what was predicted, the baseline's where there is one, and the
            difference: all but the last on one scale, whose colour bar stands there once.
        style: Colours.
    """
    grid = map_grid(observed)
    size = layout(grid)
    columns = (LEFT, LEFT + size.wide + 0.3)
    rows = (size.below + size.high + TOP + 0.1, size.below)
    top = rows[0] + size.high + TOP
    width = columns[1] + size.wide + size.beside + 0.1
    heading = wrapped(heading, width)
    figure = make_figure(width, top + heading_height(heading), style)
    # The difference stands below what was predicted, whether or not there is a baseline.
    places = [(0, 0), (0, 1), (1, 0), (1, 1)] if len(panels) == 4 else [(0, 0), (0, 1), (1, 1)]
    for panel, (row, column) in zip(panels, places, strict=True):
        axes = add_axes(figure, (columns[column], rows[row], size.wide, size.high), style)
        _draw_field(axes, grid, panel, style)
        leftmost = column == 0 or (row, 0) not in places
        lowest = row == 1 or (1, column) not in places
        # Ticks that say the same again cost a third of the drawing.
        axes.tick_params(left=leftmost, labelleft=leftmost, bottom=lowest, labelbottom=lowest)
        put_labels(axes, grid.x_label if lowest else "", grid.y_label if leftmost else "", style)
    for row, column, panel in (
        ((1, 0) if size.bar_below else (0, 1)) + (panels[0],),
        (1, 1, panels[-1]),
    ):
        box = (columns[column], rows[row], size.wide, size.high)
        _draw_bar(figure, box, size, panel.scale, observed, style)
    put_heading(figure, heading, style)
    return figure


def _draw_field(axes: Axes, grid: MapGrid, panel: Panel, style: Style) -> None:
    axes.set_facecolor(style.missing)
    axes.patch.set(hatch="////", edgecolor=style.hatch, linewidth=0.0)
    for spine in axes.spines.values():
        spine.set_visible(True)
    colours = mpl.colormaps[style.values if panel.scale.kind == "values" else style.differences]
    norm = Normalize(panel.scale.low, panel.scale.high)
    seen_HW = np.ma.masked_invalid(panel.values_HW)
    left, right, bottom, top = grid.extent
    if grid.is_even:
        # Row 0 is drawn at "bottom" of the extent, wherever that is.
        axes.imshow(
            seen_HW,
            cmap=colours,
            norm=norm,
            extent=(left, right, bottom, top),
            origin="lower",
            aspect="auto",
            interpolation="nearest",
        )
    else:
        axes.pcolormesh(grid.x_edges, grid.y_edges, seen_HW, cmap=colours, norm=norm)
    axes.set_xlim(min(left, right), max(left, right))
    axes.set_ylim(min(bottom, top), max(bottom, top))
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(_plain())
    axes.yaxis.set_major_formatter(_plain())
    put_title(axes, panel.title, style)


def _draw_bar(
    figure: Figure,
    map_box: Box,
    size: Layout,
    scale: Scale,
    observed: ObservedPreview,
    style: Style,
) -> None:
    left, bottom, wide, high = map_box
    if size.bar_below:
        box = (left, bottom - size.below + 0.42, wide, BAR)
    else:
        box = (left + wide + BAR_GAP, bottom, BAR, high)
    axes = add_axes(figure, box, style)
    shown_in = number_scale([scale.low, scale.high])
    colours = mpl.colormaps[style.values if scale.kind == "values" else style.differences]
    norm = Normalize(scale.low * shown_in.factor, scale.high * shown_in.factor)
    bar = figure.colorbar(
        ScalarMappable(norm, colours),
        cax=axes,
        orientation="horizontal" if size.bar_below else "vertical",
        extend=scale.extend,
        ticks=MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]),
        format=_plain(),
    )
    bar.outline.set_edgecolor(style.muted)
    bar.outline.set_linewidth(0.6)
    axes.tick_params(colors=style.ink, labelsize=SMALL, length=3, width=0.6)
    words = bar_label(scale, observed, shown_in)
    if size.bar_below:
        axes.set_xlabel(words, fontsize=TEXT, color=style.ink, labelpad=2, parse_math=False)
    else:
        axes.set_ylabel(words, fontsize=TEXT, color=style.ink, labelpad=4, parse_math=False)


def _plain() -> ScalarFormatter:
    """Return what writes numbers out: none is left to be added to what stands beside a tick."""
    return ScalarFormatter(useOffset=False)


def bar_label(scale: Scale, observed: ObservedPreview, size: NumberScale) -> str:
    """Return what the colours are, with units."""
    units = size.units(observed.units)
    if scale.kind == "values":
        return f"{shown(observed.variable, 24)}{units}"
    return f"forecast {MINUS} observed{units}"
