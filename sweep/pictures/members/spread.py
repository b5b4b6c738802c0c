"""Spread of the members beside the error of their mean, and their CRPS, at each lead."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from fieldsharp.objectives.members.result import CLIMATOLOGY, MembersResult
from fieldsharp.sweep.pictures.axes import (
    add_axes,
    heading_height,
    make_figure,
    put_grid,
    put_heading,
    put_integer_ticks,
    put_labels,
    put_legend,
    put_line,
    put_title,
    wrapped,
)
from fieldsharp.sweep.pictures.number_scale import number_scale
from fieldsharp.sweep.pictures.source import PictureSource
from fieldsharp.sweep.pictures.style import Style
from fieldsharp.sweep.study.files.previews import ObservedPreview

WIDTH, HEIGHT = 3.6, 3.3
SPREAD, CRPS = "Spread and error", "Fair CRPS"
Lines = Mapping[str, tuple[str, Sequence[float]]]
"""Label and values at each lead, by the kind of line."""


def spread_lines(members: MembersResult) -> Lines:
    """Return the spread of the members and the error of their mean."""
    return {
        "observed": ("error of the mean", [one.rmse_of_mean for one in members.by_lead]),
        "forecast": ("spread", [one.spread for one in members.by_lead]),
    }


def crps_lines(
    label: str, members: MembersResult, references: Mapping[str, MembersResult]
) -> Lines:
    """Return the CRPS of an ensemble and of those that need no training."""
    lines = {
        "muted" if name == CLIMATOLOGY else "reference": (
            name,
            [scores.crps for scores in one.by_lead],
        )
        for name, one in references.items()
    }
    return {**lines, "forecast": (label, [one.crps for one in members.by_lead])}


def one_of_leads(title: str, lines: Lines, observed: ObservedPreview, style: Style) -> Figure:
    """Return lines by lead, from 0."""
    figure = make_figure(WIDTH, HEIGHT, style)
    _draw(figure, 0.0, title, lines, observed, style)
    return figure


def draw_spread(source: PictureSource, style: Style) -> Figure:
    """Return spread and error, and CRPS, at each lead, side by side under a heading."""
    assert source.members is not None, "can_be_drawn requires them"
    width = 2 * WIDTH
    subject = f"how uncertain {source.field_name} is, lead by lead"
    heading = wrapped(source.heading(subject), width)
    figure = make_figure(width, HEIGHT + heading_height(heading), style)
    label = f"trial {source.number}"
    parts = {
        SPREAD: spread_lines(source.members),
        CRPS: crps_lines(label, source.members, source.member_references),
    }
    for position, (title, lines) in enumerate(parts.items()):
        _draw(figure, WIDTH * position, title, lines, source.observed, style)
    put_heading(figure, heading, style)
    return figure


def _draw(
    figure: Figure, left: float, title: str, lines: Lines, observed: ObservedPreview, style: Style
) -> None:
    axes = add_axes(figure, (left + 0.7, 0.55, WIDTH - 0.9, HEIGHT - 1.15), style)
    put_title(axes, f"{title} by lead", style, above_legend=True)
    scale = number_scale(*(values for _, values in lines.values()))
    largest = 0.0
    for kind, (label, values) in lines.items():
        scaled = [value * scale.factor for value in values]
        put_line(axes, range(1, len(values) + 1), scaled, kind, style, label)
        largest = max([largest, *(value for value in scaled if value == value)])
    ends = f"{observed.leads[0]}: {observed.ahead[0]}"
    if observed.leads[-1] != observed.leads[0]:
        ends += f", {observed.leads[-1]}: {observed.ahead[-1]}"
    quantity = "CRPS" if title == CRPS else "RMSE"
    put_labels(axes, f"lead ({ends})", f"{quantity}{scale.units(observed.units)}", style)
    axes.set_ylim(0.0, 1.08 * largest or 1.0)
    put_integer_ticks(axes, 1, max(len(values) for _, values in lines.values()))
    put_grid(axes, style)
    put_legend(axes, style)
