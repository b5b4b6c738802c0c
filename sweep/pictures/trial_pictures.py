"""The pictures a trial has, by key: one line in ``PICTURES`` makes a new one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from sweep.pictures.epochs import page_of_epochs
from sweep.pictures.leads import page_by_lead
from sweep.pictures.maps import MINUS, Panel, difference_scale, masked, page_of_maps, value_scale
from sweep.pictures.spectra import page_of_spectra
from sweep.pictures.style import Style
from sweep.pictures.trial_view import TrialView, field_name, valid_time
from sweep.pictures.writing import as_png, drawing
from sweep.study.samples import ForecastSample

FIRST, LAST = 0, -1


@dataclass(frozen=True)
class Picture:
    """A picture that every trial can have.

    Attributes:
        file: Name of its file.
        title: What it shows, in a few words.
        draw: Draws it.
        needs_forecast: Whether a trial that was pruned has none.
        needs_leads: How many leads must be shown.
    """

    file: str
    title: str
    draw: Callable[[TrialView, Style], Figure]
    needs_forecast: bool = True
    needs_leads: int = 1


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
    found: Mapping[str, ForecastSample | None] = {
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


PICTURES: dict[str, Picture] = {
    "maps-first-lead": Picture(
        "maps-first-lead.png", "maps at the first lead", partial(_maps, FIRST)
    ),
    "maps-last-lead": Picture(
        "maps-last-lead.png", "maps at the last lead", partial(_maps, LAST), needs_leads=2
    ),
    "spectra": Picture("spectra.png", "power by scale", _spectra),
    "by-lead": Picture("by-lead.png", "gradient and peak by lead", _by_lead, needs_forecast=False),
    "epochs": Picture("epochs.png", "training by epoch", _epochs, needs_forecast=False),
}


def pictures_of(view: TrialView) -> list[str]:
    """Return the keys of the pictures that can be drawn of a trial."""
    return [
        key
        for key, picture in PICTURES.items()
        if (view.forecast is not None or not picture.needs_forecast)
        and len(view.observed.leads) >= picture.needs_leads
    ]


def draw(key: str, view: TrialView, style: Style) -> bytes:
    """Return a picture of a trial as a PNG; from any thread, one at a time.

    Args:
        key: One of those that ``pictures_of`` names.
        view: The trial.
        style: Colours.
    """
    with drawing():
        return as_png(PICTURES[key].draw(view, style))
