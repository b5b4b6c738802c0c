"""``evaluate``: every metric of a forecast file against a truth file."""

from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.commands.options import Json

if TYPE_CHECKING:
    from rich.console import Console

    from fieldsharp.sweep.study.status.references import Reference
    from fieldsharp.sweep.trials.forecast_series import PartOfForecast

NAME = "evaluate"
HELP = "Compare a forecast file with a truth file: the spatial analysis."
SHOWN_OF_PARTS = ("gradient", "gradient_observed", "peak", "peak_observed", "rmse", "correlation")
"""Metrics of each lead and each member; JSON has all of them."""


class AreaWeights(StrEnum):
    """Choices of ``--area-weights``."""

    AUTO = "auto"
    NONE = "none"


class Per(StrEnum):
    """Choices of ``--per``."""

    CELL = "cell"
    KM = "km"


def run(
    forecast: Annotated[Path, typer.Argument(help="NetCDF, Zarr, .npy or .npz file.")],
    truth: Annotated[Path, typer.Argument(help="What was observed, on the same grid.")],
    variable: Annotated[
        str | None, typer.Option(help="Where the forecast holds several variables.")
    ] = None,
    truth_variable: Annotated[
        str | None, typer.Option(help="Where the truth names the field otherwise.")
    ] = None,
    forecast_select: Annotated[
        list[str] | None,
        typer.Option(help="One value of a dimension of the forecast: level=850, step='6 h'."),
    ] = None,
    truth_select: Annotated[
        list[str] | None,
        typer.Option(help="One value of a further dimension of the truth, such as level=850."),
    ] = None,
    select: Annotated[list[str] | None, typer.Option(help="The same as --truth-select.")] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(help="Forecast by a net trained without gradient term, for more guards."),
    ] = None,
    sharpen_with: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="TRAINING_FORECAST TRAINING_TRUTH",
            help="Fit sharpeners on a forecast of training frames, and compare the baseline (or "
            "the forecast) under each.",
        ),
    ] = None,
    area_weights: Annotated[
        AreaWeights,
        typer.Option(help="auto: cells count by the cosine of latitude in RMSE and the like."),
    ] = AreaWeights.NONE,
    per: Annotated[
        Per, typer.Option(help="Unit of length of gradients; km needs real distances.")
    ] = Per.CELL,
    missing_value: Annotated[
        list[float] | None,
        typer.Option(
            metavar="NUMBER",
            help="A number that marks missing values in any of the files, such as -9999; may be "
            "repeated.",
        ),
    ] = None,
    allow_fill_like: Annotated[
        bool,
        typer.Option(
            "--allow-fill-like", help="Numbers that look like undeclared fill values are data."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare a forecast with the truth."""
    from rich.table import Table

    from fieldsharp.fields.settings import GridMeasures
    from fieldsharp.objectives.metrics import METRICS
    from fieldsharp.sweep.commands.console import wide_console
    from fieldsharp.sweep.commands.members_view import show_members
    from fieldsharp.sweep.commands.printing import say_json
    from fieldsharp.sweep.commands.status_view import show_guards
    from fieldsharp.sweep.trials.file_evaluation import evaluate_files
    from fieldsharp.sweep.trials.file_fields import NumbersInFiles
    from fieldsharp.sweep.trials.file_references import (
        evaluation_as_json,
        file_references,
        note_on_references,
    )
    from fieldsharp.sweep.trials.file_sharpening import TrainingFiles

    if select and truth_select:
        raise ConfigError(
            "--select and --truth-select are the same option, and both are given; use "
            "--truth-select alone"
        )
    of_truth = "--truth-select" if truth_select else "--select"
    evaluation = evaluate_files(
        forecast,
        truth,
        variable,
        truth_variable,
        _selection(of_truth, truth_select or select),
        baseline,
        sharpen_with=TrainingFiles(*sharpen_with) if sharpen_with else None,
        measures=GridMeasures(area_weights=area_weights.value, per=per.value),
        forecast_select=_selection("--forecast-select", forecast_select),
        numbers=NumbersInFiles(tuple(missing_value or ()), allow_fill_like),
    )
    if as_json:
        say_json(evaluation_as_json(evaluation))
        return
    references, note = file_references(evaluation), note_on_references(evaluation)
    unit = evaluation.units or "units of the field"
    names = {
        "field": unit,
        "field per cell": f"{unit} per {per.value}",
        "cells": "cells",
        "dB": "dB",
    }
    table = Table(box=None, pad_edge=False)
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("unit")
    table.add_column("what it is")
    for name, value in evaluation.metrics.items():
        metric = METRICS[name]
        table.add_row(name, f"{value:.6g}", names.get(metric.unit, ""), metric.summary)
    console = wide_console()
    show = partial(console.print, markup=False)
    cells = f"{evaluation.cells} cells"
    if evaluation.cells_least < evaluation.cells:
        cells = f"{evaluation.cells_least} to {cells}"
    show(f"{evaluation.variable}: {evaluation.frames} frames, {cells}")
    if evaluation.frames_too_sparse:
        show(f"{evaluation.frames_too_sparse} frames with too few cells are left out")
    if evaluation.frames_without_truth:
        show(f"{evaluation.frames_without_truth} frames of the forecast have no truth")
    for sentence in (*evaluation.converted, *evaluation.by_position):
        show(sentence)
    console.print(table)
    for parts in (evaluation.by_lead, evaluation.by_member):
        if parts:
            _show_parts(parts, console)
    if evaluation.members is not None:
        show_members(evaluation.members, console)
    show(f"departures are from {evaluation.climatology}")
    for note in evaluation.grid_notes:
        show(note)
    show_guards(evaluation.guards, console)
    if baseline is None:
        show("guards relative to a baseline: give one with --baseline")
    if references:
        show(f"references: the {'forecast' if baseline is None else 'baseline'} under a sharpener")
        _show_references(references, console)
    if sharpen_with and note:
        show(f"beware: {note}", soft_wrap=True)


def _show_references(references: "Sequence[Reference]", console: "Console") -> None:
    """Print a line for each reference, with the guards that it breaks."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("sharpener")
    for heading in ("score", "gradient", "peak", "rmse"):
        table.add_column(heading, justify="right")
    table.add_column("guards it breaks")
    for one in references:
        numbers = [f"{value:.4g}" for value in (one.score, one.gradient, one.peak, one.rmse)]
        broken = [name for name, guard in one.guards.items() if not guard["ok"]]
        table.add_row(one.name, *numbers, ", ".join(broken) or "none")
    console.print(table)


def _show_parts(parts: "Sequence[PartOfForecast]", console: "Console") -> None:
    """Print a line of the main metrics for each lead, or for each member."""
    from rich.table import Table
    from rich.text import Text

    names = [name for name in SHOWN_OF_PARTS if name in parts[0].metrics]
    table = Table(box=None, pad_edge=False)
    table.add_column("member" if parts[0].lead is None else "lead")
    for heading in ("frames", *names):
        table.add_column(heading, justify="right")
    for part in parts:
        numbers = [f"{part.metrics[name]:.4g}" for name in names]
        table.add_row(Text(part.lead or part.member or ""), str(part.frames), *numbers)
    console.print(table)


def _selection(option: str, pairs: Sequence[str] | None) -> dict[str, str]:
    """Return the value of each dimension as it was typed."""
    chosen: dict[str, str] = {}
    for pair in pairs or ():
        dimension, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"{option} {pair!r} is no dimension=value, such as level=850")
        if dimension in chosen:
            raise ConfigError(
                f"{option} gives {dimension!r} twice, {chosen[dimension]} and {value}; give it once"
            )
        chosen[dimension] = value
    return chosen
