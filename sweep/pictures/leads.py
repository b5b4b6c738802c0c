"""Gradient and peak by lead, with the observed values and the target band."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from matplotlib.figure import Figure

from fieldsharp.objectives.targets import Band
from fieldsharp.sweep.pictures.axes import (
    add_axes,
    frame_values,
    heading_height,
    make_figure,
    put_grid,
    put_heading,
    put_integer_ticks,
    put_labels,
    put_legend,
    put_line,
    put_message,
    put_title,
    wrapped,
)
from fieldsharp.sweep.pictures.number_scale import number_scale
from fieldsharp.sweep.pictures.source import PictureSource
from fieldsharp.sweep.pictures.style import Style
from fieldsharp.sweep.study.files.previews import ObservedPreview

WIDTH, HEIGHT = 4.0, 3.3


def one_by_lead(
    metric: str,
    lines: Mapping[str, Sequence[float]],
    band: Band,
    observed: ObservedPreview,
    style: Style,
    labels: Mapping[str, str] = MappingProxyType({}),
) -> Figure:
    """Return a metric at each lead.

    Args:
        metric: ``gradient`` or ``peak``.
        lines: Its values by ``observed``, ``baseline`` and ``forecast``.
        band: Target of the mean over all leads.
        observed: Lead times and units.
        style: Colours.
        labels: Of the forecasts in the legend; by default their kinds.
    """
    figure = make_figure(WIDTH, HEIGHT, style)
    _draw(figure, 0.0, metric, lines, band, observed, style, labels)
    return figure


def draw_leads(source: PictureSource, style: Style) -> Figure:
    """Return gradient and peak at each lead, side by side under a heading."""
    bands = {"gradient": source.targets.gradient, "peak": source.targets.peak}
    width = WIDTH * len(bands)
    heading = wrapped(source.heading(f"how sharp {source.field_name} is, lead by lead"), width)
    figure = make_figure(width, HEIGHT + heading_height(heading), style)
    for index, (metric, band) in enumerate(bands.items()):
        keys = {"observed": f"{metric}_observed", "forecast": metric}
        known = {kind: key for kind, key in keys.items() if key in source.by_lead}
        lines = {kind: source.by_lead[key] for kind, key in known.items()}
        _draw(figure, WIDTH * index, metric, lines, band, source.observed, style)
    put_heading(figure, heading, style)
    return figure


def _draw(
    figure: Figure,
    left: float,
    metric: str,
    lines: Mapping[str, Sequence[float]],
    band: Band,
    observed: ObservedPreview,
    style: Style,
    labels: Mapping[str, str] = MappingProxyType({}),
) -> None:
    axes = add_axes(figure, (left + 0.7, 0.55, WIDTH - 0.9, HEIGHT - 1.15), style)
    put_title(axes, f"Mean {metric} by lead", style, above_legend=True)
    leads = max((len(values) for values in lines.values()), default=0)
    if not leads:
        put_message(axes, "not measured", style)
        return
    scale = number_scale(*lines.values(), [band.low, band.high])
    ends = [band.low * scale.factor, band.high * scale.factor]
    axes.axhspan(*ends, color=style.band, alpha=0.18, linewidth=0, label="target")
    scaled = {kind: [v * scale.factor for v in values] for kind, values in lines.items()}
    for kind, values in scaled.items():
        put_line(axes, range(1, len(values) + 1), values, kind, style, labels.get(kind, ""))
    per = f" per {observed.per}" if metric == "gradient" else ""
    units = scale.units(observed.units, per)
    first, last = observed.leads[0], observed.leads[-1]
    ends_of_leads = f"{first}: {observed.ahead[0]}"
    if last != first:
        ends_of_leads += f", {last}: {observed.ahead[-1]}"
    put_labels(axes, f"lead ({ends_of_leads})", f"{metric}{units}", style)
    frame_values(axes, *scaled.values(), ends)
    put_integer_ticks(axes, 1, leads)
    put_grid(axes, style)
    put_legend(axes, style)
