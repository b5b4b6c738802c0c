"""Rank histograms have the shares of the record, a flat line, and what chance says."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fieldsharp.sweep.pictures.image_export import drawing
from fieldsharp.sweep.pictures.members.rank_histogram import chance_in_words, draw_rank_histogram
from fieldsharp.sweep.pictures.style import DARK
from tests.sweep.pictures.ensembles import RANKS, made_scores
from tests.sweep.pictures.sources import made_source


def _bars(axes: Axes) -> list[float]:
    return [patch.get_height() for patch in axes.patches if isinstance(patch, Rectangle)]


def _legend(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


@pytest.fixture(scope="module")
def figure() -> Figure:
    with drawing():
        return draw_rank_histogram(made_source(number=7), DARK)


def test_the_trial_stands_beside_what_needs_no_training(figure: Figure) -> None:
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["trial 7", "dressed baseline", "climatology"]


def test_bars_are_the_shares_of_the_record_and_the_line_is_flat(figure: Figure) -> None:
    for axes in figure.axes:
        assert _bars(axes) == pytest.approx(RANKS)
        (line,) = axes.lines
        assert np.asarray(line.get_ydata(), dtype=float) == pytest.approx([0.2, 0.2])
        assert axes.get_ylim()[1] > max(RANKS)
    assert len({axes.get_ylim() for axes in figure.axes}) == 1


def test_every_one_says_what_chance_says(figure: Figure) -> None:
    said = [_legend(axes)[1] for axes in figure.axes]
    assert said == [
        "not flat by more than chance (chance 0.01)",
        "as flat as chance allows (chance 0.4)",
        "too few independent windows to test it",
    ]


@pytest.mark.parametrize(("chance", "is_flat"), [(0.0499, False), (0.05, True), (1.0, True)])
def test_a_histogram_is_called_uneven_below_five_percent(chance: float, is_flat: bool) -> None:
    said = chance_in_words(made_scores(chance=chance))
    assert said.startswith("as flat as chance allows") is is_flat


def test_no_chance_is_called_none_at_all() -> None:
    assert chance_in_words(made_scores(chance=0.0)).endswith("(chance below 0.001)")
