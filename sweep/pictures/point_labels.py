"""Labels beside points, each where it covers neither another label nor a point."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from matplotlib.axes import Axes

from fieldsharp.sweep.pictures.style import SMALL, Style

LETTER, LINE = 0.62, 1.25
"""Width of a letter and height of a line, over the size of the font."""
GAP = 8.0
MARK = 4.0
"""Half the width of a marker, in points."""
DISTANCES = (0.0, 14.0, 30.0)
"""Further from the point, in points; the nearest are tried first."""
LINES_UP = (0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 4.0, -4.0, 5.0, -5.0)
POINTS_PER_INCH = 72.0
Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in points."""


@dataclass(frozen=True)
class LabelledPoint:
    """A point with its label, in the units of the axes.

    Attributes:
        colour: Of the label.
    """

    label: str
    at: tuple[float, float]
    colour: str


def put_point_labels(
    axes: Axes, points: Sequence[LabelledPoint], others: Sequence[tuple[float, float]], style: Style
) -> None:
    """Write labels beside points, with a thin line to one that had to be put further away.

    Call it once the axes have their limits. Points outside of them have no label.

    Args:
        axes: That the points were drawn in.
        points: The later are placed first, so the most important goes last.
        others: Points without a label, which are not covered where that can be avoided.
        style: Colours.
    """
    axes.get_xlim()  # brings the limits up to date, which the transforms below use
    axes.get_ylim()
    figure = axes.get_figure(root=True)
    assert figure is not None, "axes belong to a figure"
    scale = POINTS_PER_INCH / figure.dpi
    box = axes.get_window_extent()
    frame = (box.x0 * scale, box.y0 * scale, box.x1 * scale, box.y1 * scale)

    def place(at: tuple[float, float]) -> tuple[float, float]:
        x, y = axes.transData.transform(at)
        return float(x) * scale, float(y) * scale

    marks = [_around(place(at)) for at in (*others, *(point.at for point in points))]
    taken: list[Box] = []
    for point in reversed(points):
        x, y = place(point.at)
        if not (frame[0] <= x <= frame[2] and frame[1] <= y <= frame[3]):
            continue
        wide, high = LETTER * SMALL * len(point.label), LINE * SMALL
        candidates = [
            _label_box(x, y, wide, high, across, up * high, distance)
            for distance, up, across in product(DISTANCES, LINES_UP, (1, -1))
        ]
        best = min(
            candidates,
            key=lambda tried: (
                100 * _outside(tried, frame)
                + 10 * sum(_overlap(tried, other) for other in taken)
                + sum(_overlap(tried, mark) for mark in marks),
                candidates.index(tried),
            ),
        )
        taken.append(best)
        _write(axes, point, (x, y), best, style)


def _write(
    axes: Axes, point: LabelledPoint, at: tuple[float, float], box: Box, style: Style
) -> None:
    """Write a label into its box, with a line to its point where that is not beside it."""
    left, bottom, right, top = box
    is_right = left >= at[0]
    across, up = (left if is_right else right) - at[0], 0.5 * (bottom + top) - at[1]
    axes.annotate(
        point.label,
        point.at,
        xytext=(across, up),
        textcoords="offset points",
        ha="left" if is_right else "right",
        va="center",
        fontsize=SMALL,
        color=point.colour,
        parse_math=False,
        zorder=6,
        bbox={"boxstyle": "square,pad=0.05", "fc": style.paper, "ec": "none", "alpha": 0.75},
    )
    if abs(across) > 2 * GAP or abs(up) > 1.5 * (top - bottom):
        axes.annotate(
            "",
            point.at,
            xytext=(across, up),
            textcoords="offset points",
            zorder=5.5,
            arrowprops={"arrowstyle": "-", "color": style.muted, "linewidth": 0.6},
        )


def _around(at: tuple[float, float]) -> Box:
    return (at[0] - MARK, at[1] - MARK, at[0] + MARK, at[1] + MARK)


def _label_box(
    x: float, y: float, wide: float, high: float, across: int, up: float, distance: float
) -> Box:
    start = x + across * (GAP + distance)
    left = start if across > 0 else start - wide
    return (left, y + up - high / 2, left + wide, y + up + high / 2)


def _overlap(one: Box, other: Box) -> float:
    """Return the area that two boxes share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, wide) * max(0.0, high)


def _outside(box: Box, frame: Box) -> float:
    """Return how far a box reaches beyond a frame."""
    return (
        max(0.0, frame[0] - box[0])
        + max(0.0, frame[1] - box[1])
        + max(0.0, box[2] - frame[2])
        + max(0.0, box[3] - frame[3])
    )
