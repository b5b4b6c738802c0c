"""Figures and axes in a style, placed by hand: a layout engine would take longer than drawing."""

import textwrap
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from fieldsharp.sweep.pictures.image_export import as_png
from fieldsharp.sweep.pictures.style import (
    LINE_WIDTH,
    MARKER_SIZE,
    SERIES,
    SMALL,
    TEXT,
    TITLE,
    Style,
)

Box = tuple[float, float, float, float]
"""Left, bottom, width and height in inches."""
LEGEND_LEFT = 0.3
SCREEN_DOTS_PER_INCH = 80
BOLD_LETTER = 0.095
"""Width of a wide bold letter in inches."""
Doubles = npt.NDArray[np.float64]


class Picture(Figure):
    """A figure that a notebook shows, also where pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        return as_png(self, SCREEN_DOTS_PER_INCH)


def make_figure(width: float, height: float, style: Style) -> Figure:
    """Return an empty figure of this size in inches."""
    return Picture(figsize=(width, height), facecolor=style.paper)


def add_axes(figure: Figure, box: Box, style: Style) -> Axes:
    """Return axes in a box of a figure."""
    width, height = figure.get_size_inches()
    left, bottom, wide, high = box
    axes = figure.add_axes((left / width, bottom / height, wide / width, high / height))
    axes.set_facecolor(style.paper)
    axes.tick_params(colors=style.ink, labelsize=SMALL, length=3, width=0.6)
    for side, spine in axes.spines.items():
        spine.set_color(style.muted)
        spine.set_linewidth(0.6)
        spine.set_visible(side in ("left", "bottom"))
    return axes


def put_title(axes: Axes, title: str, style: Style, *, above_legend: bool = False) -> None:
    """Write a title above axes."""
    pad = 24.0 if above_legend else 6.0
    axes.set_title(title, fontsize=TITLE, color=style.ink, loc="left", pad=pad, parse_math=False)


def put_labels(axes: Axes, x: str, y: str, style: Style) -> None:
    """Label both axes."""
    axes.set_xlabel(x, fontsize=TEXT, color=style.ink, labelpad=3, parse_math=False)
    axes.set_ylabel(y, fontsize=TEXT, color=style.ink, labelpad=4, parse_math=False)


def put_grid(axes: Axes, style: Style) -> None:
    """Draw grid lines behind the data."""
    axes.grid(visible=True, color=style.grid, linewidth=0.6)
    axes.set_axisbelow(True)


def put_line(
    axes: Axes,
    x: Sequence[float] | Doubles,
    y: Sequence[float] | Doubles,
    kind: str,
    style: Style,
    label: str = "",
) -> None:
    """Draw observations or a forecast, a key of ``SERIES``, as a line; NaN leaves a gap."""
    series = SERIES[kind]
    axes.plot(
        np.asarray(x, dtype=float),
        np.asarray(y, dtype=float),
        label=label or series.label,
        color=getattr(style, kind),
        linestyle=series.stroke,
        linewidth=LINE_WIDTH,
        marker=series.marker,
        markersize=MARKER_SIZE,
        markevery=max(1, len(x) // 12),
    )


def put_legend(axes: Axes, style: Style) -> None:
    """Write the legend in a row between the axes and their title."""
    handles, _ = axes.get_legend_handles_labels()
    is_crowded = len(handles) > 4
    if handles:
        box, figure = axes.get_position(), axes.get_figure(root=True)
        assert figure is not None, "axes belong to a figure"
        # From the left edge of the figure: labels may be long.
        left = (LEGEND_LEFT / figure.get_size_inches()[0] - box.x0) / box.width
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(max(left, -0.2), 1.015),
            ncols=len(handles),
            fontsize=SMALL,
            frameon=False,
            labelcolor=style.ink,
            columnspacing=0.6 if is_crowded else 0.9,
            handlelength=1.1 if is_crowded else 1.7,
            handletextpad=0.4,
            borderpad=0.1,
        )


def put_integer_ticks(axes: Axes, first: float, last: float, *, at_most: int = 8) -> None:
    """Put ticks at integers on the x axis, with a margin beyond both ends."""
    margin = 0.5 if last - first < 3 else 0.03 * (last - first)
    axes.set_xlim(first - margin, last + margin)
    if last - first < at_most:
        axes.xaxis.set_major_locator(FixedLocator(list(np.arange(first, last + 1))))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(at_most, integer=True))
    axes.xaxis.set_minor_locator(NullLocator())


def put_log_ticks(axes: Axes) -> None:
    """Write the ticks of a logarithmic y axis as plain numbers, more of them on a short axis."""
    low, high = axes.get_ylim()
    multiples = (1.0, 2.0, 5.0) if high < 300 * max(low, 1e-300) else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(subs=multiples, numticks=9))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def frame_values(axes: Axes, *values: npt.ArrayLike) -> None:
    """Set the y limits around all finite values; a single value is centred."""
    flat = np.concatenate([np.ravel(np.asarray(v, dtype=float)) for v in values])
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        axes.set_ylim(0.0, 1.0)
        return
    low, high = float(flat.min()), float(flat.max())
    margin = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    axes.set_ylim(low - margin, high + margin)


def put_heading(figure: Figure, lines: Sequence[str], style: Style) -> None:
    """Write lines at the top of a figure, the first in bold; see ``heading_height``."""
    width, height = figure.get_size_inches()
    for index, line in enumerate(lines):
        figure.text(
            0.15 / width,
            (height - 0.28 - 0.2 * index) / height,
            line,
            fontsize=TEXT,
            weight="bold" if index == 0 else "normal",
            color=style.ink,
            parse_math=False,
        )


def wrapped(lines: Sequence[str], width: float) -> list[str]:
    """Return lines wrapped to a width in inches: the name of a field may be long."""
    columns = int((width - 0.3) / BOLD_LETTER)
    return [part for line in lines for part in textwrap.wrap(line, columns)]


def heading_height(lines: Sequence[str]) -> float:
    """Return the height in inches of a heading with these lines."""
    return 0.2 + 0.2 * len(lines)


def put_message(axes: Axes, message: str, style: Style) -> None:
    """Write in empty axes why there is no drawing."""
    axes.text(
        0.5,
        0.5,
        message,
        transform=axes.transAxes,
        ha="center",
        va="center",
        fontsize=TEXT,
        color=style.muted,
        parse_math=False,
    )
    axes.set_xticks([])
    axes.set_yticks([])
