"""Maps of a field: values on one colour scale, differences on another, masked cells hatched.

Shape legend: H rows, W columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
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
from fieldsharp.sweep.pictures.color_scale import (
    ColorScale,
    Doubles,
    difference_scale,
    masked,
    value_scale,
)
from fieldsharp.sweep.pictures.map_grid import MapGrid, map_grid
from fieldsharp.sweep.pictures.number_scale import number_scale, shown
from fieldsharp.sweep.pictures.source import PictureSource
from fieldsharp.sweep.pictures.style import SMALL, TEXT, Style
from fieldsharp.sweep.study.files.previews import ObservedPreview

LEFT, RIGHT, TOP, BOTTOM = 0.62, 0.1, 0.4, 0.5
MARGIN = 0.1
BAR, BAR_GAP, BAR_TEXT = 0.13, 0.1, 0.72
MAP_AREA, MAX_WIDTH, MAX_HEIGHT = 7.6, 3.45, 3.5
"""Square inches, and inches."""
MINUS = "\u2212"
FLAT = 0.75
"""Maps flatter than this have their colour bar below."""


@dataclass(frozen=True)
class Panel:
    """One map.

    Attributes:
        title: Above the map.
        values_HW: Physical values, NaN in masked cells.
        scale: Of its colours.
    """

    title: str
    values_HW: Doubles
    scale: ColorScale


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
    def right_margin(self) -> float:
        """Width of the space to the right of the map."""
        return RIGHT if self.bar_below else BAR_GAP + BAR + BAR_TEXT

    @property
    def bottom_margin(self) -> float:
        """Height of the space below the map."""
        return BOTTOM + (BAR + 0.5 if self.bar_below else 0.0)


def layout(grid: MapGrid) -> Layout:
    """Return sizes that give every grid about the same area on paper."""
    ratio = grid.aspect
    bar_below = ratio < FLAT
    max_width = MAX_WIDTH if bar_below else 2.75
    wide = min(max_width, (MAP_AREA / ratio) ** 0.5, MAX_HEIGHT / ratio)
    return Layout(wide, wide * ratio, bar_below)


def one_map(observed: ObservedPreview, panel: Panel, style: Style) -> Figure:
    """Return a single map with its colour bar."""
    grid = map_grid(observed)
    size = layout(grid)
    figure = make_figure(
        LEFT + size.wide + size.right_margin, size.bottom_margin + size.high + MARGIN, style
    )
    box = (LEFT, size.bottom_margin, size.wide, size.high)
    axes = add_axes(figure, box, style)
    draw_field(axes, grid, panel, style)
    put_labels(axes, grid.x_label, grid.y_label, style)
    draw_bar(figure, box, size, panel.scale, observed, style)
    return figure


def draw_maps(source: PictureSource, style: Style, lead: int) -> Figure:
    """Return observed and predicted maps at one lead, and their difference, in two columns."""
    observed, forecast, baseline = source.observed, source.forecast, source.baseline_forecast
    assert forecast is not None, "can_be_drawn requires it"
    observed_HW = masked(observed.values_LHW[lead], observed.mask_HW)
    forecast_HW = masked(forecast.values_LHW[lead], observed.mask_HW)
    difference_HW = forecast_HW - observed_HW
    predicted = {"predicted": forecast_HW}
    if baseline is not None:
        baseline_HW = masked(baseline.values_LHW[lead], observed.mask_HW)
        predicted["predicted by the baseline"] = baseline_HW
    scale = value_scale(observed_HW, list(predicted.values()))
    panels = [
        Panel("observed", observed_HW, scale),
        *(Panel(title, values_HW, scale) for title, values_HW in predicted.items()),
        Panel(f"predicted {MINUS} observed", difference_HW, difference_scale([difference_HW])),
    ]
    return _page(observed, map_heading(source, lead), panels, style)


def map_heading(source: PictureSource, lead: int, of: str = "") -> list[str]:
    """Return the lines above maps: trial, lead and time, and how they are drawn.

    Args:
        source: Of the trial.
        lead: Position of the lead among those shown.
        of: What is shown of the field, such as "members of "; "" for the field itself.
    """
    observed = source.observed
    time = shown(observed.times[lead].replace("T", " "))
    notes = [f"{observed.part} split"]
    if not observed.mask_HW.all():
        notes.append("hatched cells are masked")
    if observed.every > 1:
        notes.append(f"every {ordinal(observed.every)} row and column")
    subject = f"{of}{source.field_name} {observed.ahead[lead]}, valid {time}"
    return [*source.heading(subject), ", ".join(notes)]


def ordinal(number: int) -> str:
    """Return an ordinal number, such as 3rd."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    ending = "th" if number % 100 in (11, 12, 13) else endings.get(number % 10, "th")
    return f"{number}{ending}"


def _page(
    observed: ObservedPreview, heading: Sequence[str], panels: Sequence[Panel], style: Style
) -> Figure:
    """Return maps in two columns; all but the last share one scale and one colour bar."""
    grid = map_grid(observed)
    size = layout(grid)
    columns = (LEFT, LEFT + size.wide + 0.3)
    rows = (size.bottom_margin + size.high + TOP + 0.1, size.bottom_margin)
    top = rows[0] + size.high + TOP
    width = columns[1] + size.wide + size.right_margin + 0.1
    heading = wrapped(heading, width)
    figure = make_figure(width, top + heading_height(heading), style)
    # The difference is below the prediction, whether or not there is a baseline.
    places = [(0, 0), (0, 1), (1, 0), (1, 1)] if len(panels) == 4 else [(0, 0), (0, 1), (1, 1)]
    for panel, (row, column) in zip(panels, places, strict=True):
        axes = add_axes(figure, (columns[column], rows[row], size.wide, size.high), style)
        draw_field(axes, grid, panel, style)
        leftmost = column == 0 or (row, 0) not in places
        lowest = row == 1 or (1, column) not in places
        # Repeated tick labels would cost a third of the drawing time.
        axes.tick_params(left=leftmost, labelleft=leftmost, bottom=lowest, labelbottom=lowest)
        put_labels(axes, grid.x_label if lowest else "", grid.y_label if leftmost else "", style)
    for row, column, panel in (
        ((1, 0) if size.bar_below else (0, 1)) + (panels[0],),
        (1, 1, panels[-1]),
    ):
        box = (columns[column], rows[row], size.wide, size.high)
        draw_bar(figure, box, size, panel.scale, observed, style)
    put_heading(figure, heading, style)
    return figure


def draw_field(axes: Axes, grid: MapGrid, panel: Panel, style: Style) -> None:
    """Draw a map, masked cells hatched."""
    axes.set_facecolor(style.missing)
    axes.patch.set(hatch="////", edgecolor=style.hatch, linewidth=0.0)
    for spine in axes.spines.values():
        spine.set_visible(True)
    colours = mpl.colormaps[getattr(style, panel.scale.kind)]
    norm = Normalize(panel.scale.low, panel.scale.high)
    values_HW = np.ma.masked_invalid(panel.values_HW)
    left, right, bottom, top = grid.extent
    if grid.is_even:
        # With origin "lower", row 0 is drawn at "bottom" of the extent, even if that is the top.
        axes.imshow(
            values_HW,
            cmap=colours,
            norm=norm,
            extent=(left, right, bottom, top),
            origin="lower",
            aspect="auto",
            interpolation="nearest",
        )
    else:
        axes.pcolormesh(grid.x_edges, grid.y_edges, values_HW, cmap=colours, norm=norm)
    axes.set_xlim(min(left, right), max(left, right))
    axes.set_ylim(min(bottom, top), max(bottom, top))
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(_plain())
    axes.yaxis.set_major_formatter(_plain())
    put_title(axes, panel.title, style)


def draw_bar(
    figure: Figure,
    map_box: Box,
    size: Layout,
    scale: ColorScale,
    observed: ObservedPreview,
    style: Style,
) -> None:
    """Draw the colour bar of a scale beside or below a map."""
    left, bottom, wide, high = map_box
    if size.bar_below:
        box = (left, bottom - size.bottom_margin + 0.42, wide, BAR)
    else:
        box = (left + wide + BAR_GAP, bottom, BAR, high)
    axes = add_axes(figure, box, style)
    unit_scale = number_scale([scale.low, scale.high])
    colours = mpl.colormaps[getattr(style, scale.kind)]
    norm = Normalize(scale.low * unit_scale.factor, scale.high * unit_scale.factor)
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
    quantity = shown(observed.variable, 24)
    if scale.kind == "differences":
        quantity = f"forecast {MINUS} observed"
    if scale.kind == "spread":
        quantity = "spread"
    label = f"{quantity}{unit_scale.units(observed.units)}"
    if size.bar_below:
        axes.set_xlabel(label, fontsize=TEXT, color=style.ink, labelpad=2, parse_math=False)
    else:
        axes.set_ylabel(label, fontsize=TEXT, color=style.ink, labelpad=4, parse_math=False)


def _plain() -> ScalarFormatter:
    """Return a tick formatter that writes numbers in full, without a common offset."""
    return ScalarFormatter(useOffset=False)
