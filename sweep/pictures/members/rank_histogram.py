"""Rank histograms: how often the truth has each rank among the members, beside a flat line."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fieldsharp.objectives.members.scores import MembersScores
from fieldsharp.sweep.pictures.axes import (
    add_axes,
    heading_height,
    make_figure,
    put_grid,
    put_heading,
    put_integer_ticks,
    put_labels,
    put_legend,
    put_title,
    wrapped,
)
from fieldsharp.sweep.pictures.members.names import ensemble_name
from fieldsharp.sweep.pictures.number_scale import shown
from fieldsharp.sweep.pictures.source import PictureSource
from fieldsharp.sweep.pictures.style import LINE_WIDTH, Style

WIDTH, HEIGHT = 3.6, 3.2
SIGNIFICANCE = 0.05
LEAST_CHANCE = 0.001
"""That 2,000 resamples tell from none at all."""
FORECAST, REFERENCE = "forecast", "reference"


def chance_in_words(scores: MembersScores) -> str:
    """Return whether chance alone makes a rank histogram so uneven."""
    chance = scores.flatness_chance
    if chance is None:
        return "too few independent windows to test it"
    shown_chance = f"chance {chance:.2g}" if chance >= LEAST_CHANCE else "chance below 0.001"
    if chance >= SIGNIFICANCE:
        return f"as flat as chance allows ({shown_chance})"
    return f"not flat by more than chance ({shown_chance})"


def one_rank_histogram(
    name: str, scores: MembersScores, kind: str, most: float, style: Style
) -> Figure:
    """Return one rank histogram.

    Args:
        name: Of the ensemble.
        scores: Of its members.
        kind: ``forecast`` or ``reference``.
        most: Largest share that is drawn, the same for all that are compared.
        style: Colours.
    """
    figure = make_figure(WIDTH, HEIGHT, style)
    _draw(figure, 0.0, name, scores, kind, most, style)
    return figure


def largest_share(ensembles: Mapping[str, MembersScores]) -> float:
    """Return the largest share of any rank, or twice that of a flat histogram."""
    shares = [max([*one.rank_histogram, 2.0 * _flat(one)]) for one in ensembles.values()]
    return max(shares, default=1.0)


def draw_rank_histogram(source: PictureSource, style: Style) -> Figure:
    """Return the rank histograms of the trial and of ensembles that need no training."""
    assert source.members is not None, "can_be_drawn requires them"
    ensembles = {f"trial {source.number}": source.members.overall} | {
        ensemble_name(name): one.overall for name, one in source.member_references.items()
    }
    width = WIDTH * max(2, len(ensembles))
    subject = f"rank of the observed {source.field_name} among the members, all leads"
    heading = wrapped(source.heading(subject), width)
    figure = make_figure(width, HEIGHT + heading_height(heading), style)
    most = largest_share(ensembles)
    for position, (name, scores) in enumerate(ensembles.items()):
        kind = REFERENCE if position else FORECAST
        _draw(figure, WIDTH * position, name, scores, kind, most, style)
    put_heading(figure, heading, style)
    return figure


def _draw(
    figure: Figure,
    left: float,
    name: str,
    scores: MembersScores,
    kind: str,
    most: float,
    style: Style,
) -> None:
    axes = add_axes(figure, (left + 0.62, 0.5, WIDTH - 0.75, HEIGHT - 1.1), style)
    put_title(axes, shown(name), style, above_legend=True)
    ranks = np.arange(len(scores.rank_histogram))
    axes.axhline(_flat(scores), color=style.ink, linewidth=LINE_WIDTH, linestyle="--", label="flat")
    axes.bar(
        ranks,
        scores.rank_histogram,
        width=0.86,
        color=getattr(style, kind),
        alpha=0.75,
        label=chance_in_words(scores),
    )
    _frame(axes, len(ranks), most)
    put_labels(axes, "members below the observed value", "share of cells", style)
    put_grid(axes, style)
    axes.grid(visible=False, axis="x")
    put_legend(axes, style)


def _frame(axes: Axes, ranks: int, most: float) -> None:
    axes.set_ylim(0.0, 1.06 * most)
    put_integer_ticks(axes, 0, ranks - 1, at_most=10)
    axes.set_xlim(-0.6, ranks - 0.4)


def _flat(scores: MembersScores) -> float:
    return 1.0 / len(scores.rank_histogram)
