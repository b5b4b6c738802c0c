"""The pictures of a report, each with a sentence on what it shows and words for who cannot see."""

import base64
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure

from fieldsharp.sweep.pictures.image_export import as_png, as_svg, drawing
from fieldsharp.sweep.pictures.leads import one_by_lead
from fieldsharp.sweep.pictures.maps import (
    MINUS,
    Panel,
    difference_scale,
    masked,
    one_map,
    value_scale,
)
from fieldsharp.sweep.pictures.spectra import one_spectrum
from fieldsharp.sweep.pictures.style import DARK, LIGHT, PAGE, Style
from fieldsharp.sweep.report import sentences
from fieldsharp.sweep.report.charts.pareto import error_against_gradient, error_against_shortfall
from fieldsharp.sweep.report.charts.score_history import score_by_trial
from fieldsharp.sweep.report.charts.slices import slice_by
from fieldsharp.sweep.report.model import Report, SplitView

MAP_DOTS = 144
"""One and a half times what a page counts: sharp on a good screen, and 20 of the roughest maps of
256 x 256 cells stay below 6 MB."""
CSS_INCH = 104.0
"""A little more than 96, so that letters of 8 points are read at arm's length."""


@dataclass(frozen=True)
class Drawing:
    """A picture on a page: either a drawing whose colours follow the page, or two of pixels.

    Attributes:
        title: What it is, in a few words.
        caption: What there is to see in it, with figures; may be "".
        alt: The same for who cannot see it.
        svg: The drawing, "" where it is of pixels.
        light: Address that holds the pixels for a light page.
        dark: The same for a dark one.
        width: Of the pixels, as the page counts them.
        height: Likewise.
    """

    title: str
    caption: str
    alt: str
    svg: str = ""
    light: str = ""
    dark: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class MapsAtLead:
    """The maps at one lead.

    Attributes:
        title: Lead and time.
        sentence: What there is to see in them.
        drawings: Observed, forecasts, differences.
    """

    title: str
    sentence: str
    drawings: Sequence[Drawing]


def maps(report: Report) -> list[MapsAtLead]:
    """Return the maps of the split that pictures are of, by lead; none where nothing is kept."""
    split = report.pictured
    if split.observed is None or not split.forecasts:
        return []
    return [_maps_at(report, split, lead) for lead in range(len(split.observed.leads))]


def _maps_at(report: Report, split: SplitView, lead: int) -> MapsAtLead:
    observed = split.observed
    assert observed is not None, "asked for where there is one"
    seen_HW = masked(observed.values_LHW[lead], observed.mask_HW)
    forecasts = {
        kind: masked(forecast.values_LHW[lead], observed.mask_HW)
        for kind, forecast in split.forecasts.items()
    }
    scale = value_scale(seen_HW, list(forecasts.values()))
    differences = {kind: values_HW - seen_HW for kind, values_HW in forecasts.items()}
    apart = difference_scale(list(differences.values()))
    panels = [("observed", Panel("", seen_HW, scale))]
    for kind, values_HW in forecasts.items():
        panels.append((sentences.name_of(report, kind), Panel("", values_HW, scale)))
    for kind, values_HW in differences.items():
        title = f"{sentences.name_of(report, kind)} {MINUS} observed"
        panels.append((title, Panel("", values_HW, apart)))
    drawings = [
        _of_pixels(
            title,
            sentences.map_alt(title, panel, observed, lead),
            partial(one_map, observed, panel),
        )
        for title, panel in panels
    ]
    sentence = sentences.maps_sentence(report, seen_HW, forecasts, observed.units)
    return MapsAtLead(sentences.map_title(observed, lead), sentence, drawings)


def spectra(report: Report) -> list[Drawing]:
    """Return the spectra at the first and the last lead."""
    split = report.pictured
    observed = split.observed
    if observed is None or not split.forecasts:
        return []
    drawings = []
    for lead in range(len(observed.leads)):
        title = f"Power by scale, {observed.ahead[lead]}"
        said = sentences.spectrum_sentence(report, observed, split.forecasts, lead)
        figure = one_spectrum(observed, split.forecasts, lead, PAGE, _names(report))
        drawings.append(_chart(f"spectrum-{lead}", title, said, figure))
    return drawings


def leads(report: Report) -> list[Drawing]:
    """Return gradient and peak by lead."""
    split = report.pictured
    observed = split.observed
    if observed is None or not split.rows:
        return []
    bands = {"gradient": split.targets.gradient, "peak": split.targets.peak}
    drawings = []
    for name, band in bands.items():
        lines = split.by_lead(name)
        figure = one_by_lead(name, lines, band, observed, PAGE, _names(report))
        said = sentences.lead_sentence(report, name, lines, observed, band.offset)
        drawings.append(_chart(f"lead-{name}", f"Mean {name} by lead", said, figure))
    return drawings


def search(report: Report) -> list[Drawing]:
    """Return the charts of the whole search; none before a trial ended."""
    if not any(point.score is not None or point.state == "FAIL" for point in report.points):
        return []
    chosen = report.chosen.number if report.chosen is not None else None
    points = report.points
    drawings = [
        _chart(
            "score-by-trial",
            "Score by trial",
            sentences.score_sentence(report),
            score_by_trial(points, chosen, PAGE),
        )
    ]
    if not report.complete:
        return drawings
    targets = report.validation.targets
    seen = report.validation.seen.get("gradient_observed", float("nan"))
    cost = error_against_gradient(points, chosen, targets.gradient, seen, PAGE)
    drawings.append(_chart("cost", "What sharpness costs", sentences.cost_sentence(report), cost))
    front = error_against_shortfall(points, chosen, PAGE)
    drawings.append(_chart("front", "The front", sentences.front_sentence(report), front))
    return drawings


def slices(report: Report) -> list[Drawing]:
    """Return the scores against each setting, the most important first."""
    beside = [point for point in report.complete if not point.is_baseline]
    if not beside:
        return []
    chosen = report.chosen.number if report.chosen is not None else None
    ranked = [*report.importance.shares]
    names = ranked + sorted(name for name in report.distributions if name not in ranked)
    drawings = []
    for index, name in enumerate(names):
        if not any(name in point.params for point in beside):
            continue
        figure = slice_by(name, report.distributions[name], report.points, chosen, PAGE)
        said = sentences.slice_sentence(report, name)
        drawings.append(_chart(f"slice-{index}", f"Score by {name}", said, figure))
    return drawings


def _names(report: Report) -> dict[str, str]:
    return {kind: sentences.name_of(report, kind) for kind in ("baseline", "forecast")}


def _chart(name: str, title: str, said: str, figure: Figure) -> Drawing:
    alt = f"{title}. {said}"
    return Drawing(title, said, alt, svg=as_svg(figure, name, alt))


def _of_pixels(title: str, alt: str, draw: Callable[[Style], Figure]) -> Drawing:
    with drawing():
        light, dark = (as_png(draw(style), MAP_DOTS) for style in (LIGHT, DARK))
    width, height = struct.unpack(">II", light[16:24])
    to_page = CSS_INCH / MAP_DOTS
    return Drawing(
        title=title,
        caption="",
        alt=alt,
        light=_address(light),
        dark=_address(dark),
        width=round(width * to_page),
        height=round(height * to_page),
    )


def _address(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
