"""Sharpness by lead: gradient and peak at each, beside what was observed and what is aimed at."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from fieldsharp.objectives.targets import Band
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
    whole_numbers,
    wrapped,
)
from fieldsharp.sweep.pictures.number_scale import number_scale
from fieldsharp.sweep.pictures.style import Style
from fieldsharp.sweep.study.files.previews import ObservedPreview

WIDTH, HEIGHT = 4.0, 3.3
PER = {"gradient": " per cell", "peak": ""}


def one_by_lead(
    name: str,
    lines: Mapping[str, Sequence[float]],
    band: Band | None,
    observed: ObservedPreview,
    style: Style,
    names: Mapping[str, str] = NO_NAMES,
) -> Figure:
    """Return a metric at each lead.

    Args:
        name: ``gradient`` or ``peak``.
        lines: Its values by ``observed``, ``baseline`` and ``forecast``.
        band: What is aimed at, of the mean over all leads; None where it is not known.
        observed: What the leads mean, and the units.
        style: Colours.
        names: What a line is called, where not by its kind.
    """
    figure = make_figure(WIDTH, HEIGHT, style)
    _draw(figure, 0.0, name, lines, band, observed, style, names)
    return figure


def page_by_lead(
    lines: Mapping[str, Mapping[str, Sequence[float]]],
    bands: Mapping[str, Band],
    observed: ObservedPreview,
    heading: Sequence[str],
    style: Style,
) -> Figure:
    """Return gradient and peak at each lead, side by side under a heading.

    Args:
        lines: By metric, then by ``observed`` or ``forecast``.
        bands: By metric.
        observed: What the leads mean, and the units.
        heading: Its lines.
        style: Colours.
    """
    heading = wrapped(heading, WIDTH * len(lines))
    figure = make_figure(WIDTH * len(lines), HEIGHT + heading_height(heading), style)
    for index, (name, values) in enumerate(lines.items()):
        _draw(figure, WIDTH * index, name, values, bands.get(name), observed, style)
    put_heading(figure, heading, style)
    return figure


def _draw(
    figure: Figure,
    left: float,
    name: str,
    lines: Mapping[str, Sequence[float]],
    band: Band | None,
    observed: ObservedPreview,
    style: Style,
    names: Mapping[str, str] = NO_NAMES,
) -> None:
    axes = add_axes(figure, (left + 0.7, 0.55, WIDTH - 0.9, HEIGHT - 1.15), style)
    put_title(axes, f"Mean {name} by lead", style, above_legend=True)
    leads = max((len(values) for values in lines.values()), default=0)
    if not leads:
        nothing_there(axes, "not measured", style)
        return
    ends = [band.low, band.high] if band is not None else []
    size = number_scale(*lines.values(), ends)
    if band is not None:
        low, high = band.low * size.factor, band.high * size.factor
        axes.axhspan(low, high, color=style.band, alpha=0.18, linewidth=0, label="aimed at")
    for kind, values in lines.items():
        put_line(
            axes,
            range(1, len(values) + 1),
            [v * size.factor for v in values],
            kind,
            style,
            names.get(kind, ""),
        )
    put_labels(axes, _lead_words(observed), f"{name}{size.units(observed.units, PER[name])}", style)
    frame_values(axes, *[[v * size.factor for v in vs] for vs in [*lines.values(), ends]])
    whole_numbers(axes, 1, leads)
    put_grid(axes, style)
    put_legend(axes, style)


def _lead_words(observed: ObservedPreview) -> str:
    first, last = observed.leads[0], observed.leads[-1]
    words = f"lead ({first}: {observed.ahead[0]}"
    return words + (f", {last}: {observed.ahead[-1]})" if last != first else ")")
