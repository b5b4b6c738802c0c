"""Trials as marks in a chart: told apart by shape and by colour, the same in every chart."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from fieldsharp.sweep.pictures.style import SMALL, Style
from fieldsharp.sweep.report.model import TrialRow

LEAST_SCORE = 1e-3
"""A score below this is drawn as this: 0 is perfect, and has no place on a logarithmic axis."""
MANY = 150
"""From so many points on they are drawn smaller."""

Coordinate = Callable[[TrialRow], float | None]


def drawn_score(point: TrialRow) -> float | None:
    """Return where a score is drawn."""
    return None if point.score is None else max(point.score, LEAST_SCORE)


def put_points(
    axes: Axes, points: Sequence[TrialRow], x: Coordinate, y: Coordinate, style: Style
) -> None:
    """Draw trials: within the guards, against one, and those that are not complete."""
    size = 3.0 if len(points) > MANY else 4.5
    kinds = (
        ("holds guards", "forecast", "o"),
        ("breaks one", "warning", "x"),
        ("pruned", "muted", "v"),
        ("paused", "muted", "^"),
    )
    for label, colour, marker in kinds:
        there = [(x(p), y(p)) for p in points if _kind(p) == label]
        known = [(a, b) for a, b in there if a is not None and b is not None]
        if not known:
            continue
        axes.plot(
            [a for a, _ in known],
            [b for _, b in known],
            linestyle="none",
            marker=marker,
            markersize=size,
            color=getattr(style, colour),
            markerfacecolor="none" if marker in "v^" else getattr(style, colour),
            markeredgewidth=1.0 if marker in "xv^" else 0.0,
            alpha=0.85,
            label=label,
            zorder=3,
        )


def _kind(point: TrialRow) -> str:
    if point.is_complete:
        return "holds guards" if point.feasible else "breaks one"
    return point.state.lower()


def mark(
    axes: Axes,
    points: Sequence[TrialRow],
    chosen: int | None,
    x: Coordinate,
    y: Coordinate,
    style: Style,
) -> None:
    """Put rings round the presets and names beside the baseline and the trial it is about.

    To be called when the axes have their limits.
    """
    presets = [p for p in points if p.preset is not None and not p.is_baseline]
    rings = [(a, b) for p in presets if (a := x(p)) is not None and (b := y(p)) is not None]
    if rings:
        axes.plot(
            [a for a, _ in rings],
            [b for _, b in rings],
            linestyle="none",
            marker="o",
            markersize=8,
            markerfacecolor="none",
            markeredgecolor=style.muted,
            markeredgewidth=0.8,
            zorder=2,
        )
    for point in points:
        a, b = x(point), y(point)
        if a is None or b is None or not (point.is_baseline or point.number == chosen):
            continue
        kind = "baseline" if point.is_baseline else "forecast"
        marker = {"baseline": "s", "forecast": "*"}[kind]
        words = "baseline" if point.is_baseline else f"trial {point.number}"
        axes.plot(
            [a],
            [b],
            linestyle="none",
            marker=marker,
            markersize=7 if marker == "s" else 12,
            color=getattr(style, kind),
            markeredgecolor=style.paper,
            markeredgewidth=0.8,
            zorder=5,
        )
        _name(axes, words, (a, b), kind, style)


def _name(axes: Axes, words: str, at: tuple[float, float], kind: str, style: Style) -> None:
    """Write a name beside a point, on the side where there is room."""
    axes.get_xlim()  # bring the limits up to date: the place within them is asked for
    axes.get_ylim()
    across, up = axes.transAxes.inverted().transform(axes.transData.transform(at))
    # The baseline's name below: it and the trial may lie side by side.
    to_the_left, below = across > 0.72, (up > 0.12 if kind == "baseline" else up > 0.88)
    axes.annotate(
        words,
        at,
        xytext=(-7 if to_the_left else 7, -12 if below else 5),
        textcoords="offset points",
        ha="right" if to_the_left else "left",
        fontsize=SMALL,
        color=getattr(style, kind),
        zorder=6,
        annotation_clip=True,
        bbox={"boxstyle": "square,pad=0.08", "fc": style.paper, "ec": "none", "alpha": 0.75},
    )


def plain_log(axes: Axes) -> None:
    """Write the ticks of a logarithmic axis out, more of them where it is short."""
    low, high = axes.get_ylim()
    several = (1.0, 2.0, 5.0) if high < 300 * max(low, 1e-300) else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(subs=several, numticks=9))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
