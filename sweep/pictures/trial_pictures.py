"""The pictures of a trial: one line of ``DRAWINGS`` and one file with its drawing function each."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from matplotlib.figure import Figure

from fieldsharp.sweep.pictures.epochs import draw_epochs
from fieldsharp.sweep.pictures.frontier import draw_frontier
from fieldsharp.sweep.pictures.image_export import as_png, drawing
from fieldsharp.sweep.pictures.leads import draw_leads
from fieldsharp.sweep.pictures.maps import draw_maps
from fieldsharp.sweep.pictures.members.maps import draw_members
from fieldsharp.sweep.pictures.members.rank_histogram import draw_rank_histogram
from fieldsharp.sweep.pictures.members.reliability import draw_reliability
from fieldsharp.sweep.pictures.members.spread import draw_spread
from fieldsharp.sweep.pictures.source import PictureSource
from fieldsharp.sweep.pictures.spectra import draw_spectra
from fieldsharp.sweep.pictures.style import Style
from fieldsharp.sweep.study.files.artifacts import PICTURES, Picture, pictures_of

DRAWINGS: dict[Picture, Callable[[PictureSource, Style], Figure]] = {
    "maps-first-lead": partial(draw_maps, lead=0),
    "maps-last-lead": partial(draw_maps, lead=-1),
    "spectra": draw_spectra,
    "by-lead": draw_leads,
    "epochs": draw_epochs,
    "frontier": draw_frontier,
    "members-first-lead": partial(draw_members, lead=0),
    "members-last-lead": partial(draw_members, lead=-1),
    "rank-histogram": draw_rank_histogram,
    "reliability": draw_reliability,
    "spread": draw_spread,
}


def can_be_drawn(picture: Picture, source: PictureSource) -> bool:
    """Return whether the source has all data that a picture needs."""
    # The forecast of a stored preview may be on another grid than the observations.
    has_forecast = source.forecast is not None
    preview = source.preview if has_forecast else replace(source.preview, forecast=None)
    has_scores = source.members is not None or not PICTURES[picture].of_members
    return picture in pictures_of(preview) and has_scores


def draw(picture: Picture, source: PictureSource, style: Style) -> bytes:
    """Return a picture of a trial as a PNG; safe to call from any thread, draws one at a time."""
    with drawing():
        return as_png(DRAWINGS[picture](source, style))
