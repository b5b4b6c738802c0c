"""Score against each searched setting, a small chart each."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from fieldsharp.sweep.pictures.axes import add_axes, make_figure, put_grid, put_labels, put_title
from fieldsharp.sweep.pictures.number_scale import shown
from fieldsharp.sweep.pictures.style import Style
from fieldsharp.sweep.report.charts.markers import drawn_score, mark, plain_log, put_points
from fieldsharp.sweep.report.model import TrialRow

WIDTH, HEIGHT = 4.0, 3.1
ROW_HEIGHT = 0.24


def slice_by(
    name: str, is_log: bool | None, points: Sequence[TrialRow], chosen: int | None, style: Style
) -> Figure:
    """Return the scores of complete trials against one setting; the baseline's is left out.

    Args:
        name: Of the setting.
        is_log: Whether it is searched by its logarithm; None for a choice.
        points: All trials.
        chosen: The trial the report is about.
        style: Colours.
    """
    there = [p for p in points if p.is_complete and not p.is_baseline and name in p.params]
    if is_log is None:
        return _choices(name, there, chosen, style)
    figure = make_figure(WIDTH, HEIGHT, style)
    axes = add_axes(figure, (0.65, 0.5, WIDTH - 0.8, HEIGHT - 0.85), style)
    put_title(axes, shown(name), style)

    def where(point: TrialRow) -> float:
        return float(point.params[name])

    put_points(axes, there, where, drawn_score, style)
    if is_log:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_locator(LogLocator(numticks=7))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.set_yscale("log")
    plain_log(axes)
    mark(axes, there, chosen, where, drawn_score, style)
    put_labels(axes, shown(name), "score", style)
    put_grid(axes, style)
    return figure


def _choices(name: str, there: Sequence[TrialRow], chosen: int | None, style: Style) -> Figure:
    """Return scores by choice, a row each, the choice with the lowest median at the top."""
    scores: dict[str, list[float]] = {}
    for point in there:
        scores.setdefault(str(point.params[name]), []).append(drawn_score(point) or 0.0)
    ranked = sorted(scores, key=lambda choice: -float(np.median(scores[choice])))
    rows = {choice: index for index, choice in enumerate(ranked)}
    longest = min(24, max((len(choice) for choice in ranked), default=1))
    left, high = 0.25 + 0.085 * longest, max(1.0, ROW_HEIGHT * len(ranked))
    figure = make_figure(WIDTH, high + 0.95, style)
    axes = add_axes(figure, (left, 0.5, WIDTH - left - 0.15, high), style)
    put_title(axes, shown(name), style)

    def row(point: TrialRow) -> float:
        # Beside one another in the same order always: equal scores would hide each other.
        return rows[str(point.params[name])] + 0.5 * ((point.number * 0.618) % 1.0 - 0.5)

    put_points(axes, there, drawn_score, row, style)
    for choice, values in scores.items():
        middle = float(np.median(values))
        axes.plot([middle] * 2, [rows[choice] - 0.36, rows[choice] + 0.36], color=style.ink)
    axes.set_yticks(range(len(ranked)), [shown(choice, 24) for choice in ranked], parse_math=False)
    axes.set_ylim(-0.6, len(ranked) - 0.4)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=7))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    mark(axes, there, chosen, drawn_score, row, style)
    put_labels(axes, "score", "", style)
    put_grid(axes, style)
    return figure
