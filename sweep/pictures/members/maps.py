"""Maps of the truth, three members, and the mean and spread of all.

Shape legend: H rows, W columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from matplotlib.figure import Figure

from fieldsharp.sweep.pictures.axes import (
    add_axes,
    heading_height,
    make_figure,
    put_heading,
    put_labels,
    wrapped,
)
from fieldsharp.sweep.pictures.color_scale import masked, spread_scale, value_scale
from fieldsharp.sweep.pictures.map_grid import map_grid
from fieldsharp.sweep.pictures.maps import (
    LEFT,
    MARGIN,
    TOP,
    Layout,
    Panel,
    draw_bar,
    draw_field,
    layout,
    map_heading,
)
from fieldsharp.sweep.pictures.source import PictureSource
from fieldsharp.sweep.pictures.style import Style
from fieldsharp.sweep.study.files.previews import MembersPreview, ObservedPreview

COLUMNS = 3
GAP = 0.3
MOST_WIDTH = 7.4
"""Of the whole picture in inches: the note of a trial cuts off what is wider."""

LEAST_PITCH = 1.4
"""Of rows in inches: the label of an axis is as long."""


def member_panels(
    observed: ObservedPreview, members: MembersPreview, lead: int, *, titled: bool = True
) -> Mapping[str, Panel]:
    """Return the maps at one lead by name: truth, members, their mean, and last their spread.

    All but the last have one colour scale, so that a mean that is smoother than the truth is seen.
    Their names are their titles, unless a page writes those.
    """
    observed_HW = masked(observed.values_LHW[lead], observed.mask_HW)
    fields = {
        f"member {number}": masked(one_LHW[lead], observed.mask_HW)
        for number, one_LHW in enumerate(members.shown_MLHW, start=1)
    }
    fields[f"mean of all {members.count}"] = masked(members.mean_LHW[lead], observed.mask_HW)
    scale = value_scale(observed_HW, list(fields.values()))
    spread_HW = masked(members.spread_LHW[lead], observed.mask_HW)
    drawn = {name: (values_HW, scale) for name, values_HW in fields.items()}
    drawn = {"observed": (observed_HW, scale), **drawn}
    drawn[f"spread of all {members.count}"] = (spread_HW, spread_scale(spread_HW))
    return {
        name: Panel(name if titled else "", values_HW, of_its_own)
        for name, (values_HW, of_its_own) in drawn.items()
    }


def draw_members(source: PictureSource, style: Style, lead: int) -> Figure:
    """Return maps of truth, members, mean and spread at one lead, in three columns."""
    forecast = source.forecast
    assert forecast is not None, "can_be_drawn requires it"
    assert forecast.members is not None, "can_be_drawn requires them"
    panels = list(member_panels(source.observed, forecast.members, lead).values())
    return _page(source.observed, map_heading(source, lead, "members of "), panels, style)


def _narrowed(size: Layout) -> Layout:
    """Return sizes with which three columns are not too wide."""
    rest = LEFT + (COLUMNS - 1) * GAP + size.right_margin + MARGIN
    share = min(1.0, (MOST_WIDTH - rest) / (COLUMNS * size.wide))
    return replace(size, wide=share * size.wide, high=share * size.high)


def _page(
    observed: ObservedPreview, heading: Sequence[str], panels: Sequence[Panel], style: Style
) -> Figure:
    """Return maps in rows of three, with the bar of values and that of the last panel's scale."""
    grid = map_grid(observed)
    size = _narrowed(layout(grid))
    rows = -(-len(panels) // COLUMNS)
    last_row = rows - 1
    pitch = max(size.high + TOP + 0.1, LEAST_PITCH)
    bottoms = [size.bottom_margin + (last_row - row) * pitch for row in range(rows)]
    lefts = [LEFT + column * (size.wide + GAP) for column in range(COLUMNS)]
    top = bottoms[0] + size.high + TOP
    width = lefts[-1] + size.wide + size.right_margin + MARGIN
    heading = wrapped(heading, width)
    figure = make_figure(width, top + heading_height(heading), style)
    places = [divmod(position, COLUMNS) for position in range(len(panels))]
    boxes = [(lefts[column], bottoms[row], size.wide, size.high) for row, column in places]
    for panel, box, (row, column) in zip(panels, boxes, places, strict=True):
        axes = add_axes(figure, box, style)
        draw_field(axes, grid, panel, style)
        leftmost, lowest = column == 0, (row + 1, column) not in places
        # Repeated tick labels would cost a third of the drawing time.
        axes.tick_params(left=leftmost, labelleft=leftmost, bottom=lowest, labelbottom=lowest)
        put_labels(axes, grid.x_label if lowest else "", grid.y_label if leftmost else "", style)
    of_values = places.index((last_row, 0) if size.bar_below else (0, COLUMNS - 1))
    for position in (of_values, len(panels) - 1):
        draw_bar(figure, boxes[position], size, panels[position].scale, observed, style)
    put_heading(figure, heading, style)
    return figure
