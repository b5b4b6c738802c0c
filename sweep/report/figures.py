"""The pictures of a report, each with a caption and alternative text."""

import base64
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure

from fieldsharp.sweep.pictures.color_scale import difference_scale, masked, value_scale
from fieldsharp.sweep.pictures.image_export import as_png, as_svg, drawing
from fieldsharp.sweep.pictures.leads import one_by_lead
from fieldsharp.sweep.pictures.maps import MINUS, Panel, one_map
from fieldsharp.sweep.pictures.spectra import one_spectrum
from fieldsharp.sweep.pictures.style import DARK, LIGHT, PAGE, Style
from fieldsharp.sweep.report import sentences, sentences_without_training
from fieldsharp.sweep.report.charts.frontier import error_against_sharpness
from fieldsharp.sweep.report.charts.pareto import error_against_gradient, error_against_shortfall
from fieldsharp.sweep.report.charts.score_history import score_by_trial
from fieldsharp.sweep.report.charts.slices import slice_by
from fieldsharp.sweep.report.model import Report, SplitResults
from fieldsharp.sweep.study.files.previews import ForecastPreview, ObservedPreview

MAP_DPI = 144
"""1.5 times the CSS resolution: sharp on a high-resolution screen, and 20 of the roughest maps of
256 x 256 cells stay below 6 MB."""
CSS_PIXELS_PER_INCH = 104.0
"""A little more than the standard 96, so that text of 8 points can be read at arm's length."""


@dataclass(frozen=True)
class Drawing:
    """A picture of the page: an SVG in the page's colours, or a PNG each for light and dark pages.

    Attributes:
        caption: A sentence with its main values; may be "".
        svg: The SVG element, "" for a PNG.
        light: Data URI of the PNG for a light page.
        dark: Data URI of the PNG for a dark page.
        width: Of the PNG, CSS pixels.
        height: Of the PNG, CSS pixels.
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
        title: Lead and valid time.
        drawings: Observed, forecasts, differences.
    """

    title: str
    sentence: str
    drawings: Sequence[Drawing]


def maps(report: Report) -> list[MapsAtLead]:
    """Return the maps of the validation split by lead; none without previews."""
    split = report.validation
    if split.observed is None or not split.forecasts:
        return []
    return [_maps_at(report, split, lead) for lead in range(len(split.observed.leads))]


def accused_maps(report: Report) -> list[MapsAtLead]:
    """Return the maps of the trial that the verdict refuses, at the last lead; none without one."""
    accused = report.accused
    if accused is None:
        return []
    lead = len(accused.observed.leads) - 1
    _, _, drawings = _maps_of(accused.observed, accused.forecasts, lead)
    sentence = (
        f"The verdict refuses trial {accused.number}: {report.verdict.reason}. One window of the "
        "validation split."
    )
    return [MapsAtLead(sentences.map_title(accused.observed, lead), sentence, drawings)]


def _maps_at(report: Report, split: SplitResults, lead: int) -> MapsAtLead:
    observed = split.observed
    assert observed is not None, "maps() checks it"
    named = {sentences.name_of(report, kind): one for kind, one in split.forecasts.items()}
    observed_HW, values, drawings = _maps_of(observed, named, lead)
    forecasts = dict(zip(split.forecasts, values, strict=True))
    sentence = sentences.maps_sentence(report, observed_HW, forecasts, observed.units)
    return MapsAtLead(sentences.map_title(observed, lead), sentence, drawings)


def _maps_of(
    observed: ObservedPreview, named: Mapping[str, ForecastPreview], lead: int
) -> tuple[sentences.Field, list[sentences.Field], list[Drawing]]:
    """Return the observed field, the forecasts and the maps of both and of their differences."""
    observed_HW = masked(observed.values_LHW[lead], observed.mask_HW)
    forecasts = {
        name: masked(forecast.values_LHW[lead], observed.mask_HW)
        for name, forecast in named.items()
    }
    scale = value_scale(observed_HW, list(forecasts.values()))
    differences = {name: values_HW - observed_HW for name, values_HW in forecasts.items()}
    symmetric = difference_scale(list(differences.values()))
    panels = [("observed", Panel("", observed_HW, scale))]
    panels += [(name, Panel("", values_HW, scale)) for name, values_HW in forecasts.items()]
    panels += [
        (f"{name} {MINUS} observed", Panel("", values_HW, symmetric))
        for name, values_HW in differences.items()
    ]
    drawings = [
        png(
            title,
            sentences.map_alt(title, panel, observed, lead),
            partial(one_map, observed, panel),
        )
        for title, panel in panels
    ]
    return observed_HW, list(forecasts.values()), drawings


def spectra(report: Report) -> list[Drawing]:
    """Return the spectra at the first and the last lead."""
    split = report.validation
    observed = split.observed
    if observed is None or not split.forecasts:
        return []
    drawings = []
    for lead in range(len(observed.leads)):
        title = f"Power by scale, {observed.ahead[lead]}"
        caption = sentences.spectrum_sentence(report, observed, split.forecasts, lead)
        figure = one_spectrum(observed, split.forecasts, lead, PAGE, _labels(report))
        drawings.append(chart(f"{report.names_of_charts}spectrum-{lead}", title, caption, figure))
    return drawings


def leads(report: Report) -> list[Drawing]:
    """Return gradient and peak by lead."""
    split = report.validation
    observed = split.observed
    if observed is None or not split.results:
        return []
    bands = {"gradient": split.targets.gradient, "peak": split.targets.peak}
    drawings = []
    for metric, band in bands.items():
        lines = split.by_lead(metric)
        figure = one_by_lead(metric, lines, band, observed, PAGE, _labels(report))
        caption = sentences.lead_sentence(report, metric, lines, observed, band.offset)
        drawings.append(
            chart(
                f"{report.names_of_charts}lead-{metric}", f"Mean {metric} by lead", caption, figure
            )
        )
    return drawings


def search(report: Report) -> list[Drawing]:
    """Return the charts of the whole search; none before a trial has ended."""
    if not any(trial.score is not None or trial.state == "FAIL" for trial in report.trials):
        return []
    chosen = report.chosen.number if report.chosen is not None else None
    trials = report.trials
    drawings = [
        chart(
            "score-by-trial",
            "Score by trial",
            sentences.score_sentence(report),
            score_by_trial(trials, chosen, PAGE),
        )
    ]
    if not report.complete:
        return drawings
    if not shows_frontier(report):
        targets = report.validation.targets
        observed = report.validation.observed_metrics.get("gradient_observed", float("nan"))
        cost = error_against_gradient(trials, chosen, targets.gradient, observed, PAGE)
        caption = sentences.cost_sentence(report)
        drawings.append(chart("cost", "RMSE against gradient", caption, cost))
    front = error_against_shortfall(trials, chosen, PAGE)
    drawings.append(chart("front", "Pareto front", sentences.front_sentence(report), front))
    return drawings


def shows_frontier(report: Report) -> bool:
    """Return whether there is more to draw against the gradient than trials."""
    found = report.without_training
    return report.frontier is not None or (found is not None and bool(found.points))


def frontier(report: Report) -> list[Drawing]:
    """Return the chart of error against sharpness; none without references and frontier."""
    if not shows_frontier(report):
        return []
    found = report.without_training
    figure = error_against_sharpness(
        report.trials,
        report.chosen.number if report.chosen is not None else None,
        found.points if found is not None else [],
        report.frontier,
        report.validation.targets.gradient,
        report.validation.observed_metrics.get("gradient_observed", float("nan")),
        PAGE,
    )
    caption = sentences_without_training.frontier_sentence(report)
    return [chart(f"{report.names_of_charts}frontier", "Error against sharpness", caption, figure)]


def slices(report: Report) -> list[Drawing]:
    """Return the scores against each setting, the most important first."""
    searched = [trial for trial in report.complete if not trial.is_baseline]
    if not searched:
        return []
    chosen = report.chosen.number if report.chosen is not None else None
    ranked = [*report.importance.shares]
    names = ranked + sorted(name for name in report.distributions if name not in ranked)
    drawings = []
    for index, name in enumerate(names):
        if not any(name in trial.params for trial in searched):
            continue
        figure = slice_by(name, report.distributions[name], report.trials, chosen, PAGE)
        caption = sentences.slice_sentence(report, name)
        drawings.append(chart(f"slice-{index}", f"Score by {name}", caption, figure))
    return drawings


def _labels(report: Report) -> dict[str, str]:
    labels = {kind: sentences.name_of(report, kind) for kind in ("baseline", "forecast")}
    # Its whole name would be too long for a legend, in which it stands beside the baseline's.
    return {**labels, "reference": sentences.name_of(report, "reference").removeprefix("baseline ")}


def chart(name: str, title: str, caption: str, figure: Figure) -> Drawing:
    """Return a figure in the page's colours, its name unique on the page."""
    alt = f"{title}. {caption}"
    return Drawing(title, caption, alt, svg=as_svg(figure, name, alt))


def png(title: str, alt: str, draw: Callable[[Style], Figure]) -> Drawing:
    """Return a figure as images for light and dark pages."""
    with drawing():
        light, dark = (as_png(draw(style), MAP_DPI) for style in (LIGHT, DARK))
    width, height = struct.unpack(">II", light[16:24])
    css_scale = CSS_PIXELS_PER_INCH / MAP_DPI
    return Drawing(
        title=title,
        caption="",
        alt=alt,
        light=_data_uri(light),
        dark=_data_uri(dark),
        width=round(width * css_scale),
        height=round(height * css_scale),
    )


def _data_uri(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
