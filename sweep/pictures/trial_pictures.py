"""Drawing the pictures of a trial: one line in ``DRAWN`` for each that ``PICTURES`` names."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from fieldsharp.sweep.pictures.epochs import page_of_epochs
from fieldsharp.sweep.pictures.image_export import as_png, drawing
from fieldsharp.sweep.pictures.leads import page_by_lead
from fieldsharp.sweep.pictures.maps import (
    MINUS,
    Panel,
    difference_scale,
    masked,
    page_of_maps,
    value_scale,
)
from fieldsharp.sweep.pictures.spectra import page_of_spectra
from fieldsharp.sweep.pictures.style import Style
from fieldsharp.sweep.pictures.trial_view import TrialView, field_name, valid_time
from fieldsharp.sweep.study.files.artifacts import Picture, pictures_of
from fieldsharp.sweep.study.files.previews import ForecastPreview

FIRST, LAST = 0, -1


def _maps(lead: int, view: TrialView, style: Style) -> Figure:
    observed, forecast = view.observed, view.forecast
    assert forecast is not None, "asked for where there is one"
    valid_HW = observed.mask_HW
    seen_HW = masked(observed.values_LHW[lead], valid_HW)
    ours_HW = masked(forecast.values_LHW[lead], valid_HW)
    baseline = view.baseline_forecast
    others = [ours_HW]
    if baseline is not None:
        others.append(masked(baseline.values_LHW[lead], valid_HW))
    scale = value_scale(seen_HW, others)
    difference_HW = ours_HW - seen_HW
    panels = [Panel("observed", seen_HW, scale), Panel("predicted", ours_HW, scale)]
    if baseline is not None:
        panels.append(Panel("predicted by the baseline", others[1], scale))
    panels.append(
        Panel(f"predicted {MINUS} observed", difference_HW, difference_scale([difference_HW]))
    )
    heading = view.heading(
        f"{field_name(observed)} {observed.ahead[lead]}, valid {valid_time(observed, lead)}"
    )
    notes = [f"{observed.part} split"]
    if not valid_HW.all():
        notes.append("hatched cells take no part")
    if observed.every > 1:
        notes.append(f"every {_ordinal(observed.every)} row and column")
    return page_of_maps(observed, [*heading, ", ".join(notes)], panels, style)


def _ordinal(number: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    ending = "th" if number % 100 in (11, 12, 13) else endings.get(number % 10, "th")
    return f"{number}{ending}"


def _spectra(view: TrialView, style: Style) -> Figure:
    found: Mapping[str, ForecastPreview | None] = {
        "baseline": view.baseline_forecast,
        "forecast": view.forecast,
    }
    forecasts = {kind: forecast for kind, forecast in found.items() if forecast is not None}
    heading = view.heading(f"power of {field_name(view.observed)} by scale")
    return page_of_spectra(view.observed, forecasts, heading, style)


def _by_lead(view: TrialView, style: Style) -> Figure:
    lines = {
        name: {
            kind: view.by_lead[metric]
            for kind, metric in (("observed", f"{name}_observed"), ("forecast", name))
            if metric in view.by_lead
        }
        for name in ("gradient", "peak")
    }
    bands = {"gradient": view.targets.gradient, "peak": view.targets.peak}
    heading = view.heading(f"how sharp {field_name(view.observed)} is, lead by lead")
    return page_by_lead(lines, bands, view.observed, heading, style)


def _epochs(view: TrialView, style: Style) -> Figure:
    seen = np.asarray(view.by_lead.get("gradient_observed", []), dtype=float)
    observed = float(seen.mean()) if seen.size else float("nan")
    baseline = view.baseline.epochs if view.baseline is not None else {}
    heading = view.heading("its training, epoch by epoch")
    return page_of_epochs(view.sample.epochs, baseline, observed, heading, style)


DRAWN: dict[Picture, Callable[[TrialView, Style], Figure]] = {
    "maps-first-lead": partial(_maps, FIRST),
    "maps-last-lead": partial(_maps, LAST),
    "spectra": _spectra,
    "by-lead": _by_lead,
    "epochs": _epochs,
}


def can_be_drawn(picture: Picture, view: TrialView) -> bool:
    """Return whether there is all that a picture of a trial needs."""
    # A forecast that is kept may be of another grid than what was observed.
    shown = view.sample if view.forecast is not None else replace(view.sample, forecast=None)
    return picture in pictures_of(shown)


def draw(picture: Picture, view: TrialView, style: Style) -> bytes:
    """Return a picture of a trial as a PNG; from any thread, one at a time.

    Args:
        picture: One that can be drawn.
        view: The trial.
        style: Colours.
    """
    with drawing():
        return as_png(DRAWN[picture](view, style))
