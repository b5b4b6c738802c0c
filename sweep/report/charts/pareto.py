"""What sharpness costs: error against gradient, and against what is lacking in sharpness."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fieldsharp.objectives.targets import Band
from fieldsharp.sweep.pictures.axes import (
    add_axes,
    make_figure,
    put_grid,
    put_labels,
    put_legend,
    put_title,
)
from fieldsharp.sweep.pictures.style import LINE_WIDTH, Style
from fieldsharp.sweep.report.charts.markers import mark, put_points
from fieldsharp.sweep.report.model import TrialRow, share

WIDTH, HEIGHT = 4.0, 3.4
MOST = 90.0
FAR = 2.0


def error_against_gradient(
    points: Sequence[TrialRow],
    chosen: int | None,
    band: Band,
    gradient_observed: float,
    style: Style,
) -> Figure:
    """Return the RMSE of complete trials, a share of the baseline's, against their gradient."""
    figure, axes = _front_axes("What sharpness costs", style)
    low, high = share(band.low, gradient_observed), share(band.high, gradient_observed)
    complete = [point for point in points if point.is_complete]
    put_points(axes, complete, lambda p: p.gradient_share, lambda p: p.rmse_share, style)
    if low is not None and high is not None:
        axes.axvspan(low, high, color=style.band, alpha=0.18, linewidth=0, label="aimed at")
    put_labels(axes, "gradient over observed", "RMSE over the baseline's", style)
    _leave_far_out(axes, [p.gradient_share for p in complete], [p.rmse_share for p in complete])
    mark(axes, complete, chosen, lambda p: p.gradient_share, lambda p: p.rmse_share, style)
    put_legend(axes, style)
    return figure


def error_against_shortfall(points: Sequence[TrialRow], chosen: int | None, style: Style) -> Figure:
    """Return the RMSE of complete trials against what they lack in sharpness, with the front."""
    figure, axes = _front_axes("The front", style)
    complete = [point for point in points if point.is_complete]
    put_points(axes, complete, lambda p: p.sharpness, lambda p: p.rmse_share, style)
    there = front(points)
    if there:
        axes.step(
            [p.sharpness or 0.0 for p in there],
            [p.rmse_share or 0.0 for p in there],
            where="post",
            color=style.band,
            linewidth=LINE_WIDTH,
            label="front",
            zorder=2,
        )
    put_labels(axes, "distance to gradient and peak aimed at", "RMSE over the baseline's", style)
    _leave_far_out(axes, [p.sharpness for p in complete], [p.rmse_share for p in complete])
    mark(axes, complete, chosen, lambda p: p.sharpness, lambda p: p.rmse_share, style)
    put_legend(axes, style)
    return figure


def front(points: Sequence[TrialRow]) -> list[TrialRow]:
    """Return the complete trials within the guards that none beats in sharpness and error at once.

    From the sharpest to the one with the least error.
    """
    there = [p for p in points if p.is_complete and p.feasible and p.rmse_share is not None]
    there.sort(key=lambda p: (p.sharpness or 0.0, p.rmse_share or 0.0))
    found: list[TrialRow] = []
    for point in there:
        least = found[-1].rmse_share if found else None
        if least is None or (point.rmse_share or 0.0) < least:
            found.append(point)
    return found


def far_out(points: Sequence[TrialRow]) -> int:
    """Return how many complete trials lie above what the charts show."""
    known = [p.rmse_share for p in points if p.is_complete and p.rmse_share is not None]
    return sum(value > _highest(known) for value in known)


def _highest(known: Sequence[float]) -> float:
    """Return the largest value but for those far beyond most of the others."""
    low, most = min(known), float(np.percentile(known, MOST))
    return max(value for value in known if value <= most + FAR * (most - low))


def _front_axes(title: str, style: Style) -> tuple[Figure, Axes]:
    figure = make_figure(WIDTH, HEIGHT, style)
    axes = add_axes(figure, (0.65, 0.5, WIDTH - 0.8, HEIGHT - 1.1), style)
    put_title(axes, title, style, above_legend=True)
    axes.axhline(1.0, color=style.baseline, linewidth=0.9, linestyle="--", zorder=1)
    put_grid(axes, style)
    return figure, axes


def _leave_far_out(axes: Axes, xs: Sequence[float | None], ys: Sequence[float | None]) -> None:
    """Frame the axes so that a few trials far out do not press the others together."""
    for values, frame, inside in ((xs, axes.set_xlim, ()), (ys, axes.set_ylim, (0.98, 1.02))):
        known = [v for v in values if v is not None and math.isfinite(v)]
        if known:
            ends = [min(known), _highest(known), *inside]
            low, high = min(ends), max(ends)
            room = 0.09 * (high - low) or 0.05 * abs(high) or 0.1
            frame(low - room, high + room)
