"""Reliability diagrams have the curve of the record, the diagonal and how often each was said."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fieldsharp.objectives.members.scores import EventScores
from fieldsharp.sweep.pictures.image_export import drawing
from fieldsharp.sweep.pictures.members.reliability import (
    draw_reliability,
    event_name,
    observed_frequency,
    one_reliability,
)
from fieldsharp.sweep.pictures.style import LIGHT
from tests.sweep.pictures.ensembles import made_scores
from tests.sweep.pictures.sources import made_source

EVENTS = made_scores().events


def _curves(figure: Figure) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    return {
        str(line.get_label()): np.asarray(line.get_xydata(), dtype=float)
        for line in figure.axes[0].lines
    }


@pytest.mark.parametrize("event", EVENTS)
def test_the_curve_is_that_of_the_record_with_a_gap_where_nothing_was_said(
    event: EventScores,
) -> None:
    with drawing():
        figure = one_reliability(event, "K", "trial 3", LIGHT)
    curves = _curves(figure)
    curve = event.reliability
    assert curves["reliable"].tolist() == [[0.0, 0.0], [1.0, 1.0]]
    assert curves["trial 3"][:, 0] == pytest.approx(curve.shares)
    assert np.isnan(curves["trial 3"][1, 1])
    assert curves["trial 3"][2:, 1].tolist() == curve.frequency[2:]
    heights = [p.get_height() for p in figure.axes[1].patches if isinstance(p, Rectangle)]
    assert heights == pytest.approx(curve.weight)


def test_the_mean_frequency_is_that_of_all_cells() -> None:
    # 0.9 of the cells at 0.05, none known at a quarter, 0.02 at 0.4 and at 0.6, 0.04 at 0.8.
    expected = 0.9 * 0.05 + 0.02 * 0.4 + 0.02 * 0.6 + 0.04 * 0.8
    assert observed_frequency(EVENTS[0]) == pytest.approx(expected)
    with drawing():
        figure = one_reliability(EVENTS[0], "K", "trial 3", LIGHT)
    assert _curves(figure)["mean frequency"][:, 1] == pytest.approx([expected] * 2)


def test_every_event_has_its_diagram_by_its_threshold() -> None:
    assert event_name(EVENTS[1], "kg kg-1") == "above 90 kg kg-1"
    with drawing():
        figure = draw_reliability(made_source(scale=1e-6), LIGHT)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert [title for title in titles if title] == [
        "above 70 \u00d7 10\u207b\u2076 ug m-3",
        "above 90 \u00d7 10\u207b\u2076 ug m-3",
    ]
