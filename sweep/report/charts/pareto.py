"""Charts of the RMSE against the gradient and against the distance to the targets."""

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
CORE_PERCENT = 90.0
"""Percentile of the values that the limits of an axis are derived from."""
FAR = 2.0
"""Values further above that percentile than this multiple of its distance to the lowest are cut."""


def error_against_gradient(
    points: Sequence[TrialRow],
    chosen: int | None,
    band: Band,
    gradient_observed: float,
    style: Style,
) -> Figure:
    """Return the RMSE of complete trials against their gradient, both as ratios."""
    figure, axes = front_axes("RMSE against gradient", style)
    low, high = share(band.low, gradient_observed), share(band.high, gradient_observed)
    complete = [point for point in points if point.is_complete]
    put_points(axes, complete, lambda p: p.gradient_share, lambda p: p.rmse_share, style)
    if low is not None and high is not None:
        axes.axvspan(low, high, color=style.band, alpha=0.18, linewidth=0, label="target")
    put_labels(axes, "gradient over observed", "RMSE over the baseline's", style)
    set_limits(axes, [p.gradient_share for p in complete], [p.rmse_share for p in complete])
    mark(axes, complete, chosen, lambda p: p.gradient_share, lambda p: p.rmse_share, style)
    put_legend(axes, style)
    return figure


def error_against_shortfall(points: Sequence[TrialRow], chosen: int | None, style: Style) -> Figure:
    """Return the RMSE of complete trials against the distance to both targets, with the front."""
    figure, axes = front_axes("Pareto front", style)
    complete = [point for point in points if point.is_complete]
    put_points(axes, complete, lambda p: p.sharpness, lambda p: p.rmse_share, style)
    optimal = front(points)
    if optimal:
        axes.step(
            [p.sharpness or 0.0 for p in optimal],
            [p.rmse_share or 0.0 for p in optimal],
            where="post",
            color=style.band,
            linewidth=LINE_WIDTH,
            label="front",
            zorder=2,
        )
    put_labels(
        axes, "distance to the targets of gradient and peak", "RMSE over the baseline's", style
    )
    set_limits(axes, [p.sharpness for p in complete], [p.rmse_share for p in complete])
    mark(axes, complete, chosen, lambda p: p.sharpness, lambda p: p.rmse_share, style)
    put_legend(axes, style)
    return figure


def front(points: Sequence[TrialRow]) -> list[TrialRow]:
    """Return the Pareto front of the complete trials that break no guard.

    From the one nearest to the targets to the one with the lowest RMSE.
    """
    trials = [p for p in points if p.is_complete and p.feasible and p.rmse_share is not None]
    trials.sort(key=lambda p: (p.sharpness or 0.0, p.rmse_share or 0.0))
    optimal: list[TrialRow] = []
    for trial in trials:
        lowest = optimal[-1].rmse_share if optimal else None
        if lowest is None or (trial.rmse_share or 0.0) < lowest:
            optimal.append(trial)
    return optimal


def far_out(points: Sequence[TrialRow]) -> int:
    """Return how many complete trials lie above the charts."""
    known = [p.rmse_share for p in points if p.is_complete and p.rmse_share is not None]
    return sum(value > _highest(known) for value in known)


def _highest(known: Sequence[float]) -> float:
    """Return the largest value that is not an outlier."""
    low, core = min(known), float(np.percentile(known, CORE_PERCENT))
    return max(value for value in known if value <= core + FAR * (core - low))


def front_axes(
    title: str, style: Style, width: float = WIDTH, height: float = HEIGHT
) -> tuple[Figure, Axes]:
    """Return axes for an RMSE over the baseline's, with a line at 1; sizes in inches."""
    figure = make_figure(width, height, style)
    axes = add_axes(figure, (0.65, 0.5, width - 0.8, height - 1.1), style)
    put_title(axes, title, style, above_legend=True)
    axes.axhline(1.0, color=style.baseline, linewidth=0.9, linestyle="--", zorder=1)
    put_grid(axes, style)
    return figure, axes


def set_limits(
    axes: Axes,
    xs: Sequence[float | None],
    ys: Sequence[float | None],
    inside: Sequence[tuple[float, float]] = (),
) -> None:
    """Set the limits of both axes without outliers, which would compress the other trials.

    Args:
        axes: That have all points.
        xs: Of the trials.
        ys: Of the trials.
        inside: Further points that are always shown.
    """
    for values, more, set_axis in (
        (xs, [x for x, _ in inside], axes.set_xlim),
        (ys, [0.98, 1.02, *(y for _, y in inside)], axes.set_ylim),
    ):
        known = [v for v in values if v is not None and math.isfinite(v)]
        if known:
            ends = [min(known), _highest(known), *filter(math.isfinite, more)]
            low, high = min(ends), max(ends)
            margin = 0.09 * (high - low) or 0.05 * abs(high) or 0.1
            set_axis(low - margin, high + margin)
