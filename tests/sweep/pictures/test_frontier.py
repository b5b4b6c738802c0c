"""The picture of error against sharpness."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from fieldsharp.sweep.pictures.frontier import draw_frontier
from fieldsharp.sweep.pictures.sharpness_source import SharpnessPoint, SharpnessSource
from fieldsharp.sweep.pictures.style import LIGHT
from tests.sweep.pictures.sources import NAMES, made_curve, made_sharpness, made_source


def _drawn(sharpness: SharpnessSource | None) -> Axes:
    figure = draw_frontier(replace(made_source(), sharpness=sharpness), LIGHT)
    return figure.axes[0]


def _said(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text()]


def _curve(axes: Axes) -> Line2D:
    return next(line for line in axes.lines if np.size(line.get_xdata()) == 21)


def test_baseline_references_and_the_trial_are_named() -> None:
    said = _said(_drawn(made_sharpness()))
    assert set(said) == {*NAMES, "baseline", "trial 12", "frontier (estimate)"}


def test_a_frontier_that_nothing_speaks_against_is_not_called_an_estimate() -> None:
    sure = replace(made_sharpness(), curve=made_curve())
    assert "frontier" in _said(_drawn(sure))
    assert _curve(_drawn(sure)).get_linestyle() == "-"
    assert _curve(_drawn(made_sharpness())).get_linestyle() == "--"


def test_the_curve_is_given_over_the_rmse_of_the_baseline() -> None:
    points = np.asarray(_curve(_drawn(made_sharpness())).get_xydata())
    assert points[[0, -1]].ravel() == pytest.approx([0.75, 0.98, 1.0, 1.1])


def test_a_trial_far_out_does_not_squeeze_the_others() -> None:
    usual = made_sharpness()
    far = {**usual.trials, 13: SharpnessPoint("trial 13", (0.4, 25.0), False)}
    near, beyond = _drawn(usual), _drawn(replace(usual, trials=far))
    assert (near.get_xlim(), near.get_ylim()) == (beyond.get_xlim(), beyond.get_ylim())


def test_without_a_frontier_and_references_there_are_trials_alone() -> None:
    axes = _drawn(replace(made_sharpness(), curve=None, references=[]))
    assert set(_said(axes)) == {"baseline", "trial 12"}


def test_without_an_observed_gradient_it_says_so() -> None:
    assert _said(_drawn(None)) == ["the observed gradient is not known"]


def test_a_frontier_that_leaves_the_picture_is_named_where_it_does() -> None:
    steep = made_curve().model_copy(update={"rmse": [2.0 + 0.5 * step for step in range(21)]})
    axes = _drawn(replace(made_sharpness(), curve=steep))
    (label,) = [text for text in axes.texts if text.get_text() == "frontier"]
    assert axes.get_ylim()[1] < 1.8
    assert isinstance(label, Annotation)
    assert label.xy[1] == 1.5
