"""Markers of trials, by state and guards: the same shape and colour in every chart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from fieldsharp.sweep.pictures.style import SMALL, Style
from fieldsharp.sweep.report.model import TrialRow

MIN_SCORE = 1e-3
"""Scores below are drawn here: a logarithmic axis cannot show 0, the perfect score."""
MANY = 150
"""Number of trials above which markers are smaller."""

Coordinate = Callable[[TrialRow], float | None]


def drawn_score(point: TrialRow) -> float | None:
    """Return the score at which a trial is drawn."""
    return None if point.score is None else max(point.score, MIN_SCORE)


def put_points(
    axes: Axes, points: Sequence[TrialRow], x: Coordinate, y: Coordinate, style: Style
) -> None:
    """Draw trials by kind: feasible, infeasible, pruned, paused."""
    size = 3.0 if len(points) > MANY else 4.5
    kinds = (
        ("feasible", "forecast", "o"),
        ("infeasible", "warning", "x"),
        ("pruned", "muted", "v"),
        ("paused", "muted", "^"),
    )
    for label, colour, marker in kinds:
        pairs = [(x(p), y(p)) for p in points if _kind(p) == label]
        known = [(a, b) for a, b in pairs if a is not None and b is not None]
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
        return "feasible" if point.feasible else "infeasible"
    return point.state.lower()


def mark(
    axes: Axes,
    points: Sequence[TrialRow],
    chosen: int | None,
    x: Coordinate,
    y: Coordinate,
    style: Style,
) -> None:
    """Draw rings around presets, and mark and label the baseline and the chosen trial.

    Call it once the axes have their limits.
    """
    for one in mark_points(axes, points, chosen, x, y, style):
        _label(axes, one.label, one.at, one.kind, style)


@dataclass(frozen=True)
class MarkedPoint:
    """A point with a marker of its own, and what is to be written beside it."""

    label: str
    at: tuple[float, float]
    kind: str


def mark_points(
    axes: Axes,
    points: Sequence[TrialRow],
    chosen: int | None,
    x: Coordinate,
    y: Coordinate,
    style: Style,
) -> list[MarkedPoint]:
    """Draw rings around presets, and mark the baseline and the chosen trial.

    Returns:
        Those two, whose labels are still to be written.
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
    marked = []
    for point in points:
        a, b = x(point), y(point)
        if a is None or b is None or not (point.is_baseline or point.number == chosen):
            continue
        kind = "baseline" if point.is_baseline else "forecast"
        marker = {"baseline": "s", "forecast": "*"}[kind]
        label = "baseline" if point.is_baseline else f"trial {point.number}"
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
        marked.append(MarkedPoint(label, (a, b), kind))
    return marked


def _label(axes: Axes, label: str, at: tuple[float, float], kind: str, style: Style) -> None:
    """Write a label next to a point, on the side with more space."""
    axes.get_xlim()  # brings the limits up to date, which the transforms below use
    axes.get_ylim()
    across, up = axes.transAxes.inverted().transform(axes.transData.transform(at))
    # The baseline's label is below: it and the chosen trial may be close together.
    to_the_left, below = across > 0.72, (up > 0.12 if kind == "baseline" else up > 0.88)
    axes.annotate(
        label,
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
