"""Labels beside points that lie close together."""

import itertools

import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fieldsharp.sweep.pictures.axes import add_axes, make_figure
from fieldsharp.sweep.pictures.image_export import drawing
from fieldsharp.sweep.pictures.point_labels import LabelledPoint, put_point_labels
from fieldsharp.sweep.pictures.style import LIGHT


def _axes() -> tuple[Figure, Axes]:
    figure = make_figure(4.0, 3.4, LIGHT)
    axes = add_axes(figure, (0.65, 0.5, 3.2, 2.3), LIGHT)
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.0, 1.0)
    return figure, axes


@pytest.mark.parametrize(
    "near",
    [(0.5, 0.5), (0.01, 0.02), (0.99, 0.98), (0.97, 0.03)],
    ids=["middle", "low", "high", "right"],
)
def test_labels_of_points_close_together_cover_neither_each_other_nor_the_edge(
    near: tuple[float, float],
) -> None:
    figure, axes = _axes()
    points = [
        LabelledPoint(name, (near[0], near[1] + 0.002 * step), LIGHT.ink)
        for step, name in enumerate(("baseline", "inflate", "quantile", "spectral", "trial 12"))
    ]
    put_point_labels(axes, points, [], LIGHT)
    with drawing():
        FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
        extents = [text.get_window_extent() for text in axes.texts if text.get_text()]
    assert len(extents) == len(points)
    frame = axes.get_window_extent()
    for one in extents:
        assert one.x0 > frame.x0 - 2.0
        assert one.x1 < frame.x1 + 2.0
        assert one.y0 > frame.y0 - 2.0
        assert one.y1 < frame.y1 + 2.0
    for a, b in itertools.combinations(extents, 2):
        across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert min(across, up) < 2.0


def test_a_label_lies_beside_other_points_and_not_on_them() -> None:
    _, axes = _axes()
    right_of_it = [(0.5 + 0.01 * step, 0.5) for step in range(2, 20)]
    put_point_labels(axes, [LabelledPoint("baseline", (0.5, 0.5), LIGHT.ink)], right_of_it, LIGHT)
    (label,) = axes.texts
    assert label.get_horizontalalignment() == "right"


def test_a_point_that_is_not_shown_has_no_label() -> None:
    _, axes = _axes()
    put_point_labels(axes, [LabelledPoint("far", (0.5, 1.5), LIGHT.ink)], [], LIGHT)
    assert not axes.texts
