"""Charts of the score against one searched setting."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from fieldsharp.sweep.pictures.axes import (
    add_axes,
    make_figure,
    put_grid,
    put_labels,
    put_log_ticks,
    put_title,
)
from fieldsharp.sweep.pictures.number_scale import shown
from fieldsharp.sweep.pictures.style import Style
from fieldsharp.sweep.report.charts.markers import drawn_score, mark, put_points
from fieldsharp.sweep.report.model import TrialRow

WIDTH, HEIGHT = 4.0, 3.1
ROW_HEIGHT = 0.24


def slice_by(
    name: str, is_log: bool | None, points: Sequence[TrialRow], chosen: int | None, style: Style
) -> Figure:
    """Return the scores of complete trials against one setting, without the baseline.

    ``is_log`` is whether its axis is logarithmic, None for a choice.
    """
    trials = [p for p in points if p.is_complete and not p.is_baseline and name in p.params]
    if is_log is None:
        return _choices(name, trials, chosen, style)
    figure = make_figure(WIDTH, HEIGHT, style)
    axes = add_axes(figure, (0.65, 0.5, WIDTH - 0.8, HEIGHT - 0.85), style)
    put_title(axes, shown(name), style)

    def value(trial: TrialRow) -> float:
        return float(trial.params[name])

    put_points(axes, trials, value, drawn_score, style)
    if is_log:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_locator(LogLocator(numticks=7))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.set_yscale("log")
    put_log_ticks(axes)
    mark(axes, trials, chosen, value, drawn_score, style)
    put_labels(axes, shown(name), "score", style)
    put_grid(axes, style)
    return figure


def _choices(name: str, trials: Sequence[TrialRow], chosen: int | None, style: Style) -> Figure:
    """Return scores in a row per choice, the choice with the lowest median at the top."""
    scores: dict[str, list[float]] = {}
    for trial in trials:
        scores.setdefault(str(trial.params[name]), []).append(drawn_score(trial) or 0.0)
    ranked = sorted(scores, key=lambda choice: -float(np.median(scores[choice])))
    rows = {choice: index for index, choice in enumerate(ranked)}
    longest = min(24, max((len(choice) for choice in ranked), default=1))
    left, high = 0.25 + 0.085 * longest, max(1.0, ROW_HEIGHT * len(ranked))
    figure = make_figure(WIDTH, high + 0.95, style)
    axes = add_axes(figure, (left, 0.5, WIDTH - left - 0.15, high), style)
    put_title(axes, shown(name), style)

    def row(trial: TrialRow) -> float:
        # Spread within the row by the trial's number: equal scores would hide each other.
        return rows[str(trial.params[name])] + 0.5 * ((trial.number * 0.618) % 1.0 - 0.5)

    put_points(axes, trials, drawn_score, row, style)
    for choice, values in scores.items():
        middle = float(np.median(values))
        axes.plot([middle] * 2, [rows[choice] - 0.36, rows[choice] + 0.36], color=style.ink)
    axes.set_yticks(range(len(ranked)), [shown(choice, 24) for choice in ranked], parse_math=False)
    axes.set_ylim(-0.6, len(ranked) - 0.4)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=7))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    mark(axes, trials, chosen, drawn_score, row, style)
    put_labels(axes, "score", "", style)
    put_grid(axes, style)
    return figure
