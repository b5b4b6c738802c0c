"""Power spectra of observations and forecasts by wavelength, and the ratio of the two in dB.

Shape legend: L leads, K shells of the spectrum.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from fieldsharp.sweep.pictures.axes import (
    add_axes,
    frame_values,
    heading_height,
    make_figure,
    put_grid,
    put_heading,
    put_labels,
    put_legend,
    put_line,
    put_message,
    put_title,
    wrapped,
)
from fieldsharp.sweep.pictures.number_scale import power_of_ten, shown
from fieldsharp.sweep.pictures.source import PictureSource
from fieldsharp.sweep.pictures.style import LINE_WIDTH, SMALL, Style
from fieldsharp.sweep.study.files.previews import ForecastPreview, ObservedPreview

Doubles = npt.NDArray[np.float64]
SMALL_SCALE_CELLS = 4.0
"""Wavelengths below this are the small scales, as in the metric ``power_small``."""
WIDTH, HEIGHT = 4.0, 4.3
MIN_DB, MAX_DB = -20.0, 10.0


def decibels_of_observed(observed: ObservedPreview, power_LK: Doubles, lead: int) -> Doubles:
    """Return a forecast's power over the observed at one lead in dB [K]; NaN without power."""
    with np.errstate(all="ignore"):
        ratio = power_LK[lead] / observed.power_LK[lead]
        return np.where(ratio > 0, 10.0 * np.log10(ratio), np.nan)


def small_scales_db(observed: ObservedPreview, power_LK: Doubles, lead: int) -> float:
    """Return a forecast's power below four cells relative to the observed at one lead in dB."""
    small_K = observed.wavelength_K < SMALL_SCALE_CELLS
    power, reference = power_LK[lead][small_K].sum(), observed.power_LK[lead][small_K].sum()
    return float(10.0 * np.log10(power / reference)) if power > 0 < reference else float("nan")


def one_spectrum(
    observed: ObservedPreview,
    forecasts: Mapping[str, ForecastPreview],
    lead: int,
    style: Style,
    labels: Mapping[str, str],
) -> Figure:
    """Return the spectra at one lead; ``forecasts`` are by ``baseline`` or ``forecast``."""
    figure = make_figure(WIDTH, HEIGHT, style)
    _draw(figure, 0.0, observed, forecasts, lead, style, labels)
    return figure


def draw_spectra(source: PictureSource, style: Style) -> Figure:
    """Return the spectra at every lead of the previews, side by side under a heading."""
    observed = source.observed
    previews = {"baseline": source.baseline_forecast, "forecast": source.forecast}
    forecasts = {kind: preview for kind, preview in previews.items() if preview is not None}
    leads = len(observed.leads)
    width = max(6.0, WIDTH * leads)
    heading = wrapped(source.heading(f"power of {source.field_name} by scale"), width)
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
    labels: Mapping[str, str] = MappingProxyType({}),
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
        put_message(upper, "no power at any scale: the field does not vary", style)
        lower.set_visible(False)
        return
    for kind, power_LK in powers.items():
        power_K = np.where(power_LK[lead] > 0, power_LK[lead], np.nan)[shells_K]
        put_line(upper, wavelength_K, power_K, kind, style, labels.get(kind, ""))
        if kind != "observed":
            db_K = decibels_of_observed(observed, power_LK, lead)[shells_K]
            put_line(lower, wavelength_K, db_K.clip(MIN_DB, MAX_DB), kind, style)
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
        decibels_of_observed(observed, p, lead)[shells_K].clip(MIN_DB, MAX_DB)
        for p in powers.values()
    ]
    frame_values(lower, *ratios, [-3.0, 4.0])
    put_labels(lower, "wavelength [cells]", "ratio [dB]", style)
    for axes in (upper, lower):
        _mark_small_scales(axes, wavelength_K, style)
        put_grid(axes, style)
    upper.tick_params(labelbottom=False)
    for axes, label in ((upper, "below 4 cells"), (lower, "forecast over observed")):
        axes.text(
            0.985,
            0.965,
            label,
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
    # From large on the left to small, the direction of the energy cascade.
    axes.set_xlim(longest * 1.08, min(shortest, SMALL_SCALE_CELLS / 2) / 1.08)
    axes.axvspan(SMALL_SCALE_CELLS, axes.get_xlim()[1], color=style.grid, alpha=0.45, linewidth=0)
    octaves = [2.0**power for power in range(1, 12)]
    ticks = [cells for cells in octaves if shortest / 1.08 <= cells <= longest * 1.08]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda cells, _: f"{cells:g}"))
