"""How a training went: its losses, its score and its sharpness after each epoch."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from fieldsharp.sweep.pictures.axes import (
    add_axes,
    frame_values,
    heading_height,
    make_figure,
    nothing_there,
    put_grid,
    put_heading,
    put_labels,
    put_legend,
    put_line,
    put_title,
    whole_numbers,
    wrapped,
)
from fieldsharp.sweep.pictures.style import LINE_WIDTH, MARKER_SIZE, Style

Doubles = npt.NDArray[np.float64]
WIDTH, HEIGHT = 3.8, 3.2
LOSSES = {
    "loss total": ("total", "forecast", "-", "^"),
    "loss base": ("base loss", "baseline", "--", "s"),
    "loss term": ("gradient term", "band", "-.", "o"),
    "loss peak": ("peak term", "warning", ":", "D"),
}
"""Label, colour, stroke and marker of each; those that were never computed are 0 and left out."""


def page_of_epochs(
    epochs: Mapping[str, Doubles],
    baseline: Mapping[str, Doubles],
    gradient_observed: float,
    heading: Sequence[str],
    style: Style,
) -> Figure:
    """Return losses, score and gradient after each epoch, side by side under a heading.

    Args:
        epochs: By name, see ``TrialPreview``.
        baseline: The same of the baseline; may be empty.
        gradient_observed: What the gradient is a share of; NaN where it is not known.
        heading: Its lines.
        style: Colours.
    """
    heading = wrapped(heading, 3 * WIDTH)
    figure = make_figure(3 * WIDTH, HEIGHT + heading_height(heading), style)
    boxes = [(WIDTH * index + 0.68, 0.5, WIDTH - 0.85, HEIGHT - 1.08) for index in range(3)]
    losses, score, gradient = (add_axes(figure, box, style) for box in boxes)
    count = max((len(values) for values in epochs.values()), default=0)
    _draw_losses(losses, epochs, style)
    put_title(score, "Score (0 is perfect)", style, above_legend=True)
    _draw_lines(score, {"forecast": epochs.get("score", np.array([]))}, style)
    put_title(gradient, "Gradient over observed", style, above_legend=True)
    lines = {"baseline": baseline.get("gradient", np.array([]))[:count]}
    lines["forecast"] = epochs.get("gradient", np.array([]))
    with np.errstate(all="ignore"):
        shares = {kind: values / gradient_observed for kind, values in lines.items()}
    _draw_lines(gradient, shares, style, beside=[1.0])
    if np.isfinite(gradient_observed):
        gradient.axhline(1.0, color=style.observed, linewidth=LINE_WIDTH, zorder=1)
    put_legend(gradient, style)
    for axes, words in ((losses, "loss, terms unweighted"), (score, "score"), (gradient, "share")):
        put_labels(axes, "epoch", words, style)
    put_heading(figure, heading, style)
    return figure


def _draw_losses(axes: Axes, epochs: Mapping[str, Doubles], style: Style) -> None:
    put_title(axes, "Training losses", style, above_legend=True)
    there = {n: epochs[n] for n in LOSSES if n in epochs and np.any(np.nan_to_num(epochs[n]))}
    if not there:
        nothing_there(axes, "not kept", style)
        return
    for name, values in there.items():
        label, colour, stroke, marker = LOSSES[name]
        axes.plot(
            np.arange(1, len(values) + 1),
            values,
            label=label,
            color=getattr(style, colour),
            linestyle=stroke,
            linewidth=LINE_WIDTH,
            marker=marker,
            markersize=MARKER_SIZE,
            markevery=max(1, len(values) // 12),
        )
    finite = np.concatenate([v[np.isfinite(v)] for v in there.values()])
    if finite.size and finite.min() > 0:
        axes.set_yscale("log")
        several = (1.0, 2.0, 5.0) if finite.max() < 300 * finite.min() else (1.0,)
        axes.yaxis.set_major_locator(LogLocator(subs=several, numticks=8))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        frame_values(axes, *there.values())
    whole_numbers(axes, 1, max(len(values) for values in there.values()), at_most=6)
    put_grid(axes, style)
    put_legend(axes, style)


def _draw_lines(
    axes: Axes, lines: Mapping[str, Doubles], style: Style, beside: Sequence[float] = ()
) -> None:
    there = {kind: values for kind, values in lines.items() if np.isfinite(values).any()}
    if not there:
        nothing_there(axes, "not kept", style)
        return
    for kind, values in there.items():
        put_line(axes, np.arange(1.0, len(values) + 1), values, kind, style)
    frame_values(axes, *there.values(), beside)
    whole_numbers(axes, 1, max(len(values) for values in there.values()), at_most=6)
    put_grid(axes, style)
