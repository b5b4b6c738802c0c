"""Spectra: how much of the field is at which scale, and how much of that the forecast has.

Shape legend: L leads, K shells of the spectrum.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from fieldsharp.sweep.pictures.axes import (
    NO_NAMES,
    add_axes,
    frame_values,
    heading_height,
    make_figure,
    nothing_there,
    put_grid,
    put_heading,
    put_labels,
    put_legend,
    put_line,
    put_title,
    wrapped,
)
from fieldsharp.sweep.pictures.number_scale import power_of_ten, shown
from fieldsharp.sweep.pictures.style import LINE_WIDTH, SMALL, Style
from fieldsharp.sweep.study.files.previews import ForecastPreview, ObservedPreview

Doubles = npt.NDArray[np.float64]
SMALLEST_CELLS = 4.0
"""Wavelengths below this are the small scales, as in the metric ``power_small``."""
WIDTH, HEIGHT = 4.0, 4.3
LEAST_DB, MOST_DB = -20.0, 10.0


def decibels_of_observed(observed: ObservedPreview, power_LK: Doubles, lead: int) -> Doubles:
    """Return a forecast's power over the observed at one lead in dB [K]; no number without power.

    Args:
        observed: What was observed.
        power_LK: Of the forecast.
        lead: Index of the lead shown.
    """
    with np.errstate(all="ignore"):
        ratio = power_LK[lead] / observed.power_LK[lead]
        return np.where(ratio > 0, 10.0 * np.log10(ratio), np.nan)


def small_scales_db(observed: ObservedPreview, power_LK: Doubles, lead: int) -> float:
    """Return the power below four cells over the observed at one lead in dB."""
    small_K = observed.wavelength_K < SMALLEST_CELLS
    ours, theirs = power_LK[lead][small_K].sum(), observed.power_LK[lead][small_K].sum()
    return float(10.0 * np.log10(ours / theirs)) if ours > 0 and theirs > 0 else float("nan")


def one_spectrum(
    observed: ObservedPreview,
    forecasts: Mapping[str, ForecastPreview],
    lead: int,
    style: Style,
    names: Mapping[str, str] = NO_NAMES,
) -> Figure:
    """Return the spectra at one lead.

    Args:
        observed: What was observed.
        forecasts: By ``baseline`` or ``forecast``.
        lead: Index of the lead shown.
        style: Colours.
        names: What a line is called, where not by its kind.
    """
    figure = make_figure(WIDTH, HEIGHT, style)
    _draw(figure, 0.0, observed, forecasts, lead, style, names)
    return figure


def page_of_spectra(
    observed: ObservedPreview,
    forecasts: Mapping[str, ForecastPreview],
    heading: list[str],
    style: Style,
) -> Figure:
    """Return the spectra at every lead shown, side by side under a heading."""
    leads = len(observed.leads)
    width = max(6.0, WIDTH * leads)
    heading = wrapped(heading, width)
    figure = make_figure(width, HEIGHT + heading_height(heading), style)
    for lead in range(leads):
        _draw(figure, WIDTH * lead, observed, forecasts, lead, style)
    put_heading(figure, heading, style)
    return figure


def _draw(
    figure: Figure,
    left: float,
    observed: ObservedPreview,
    forecasts: Mapping[str, ForecastPreview],
    lead: int,
    style: Style,
    names: Mapping[str, str] = NO_NAMES,
) -> None:
    upper = add_axes(figure, (left + 0.72, 1.72, WIDTH - 0.9, HEIGHT - 2.3), style)
    lower = add_axes(figure, (left + 0.72, 0.5, WIDTH - 0.9, 1.05), style)
    put_title(
        upper,
        f"{observed.ahead[lead]}, mean of {observed.windows} windows",
        style,
        above_legend=True,
    )
    shells_K = np.isfinite(observed.wavelength_K) & (observed.wavelength_K > 0)
    wavelength_K = observed.wavelength_K[shells_K]
    powers = {"observed": observed.power_LK} | {k: f.power_LK for k, f in forecasts.items()}
    if not any((p[lead][shells_K] > 0).any() for p in powers.values()):
        nothing_there(upper, "no power at any scale: the field does not vary", style)
        lower.set_visible(False)
        return
    for kind, power_LK in powers.items():
        power_K = np.where(power_LK[lead] > 0, power_LK[lead], np.nan)[shells_K]
        put_line(upper, wavelength_K, power_K, kind, style, names.get(kind, ""))
        if kind != "observed":
            db_K = decibels_of_observed(observed, power_LK, lead)[shells_K]
            put_line(lower, wavelength_K, db_K.clip(LEAST_DB, MOST_DB), kind, style)
    upper.set_yscale("log")
    upper.yaxis.set_minor_locator(NullLocator())
    upper.yaxis.set_major_locator(LogLocator(numticks=7))
    upper.yaxis.set_major_formatter(
        FuncFormatter(lambda power, _: power_of_ten(round(np.log10(power))))
    )
    units = f" [({shown(observed.units, 16)})²]" if observed.units else ""
    put_labels(upper, "", f"power{units}", style)
    lower.axhline(0.0, color=style.observed, linewidth=LINE_WIDTH)
    ratios = [
        decibels_of_observed(observed, p, lead)[shells_K].clip(LEAST_DB, MOST_DB)
        for p in powers.values()
    ]
    frame_values(lower, *ratios, [-3.0, 4.0])
    put_labels(lower, "wavelength [cells]", "ratio [dB]", style)
    for axes in (upper, lower):
        _mark_small_scales(axes, wavelength_K, style)
        put_grid(axes, style)
    upper.tick_params(labelbottom=False)
    for axes, words in ((upper, "below 4 cells"), (lower, "forecast over observed")):
        axes.text(
            0.985,
            0.965,
            words,
            transform=axes.transAxes,
            ha="right",
            va="top",
            fontsize=SMALL,
            color=style.muted,
        )
    put_legend(upper, style)


def _mark_small_scales(axes: Axes, wavelength_K: Doubles, style: Style) -> None:
    longest, shortest = float(wavelength_K.max()), float(wavelength_K.min())
    axes.set_xscale("log")
    # From large on the left to small, as the eye follows a cascade.
    axes.set_xlim(longest * 1.08, min(shortest, SMALLEST_CELLS / 2) / 1.08)
    axes.axvspan(SMALLEST_CELLS, axes.get_xlim()[1], color=style.grid, alpha=0.45, linewidth=0)
    octaves = [2.0**power for power in range(1, 12)]
    there = [cells for cells in octaves if shortest / 1.08 <= cells <= longest * 1.08]
    axes.xaxis.set_major_locator(FixedLocator(there))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda cells, _: f"{cells:g}"))
