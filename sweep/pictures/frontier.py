"""RMSE against sharpness: the frontier of the baseline, its references, and trials.

The RMSE is given over the baseline's, the sharpness as the share of the observed gradient.
"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fieldsharp.objectives.frontier.frontier import FrontierCurve
from fieldsharp.sweep.pictures.axes import (
    add_axes,
    heading_height,
    make_figure,
    put_grid,
    put_heading,
    put_labels,
    put_legend,
    put_message,
    wrapped,
)
from fieldsharp.sweep.pictures.members.names import ENSEMBLE_NAMES
from fieldsharp.sweep.pictures.number_scale import shown
from fieldsharp.sweep.pictures.point_labels import LabelledPoint, put_point_labels
from fieldsharp.sweep.pictures.sharpness_source import Shares, SharpnessPoint, SharpnessSource
from fieldsharp.sweep.pictures.source import PictureSource
from fieldsharp.sweep.pictures.style import LINE_WIDTH, Style

WIDTH, HEIGHT = 6.0, 4.4
MOST_RMSE = 1.6
"""Of the baseline's; forecasts further above are not shown, for they would squeeze all others."""


def put_frontier(axes: Axes, curve: FrontierCurve, baseline_rmse: float, style: Style) -> None:
    """Draw a frontier, dashed where it is an estimate; see ``frontier_label``."""
    axes.plot(
        *zip(*curve_points(curve, baseline_rmse), strict=True),
        color=style.ink,
        linewidth=LINE_WIDTH,
        linestyle=(0, (5, 2)) if curve.is_estimate else "-",
        zorder=2.5,
    )


def frontier_label(curve: FrontierCurve, baseline_rmse: float, style: Style) -> list[LabelledPoint]:
    """Return the name of a frontier, to be placed with those of points, beside its upper end."""
    name = "frontier (estimate)" if curve.is_estimate else "frontier"
    near = [at for at in curve_points(curve, baseline_rmse) if at[1] <= MOST_RMSE]
    return [LabelledPoint(name, near[-1], style.ink)] if near else []


def put_references(axes: Axes, points: Sequence[SharpnessPoint], style: Style) -> None:
    """Draw the references as diamonds, empty where they break a guard; see ``reference_labels``."""
    of_members = all(point.name in ENSEMBLE_NAMES for point in points)
    label = "without training" if of_members else "sharpened baseline"
    for feasible in (True, False):
        chosen = [point.at for point in points if point.feasible is feasible]
        if not chosen:
            continue
        axes.plot(
            [x for x, _ in chosen],
            [y for _, y in chosen],
            linestyle="none",
            marker="D",
            markersize=5.0,
            color=style.reference,
            markerfacecolor=style.reference if feasible else "none",
            markeredgewidth=1.0,
            label=label,
            zorder=4,
        )
        label = ""  # both kinds have one line in the legend


def reference_labels(points: Sequence[SharpnessPoint], style: Style) -> list[LabelledPoint]:
    """Return the names of references, to be placed with those of other points."""
    return [LabelledPoint(shown(point.name, 16), point.at, style.reference) for point in points]


def draw_frontier(source: PictureSource, style: Style) -> Figure:
    """Return the RMSE of a study's forecasts against their gradient, with one trial marked."""
    heading = wrapped(source.heading("error against sharpness"), WIDTH)
    figure = make_figure(WIDTH, HEIGHT + heading_height(heading), style)
    axes = add_axes(figure, (0.7, 0.5, WIDTH - 0.9, HEIGHT - 0.85), style)
    put_heading(figure, heading, style)
    if source.sharpness is None:
        put_message(axes, "the observed gradient is not known", style)
        return figure
    _draw(axes, source.sharpness, source.number, style)
    return figure


def _draw(axes: Axes, source: SharpnessSource, number: int, style: Style) -> None:
    axes.axhline(1.0, color=style.baseline, linewidth=0.9, linestyle="--", zorder=1)
    axes.axvspan(*source.target, color=style.band, alpha=0.18, linewidth=0, label="target")
    if source.curve is not None:
        put_frontier(axes, source.curve, source.baseline_rmse, style)
    others = [point for trial, point in source.trials.items() if trial != number]
    for feasible, marker, colour in ((True, "o", "forecast"), (False, "x", "warning")):
        chosen = [point.at for point in others if point.feasible is feasible]
        if chosen:
            axes.plot(
                [x for x, _ in chosen],
                [y for _, y in chosen],
                linestyle="none",
                marker=marker,
                markersize=4.0,
                color=getattr(style, colour),
                alpha=0.6,
                label="other trials" if feasible else "break a guard",
                zorder=3,
            )
    put_references(axes, source.references, style)
    marked = [(source.baseline, "s", "baseline", 7.0)]
    if number in source.trials:
        marked.append((source.trials[number], "*", "forecast", 12.0))
    labels = reference_labels(source.references, style)
    for point, marker, kind, size in marked:
        axes.plot(
            *([value] for value in point.at),
            linestyle="none",
            marker=marker,
            markersize=size,
            color=getattr(style, kind),
            markeredgecolor=style.paper,
            markeredgewidth=0.8,
            zorder=5,
        )
        labels.append(LabelledPoint(point.name, point.at, getattr(style, kind)))
    put_labels(axes, "gradient over observed", "RMSE over the baseline's", style)
    put_grid(axes, style)
    curve: list[Shares] = []
    if source.curve is not None:
        curve = curve_points(source.curve, source.baseline_rmse)
        labels = frontier_label(source.curve, source.baseline_rmse, style) + labels
    drawn = [point.at for point in (*source.references, *others, *(one for one, *_ in marked))]
    _frame(axes, [*drawn, *curve])
    put_legend(axes, style)
    put_point_labels(axes, labels, [*(one.at for one in others), *curve, *level(axes)], style)


def curve_points(curve: FrontierCurve, baseline_rmse: float) -> list[Shares]:
    """Return the points of a frontier."""
    pairs = zip(curve.gradient_shares, curve.rmse, strict=True)
    return [(share, rmse / baseline_rmse) for share, rmse in pairs]


def level(axes: Axes) -> list[Shares]:
    """Return points on the line of the baseline's RMSE, which labels should not cover."""
    low, high = axes.get_xlim()
    return [(low + (high - low) * step / 40, 1.0) for step in range(41)]


def _frame(axes: Axes, points: Sequence[Shares]) -> None:
    """Set the limits of both axes around all points that are not far out."""
    near = [at for at in points if at[1] <= MOST_RMSE]
    xs, ys = [*(x for x, _ in near), 1.0], [*(y for _, y in near), 0.98, 1.02]
    for values, set_limits in ((xs, axes.set_xlim), (ys, axes.set_ylim)):
        margin = 0.09 * (max(values) - min(values)) or 0.1
        set_limits(min(values) - margin, max(values) + margin)
