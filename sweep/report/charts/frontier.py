"""Chart of the RMSE against the gradient, with the frontier and the sharpened baseline."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from fieldsharp.objectives.targets import Band
from fieldsharp.sweep.pictures.axes import put_labels, put_legend
from fieldsharp.sweep.pictures.frontier import (
    MOST_RMSE,
    curve_points,
    frontier_label,
    level,
    put_frontier,
    put_references,
    reference_labels,
)
from fieldsharp.sweep.pictures.point_labels import LabelledPoint, put_point_labels
from fieldsharp.sweep.pictures.sharpness_source import SharpnessPoint
from fieldsharp.sweep.pictures.style import Style
from fieldsharp.sweep.report.charts.markers import mark_points, put_points
from fieldsharp.sweep.report.charts.pareto import front_axes, set_limits
from fieldsharp.sweep.report.model import TrialRow, share
from fieldsharp.sweep.study.frontier import StudyFrontier

WIDTH, HEIGHT = 4.5, 4.0


def error_against_sharpness(
    points: Sequence[TrialRow],
    chosen: int | None,
    references: Sequence[SharpnessPoint],
    bound: StudyFrontier | None,
    band: Band,
    gradient_observed: float,
    style: Style,
) -> Figure:
    """Return the RMSE of forecasts against their gradient, both as ratios.

    Args:
        points: Trials; those that are not complete are left out.
        chosen: Number of the trial that is marked.
        references: The baseline under each sharpener.
        bound: The frontier; None if it is not known.
        band: Target of the gradient, units per cell.
        gradient_observed: Units per cell.
        style: Colours.
    """
    figure, axes = front_axes("Error against sharpness", style, WIDTH, HEIGHT)
    complete = [point for point in points if point.is_complete]
    put_points(axes, complete, lambda p: p.gradient_share, lambda p: p.rmse_share, style)
    put_references(axes, references, style)
    curve, labels = [], reference_labels(references, style)
    if bound is not None:
        overall, rmse = bound.frontier.overall, bound.baseline_rmse
        put_frontier(axes, overall, rmse, style)
        curve = curve_points(overall, rmse)
        labels = frontier_label(overall, rmse, style) + labels
    low, high = share(band.low, gradient_observed), share(band.high, gradient_observed)
    if low is not None and high is not None:
        axes.axvspan(low, high, color=style.band, alpha=0.18, linewidth=0, label="target")
    put_labels(axes, "gradient over observed", "RMSE over the baseline's", style)
    beside = [at for at in (*(point.at for point in references), *curve) if at[1] <= MOST_RMSE]
    set_limits(
        axes, [p.gradient_share for p in complete], [p.rmse_share for p in complete], inside=beside
    )
    marked = mark_points(
        axes, complete, chosen, lambda p: p.gradient_share, lambda p: p.rmse_share, style
    )
    others = [
        (p.gradient_share, p.rmse_share)
        for p in complete
        if p.gradient_share is not None and p.rmse_share is not None
    ]
    labels += [LabelledPoint(one.label, one.at, getattr(style, one.kind)) for one in marked]
    put_legend(axes, style)
    put_point_labels(axes, labels, [*others, *curve, *level(axes)], style)
    return figure
