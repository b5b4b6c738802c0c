"""Chart of the score of each trial in the order of their starts, with the best so far."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fieldsharp.sweep.pictures.axes import (
    add_axes,
    make_figure,
    put_grid,
    put_labels,
    put_legend,
    put_log_ticks,
    put_title,
)
from fieldsharp.sweep.pictures.style import LINE_WIDTH, Style
from fieldsharp.sweep.report.charts.markers import MIN_SCORE, drawn_score, mark, put_points
from fieldsharp.sweep.report.model import TrialRow

WIDTH, HEIGHT = 4.0, 3.4


def score_by_trial(points: Sequence[TrialRow], chosen: int | None, style: Style) -> Figure:
    """Return the score of each trial by its number, with the best so far."""
    figure = make_figure(WIDTH, HEIGHT, style)
    axes = add_axes(figure, (0.65, 0.5, WIDTH - 0.8, HEIGHT - 1.1), style)
    put_title(axes, "Score by trial", style, above_legend=True)
    put_points(axes, points, lambda point: float(point.number), drawn_score, style)
    axes.set_yscale("log")
    best = best_so_far(points)
    if best:
        numbers, scores = zip(*best, strict=True)
        last = max(point.number for point in points)
        axes.step(
            [*numbers, last],
            [max(score, MIN_SCORE) for score in (*scores, scores[-1])],
            where="post",
            color=style.band,
            linewidth=LINE_WIDTH,
            label="best",
            zorder=2,
        )
    failed = [point.number for point in points if point.state == "FAIL"]
    if failed:
        low = axes.get_ylim()[0]
        axes.set_ylim(low, axes.get_ylim()[1])
        axes.plot(
            failed,
            [low] * len(failed),
            linestyle="none",
            marker="|",
            markersize=9,
            clip_on=False,
            color=style.warning,
            label="failed",
        )
    put_log_ticks(axes)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    mark(axes, points, chosen, lambda point: float(point.number), drawn_score, style)
    put_labels(axes, "trial", "score", style)
    put_grid(axes, style)
    put_legend(axes, style)
    return figure


def best_so_far(points: Sequence[TrialRow]) -> list[tuple[int, float]]:
    """Return the trials with a lower score than all before them, with their scores."""
    records: list[tuple[int, float]] = []
    for point in points:
        if point.score is None or not (point.is_complete and point.feasible):
            continue
        if not records or point.score < records[-1][1]:
            records.append((point.number, point.score))
    return records
