"""Reliability: how often an event happened, by the share of the members that forecast it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from fieldsharp.objectives.members.scores import EventScores
from fieldsharp.sweep.pictures.axes import (
    add_axes,
    heading_height,
    make_figure,
    put_grid,
    put_heading,
    put_labels,
    put_legend,
    put_line,
    put_title,
    wrapped,
)
from fieldsharp.sweep.pictures.number_scale import number_scale, power_of_ten
from fieldsharp.sweep.pictures.source import PictureSource
from fieldsharp.sweep.pictures.style import LINE_WIDTH, Style

WIDTH, HEIGHT = 3.6, 4.4
LEAST_SHARE = 1e-5
"""Lower end of the axis of how often a share of the members forecast the event."""


def event_name(event: EventScores, units: str) -> str:
    """Return an event in words."""
    return f"above {number_scale([event.threshold]).with_units(event.threshold, units)}"


def one_reliability(event: EventScores, units: str, label: str, style: Style) -> Figure:
    """Return the reliability diagram of one event.

    Args:
        event: Its curve.
        units: Of the threshold.
        label: Name of the forecast.
        style: Colours.
    """
    figure = make_figure(WIDTH, HEIGHT, style)
    _draw(figure, 0.0, event, units, label, style)
    return figure


def draw_reliability(source: PictureSource, style: Style) -> Figure:
    """Return the reliability diagrams of all events, side by side under a heading."""
    assert source.members is not None, "can_be_drawn requires them"
    events = source.members.overall.events
    width = WIDTH * max(2, len(events))
    subject = f"reliability of {source.field_name} above a threshold"
    heading = wrapped(source.heading(subject), width)
    figure = make_figure(width, HEIGHT + heading_height(heading), style)
    for position, event in enumerate(events):
        label = f"trial {source.number}"
        _draw(figure, WIDTH * position, event, source.observed.units, label, style)
    put_heading(figure, heading, style)
    return figure


def observed_frequency(event: EventScores) -> float:
    """Return how often an event happened, whatever was forecast."""
    found = zip(event.reliability.frequency, event.reliability.weight, strict=True)
    return sum(weight * frequency for frequency, weight in found if frequency is not None)


def _draw(
    figure: Figure, left: float, event: EventScores, units: str, label: str, style: Style
) -> None:
    upper = add_axes(figure, (left + 0.66, 1.55, WIDTH - 0.82, HEIGHT - 2.13), style)
    lower = add_axes(figure, (left + 0.66, 0.5, WIDTH - 0.82, 0.85), style)
    put_title(upper, event_name(event, units), style, above_legend=True)
    curve = event.reliability
    upper.plot([0.0, 1.0], [0.0, 1.0], color=style.ink, linewidth=0.9, label="reliable")
    upper.axhline(
        observed_frequency(event),
        color=style.muted,
        linewidth=LINE_WIDTH,
        linestyle=":",
        label="mean frequency",
    )
    frequency = [np.nan if value is None else value for value in curve.frequency]
    put_line(upper, curve.shares, frequency, "forecast", style, label)
    upper.set_ylim(-0.03, 1.03)
    put_labels(upper, "", "observed frequency", style)
    weight = np.asarray(curve.weight)
    width = 0.7 / max(1, len(curve.shares) - 1)
    margin = 0.5 * width + 0.02
    drawn = np.clip(weight, LEAST_SHARE, None)
    lower.bar(curve.shares, drawn, width=width, color=style.forecast, alpha=0.75)
    lower.set_yscale("log")
    lower.set_ylim(LEAST_SHARE, 2.0)
    _decades(lower)
    put_labels(lower, "share of members", "share of cells", style)
    for axes in (upper, lower):
        axes.set_xlim(-margin, 1.0 + margin)
        axes.xaxis.set_major_locator(FixedLocator([0.0, 0.25, 0.5, 0.75, 1.0]))
        put_grid(axes, style)
    upper.tick_params(labelbottom=False)
    put_legend(upper, style)


def _decades(axes: Axes) -> None:
    decades = {1e-4: power_of_ten(-4), 1e-2: power_of_ten(-2), 1.0: "1"}
    axes.yaxis.set_major_locator(FixedLocator(list(decades)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: decades.get(share, "")))
    axes.yaxis.set_minor_locator(NullLocator())
