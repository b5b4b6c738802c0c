"""Training history of a trial: losses, score and gradient after each epoch."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fieldsharp.sweep.pictures.axes import (
    add_axes,
    frame_values,
    heading_height,
    make_figure,
    put_grid,
    put_heading,
    put_integer_ticks,
    put_labels,
    put_legend,
    put_line,
    put_log_ticks,
    put_message,
    put_title,
    wrapped,
)
from fieldsharp.sweep.pictures.source import PictureSource
from fieldsharp.sweep.pictures.style import LINE_WIDTH, MARKER_SIZE, Style

Doubles = npt.NDArray[np.float64]
WIDTH, HEIGHT = 3.8, 3.2
LOSSES = {
    "loss total": ("total", "forecast", "-", "^"),
    "loss base": ("base loss", "baseline", "--", "s"),
    "loss term": ("gradient term", "band", "-.", "o"),
    "loss peak": ("peak term", "warning", ":", "D"),
}
"""Label, colour, line style and marker; losses that are 0 in every epoch are left out."""


def draw_epochs(source: PictureSource, style: Style) -> Figure:
    """Return losses, score and gradient after each epoch, side by side under a heading."""
    epochs = source.preview.epochs
    baseline = source.baseline.epochs if source.baseline is not None else {}
    observed = np.asarray(source.by_lead.get("gradient_observed", []), dtype=float)
    gradient_observed = float(observed.mean()) if observed.size else float("nan")
    heading = wrapped(source.heading("its training, epoch by epoch"), 3 * WIDTH)
    figure = make_figure(3 * WIDTH, HEIGHT + heading_height(heading), style)
    boxes = [(WIDTH * index + 0.68, 0.5, WIDTH - 0.85, HEIGHT - 1.08) for index in range(3)]
    losses, score, gradient = (add_axes(figure, box, style) for box in boxes)
    count = max((len(values) for values in epochs.values()), default=0)
    _draw_losses(losses, epochs, style)
    of_members = source.members is not None or bool(source.member_references)
    best = "the lower the better" if of_members else "0 is perfect"
    put_title(score, f"Score ({best})", style, above_legend=True)
    _draw_lines(score, {"forecast": epochs.get("score", np.array([]))}, style)
    put_title(gradient, "Gradient over observed", style, above_legend=True)
    lines = {"baseline": baseline.get("gradient", np.array([]))[:count]}
    lines["forecast"] = epochs.get("gradient", np.array([]))
    with np.errstate(all="ignore"):
        ratios = {kind: values / gradient_observed for kind, values in lines.items()}
    _draw_lines(gradient, ratios, style, reference=[1.0])
    if np.isfinite(gradient_observed):
        gradient.axhline(1.0, color=style.observed, linewidth=LINE_WIDTH, zorder=1)
    put_legend(gradient, style)
    for axes, y in ((losses, "loss, terms unweighted"), (score, "score"), (gradient, "ratio")):
        put_labels(axes, "epoch", y, style)
    put_heading(figure, heading, style)
    return figure


def _draw_losses(axes: Axes, epochs: Mapping[str, Doubles], style: Style) -> None:
    put_title(axes, "Training losses", style, above_legend=True)
    recorded = {n: epochs[n] for n in LOSSES if n in epochs and np.any(np.nan_to_num(epochs[n]))}
    if not recorded:
        put_message(axes, "not recorded", style)
        return
    for name, values in recorded.items():
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
    finite = np.concatenate([v[np.isfinite(v)] for v in recorded.values()])
    if finite.size and finite.min() > 0:
        axes.set_yscale("log")
        put_log_ticks(axes)
    else:
        frame_values(axes, *recorded.values())
    put_integer_ticks(axes, 1, max(len(values) for values in recorded.values()), at_most=6)
    put_grid(axes, style)
    put_legend(axes, style)


def _draw_lines(
    axes: Axes, lines: Mapping[str, Doubles], style: Style, reference: Sequence[float] = ()
) -> None:
    recorded = {kind: values for kind, values in lines.items() if np.isfinite(values).any()}
    if not recorded:
        put_message(axes, "not recorded", style)
        return
    for kind, values in recorded.items():
        put_line(axes, np.arange(1.0, len(values) + 1), values, kind, style)
    frame_values(axes, *recorded.values(), reference)
    put_integer_ticks(axes, 1, max(len(values) for values in recorded.values()), at_most=6)
    put_grid(axes, style)
