"""Evaluates a forecast file against a truth file with every metric and guard."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fieldsharp.fields.array_axes import FieldPair
from fieldsharp.fields.baseline_pairing import pair_baseline
from fieldsharp.fields.coordinates.grid_geometry import GridGeometry, grid_geometry
from fieldsharp.fields.coordinates.selection import Selection
from fieldsharp.fields.pairing import FramePairs, pair_frames
from fieldsharp.fields.reading import RawField
from fieldsharp.fields.settings import GridMeasures
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.guards import GuardOutcome, check_guards
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import GuardSettings
from fieldsharp.sweep.trials.file_climatology import (
    FOLLOW_THE_TRUTH,
    LEAST_CLIMATOLOGY_FRAMES,
    file_climatology,
)
from fieldsharp.sweep.trials.file_fields import (
    BASELINE,
    NumbersInFiles,
    read_forecast_file,
    read_truth_file,
)
from fieldsharp.sweep.trials.file_members import MembersOfFile, verify_members
from fieldsharp.sweep.trials.file_metrics import (
    evaluate_frames,
    metrics_of_frames,
    variation_of_truth,
)
from fieldsharp.sweep.trials.file_sharpening import FileSharpeners, TrainingFiles
from fieldsharp.sweep.trials.forecast_series import (
    PartOfForecast,
    check_order_of_series,
    indices_by_lead,
    indices_by_member,
    of_lead,
)
from fieldsharp.sweep.trials.frame_order import WHAT_ORDER_NEEDS

NOT_IN_JSON = (
    *("metrics", "guards", "metric_values", "values_missing", "frames_missing"),
    *("baseline_values", "sharpened", "not_fitted", "by_lead", "by_member", "members"),
)
"""Attributes of an evaluation that are written to JSON in another form or not at all."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a forecast file, and what they were computed from.

    Attributes:
        metrics: By name, physical units, over all paired frames.
        guards: Outcome of each guard that could be evaluated.
        climatology: Description of the reference of anomalies: each cell's mean over the truth
            file, or the mean of all cells if the file is short.
        units: Of the field in the truth file.
        frames: Number of paired frames.
        frames_too_sparse: Frames left out because they have values in less than half the cells
            of the fullest frame, or in no cell with all its neighbours: all frames weigh the
            same, so one with a few cells would dominate.
        frames_without_truth: Frames of the forecast that the truth does not have.
        cells: Most cells in any paired frame.
        cells_least: Fewest cells in any paired frame.
        metric_values: The metrics as guards and scores use them.
        values_missing: Values in common frames that only the truth has.
        frames_missing: Frames with values in the truth that the forecast does not have.
        frames_fitted_on: Paired frames that sharpeners were fitted on.
        baseline_values: The metrics of the baseline, of the forecast itself where none is given.
        sharpened: The metrics of the baseline under each sharpener, by its name.
        not_fitted: Why other sharpeners could not be fitted, by name.
        gradient_per: Unit of length of gradients: cell or km.
        grid_notes: How cells are weighted and distances are known, a sentence each; none by
            default.
        by_lead: The metrics of each lead, from the shortest; none where there are not several.
        by_member: The metrics of each member; none where there are not several.
        members: The scores of the members together; None where there are not several.
        converted: A sentence for each file that was converted into the units of the truth.
        by_position: A sentence for each axis whose cells were paired by position.
    """

    metrics: dict[str, float]
    guards: list[GuardOutcome]
    climatology: str
    variable: str
    units: str
    frames: int
    frames_too_sparse: int
    frames_without_truth: int
    cells: int
    cells_least: int
    metric_values: MetricValues
    values_missing: int
    frames_missing: int
    frames_fitted_on: int = 0
    baseline_values: MetricValues | None = None
    sharpened: Mapping[str, MetricValues] = field(default_factory=dict)
    not_fitted: Mapping[str, str] = field(default_factory=dict)
    gradient_per: str = "cell"
    grid_notes: tuple[str, ...] = ()
    by_lead: tuple[PartOfForecast, ...] = ()
    by_member: tuple[PartOfForecast, ...] = ()
    members: MembersOfFile | None = None
    converted: tuple[str, ...] = ()
    by_position: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return one flat mapping of plain values, and a list of leads and members beside it."""
        facts = {k: v for k, v in asdict(self).items() if k not in NOT_IN_JSON}
        guards = {guard.name: guard.as_json() for guard in self.guards}
        parts: dict[str, Any] = {}
        if self.by_lead:
            parts["by_lead"] = [
                {"lead": p.lead, "lead_hours": p.lead_hours, **_of_part(p)} for p in self.by_lead
            ]
        if self.by_member:
            parts["by_member"] = [{"member": p.member, **_of_part(p)} for p in self.by_member]
        if self.members is not None:
            parts["ensemble"] = self.members.as_json()
        return {**_without_nan(self.metrics), **facts, "guards": guards, **parts}


def evaluate_files(
    forecast: Path,
    truth: Path,
    variable: str | None = None,
    truth_variable: str | None = None,
    select: Selection | None = None,
    baseline: Path | None = None,
    limits: GuardSettings | None = None,
    sharpen_with: TrainingFiles | None = None,
    measures: GridMeasures | None = None,
    forecast_select: Selection | None = None,
    numbers: NumbersInFiles | None = None,
    fields: FieldPair | None = None,
) -> Evaluation:
    """Evaluate a forecast at common times, in each frame on the cells with a value in both files.

    Every frame of a forecast, of each reference time, lead and member, is compared with the truth
    at the time that it holds for, and weighs the same.

    With training files the baseline, or where none is given the forecast itself, is evaluated under
    each sharpener too. They are fitted once for the frames of all leads and members, and applied in
    each frame to the cells that it knows.

    Args:
        forecast: NetCDF, Zarr, .npy or .npz.
        truth: The same, on the same grid.
        variable: Name in the forecast; None where it holds one.
        truth_variable: Name in the truth; None where it is the same, or the only one.
        select: One value for each dimension of the truth beyond time, y and x: of members too.
        baseline: Forecast of the same predictor trained with weight 0, for guards relative to it.
        limits: Limits of the guards.
        sharpen_with: Files that sharpeners are fitted on.
        measures: What is taken from the coordinates of the grid; None for nothing.
        forecast_select: One value for each dimension of the forecast beyond times, members, y and
            x; also of the baseline and the training forecast, where they have that dimension.
        numbers: Which numbers in the files are missing values; by default those declared.
        fields: The forecast and the truth where they are read already, from arrays with axes; of
            these each lead is evaluated under each sharpener too.

    Raises:
        ConfigError: If gradients per km are asked for on a grid without real distances.
        DataError: If a file cannot be read, or grids, units or times do not match, or training
            files are too short to fit a sharpener on.
        TrainingFailed: If a sharpener cannot be fitted that must be.
    """
    chosen, numbers = forecast_select or {}, numbers or NumbersInFiles()
    if fields is not None:
        predicted, observed = fields.predicted, fields.observed
        name = str(predicted.array.name)
    else:
        name, predicted = read_forecast_file(forecast, variable, chosen, numbers)
        observed = read_truth_file(truth, name, truth_variable, select, numbers)
    climatology, description, settings = file_climatology(observed, limits or GuardSettings())
    pairs = pair_frames(forecast, predicted, truth, observed)
    measures = measures or GridMeasures()
    geometry = _geometry(predicted, observed, pairs, measures)
    sharpeners = None
    if sharpen_with is not None:
        if sharpen_with.fields is not None:
            predicted_then = sharpen_with.fields.predicted
            observed_then = sharpen_with.fields.observed
        else:
            of_training, predicted_then = read_forecast_file(
                sharpen_with.forecast, variable, chosen, numbers, may_lack=True
            )
            observed_then = read_truth_file(
                sharpen_with.truth, of_training, truth_variable, select, numbers
            )
        sharpeners = FileSharpeners.fit(
            sharpen_with, predicted_then, observed_then, observed, pairs
        )
        del predicted_then, observed_then
    found = evaluate_frames(pairs, climatology, sharpeners if baseline is None else None, geometry)
    values = found[NO_SHARPENER]
    baseline_values = None
    compared = pairs
    if baseline is not None:
        _, reference = read_forecast_file(
            baseline, variable, chosen, numbers, BASELINE, may_lack=True
        )
        of_baseline = pair_baseline(pairs, baseline, reference, observed)
        found = evaluate_frames(of_baseline, climatology, sharpeners, geometry)
        compared = of_baseline
        baseline_values = found[NO_SHARPENER]
    cells_T = pairs.known_THW.sum(axis=(1, 2))
    variation = variation_of_truth(pairs, climatology, geometry)
    guards = check_guards(values, settings, baseline_values, variation)
    if len(observed.values_THW) < LEAST_CLIMATOLOGY_FRAMES:
        guards = [guard for guard in guards if guard.name not in FOLLOW_THE_TRUTH]
    order = check_order_of_series(pairs)
    if order is None:
        description += f"; the guard order is left out, {WHAT_ORDER_NEEDS}"
    return Evaluation(
        metrics=values.overall,
        guards=guards if order is None else [*guards, order],
        climatology=description,
        variable=name,
        units=str(observed.array.attrs.get("units", "")),
        frames=len(cells_T),
        frames_too_sparse=pairs.too_sparse,
        frames_without_truth=len(predicted.time) - pairs.common,
        cells=int(cells_T.max()),
        cells_least=int(cells_T.min()),
        metric_values=values,
        values_missing=pairs.missing,
        frames_missing=pairs.frames_missing,
        frames_fitted_on=sharpeners.fitted_on if sharpeners else 0,
        baseline_values=baseline_values or values,
        sharpened={name: found[name] for name in (sharpeners.parameters if sharpeners else ())},
        not_fitted=sharpeners.not_fitted if sharpeners else {},
        gradient_per=measures.per,
        grid_notes=geometry.notes if geometry else (),
        by_lead=tuple(
            of_lead(
                lead,
                len(chosen),
                evaluate_frames(
                    pairs.take(chosen),
                    climatology,
                    sharpeners if fields is not None else None,
                    geometry,
                ),
            )
            for lead, chosen in indices_by_lead(pairs).items()
        ),
        by_member=tuple(
            PartOfForecast(
                len(chosen),
                metrics_of_frames(pairs.take(chosen), climatology, geometry),
                member=member,
            )
            for member, chosen in indices_by_member(pairs).items()
        ),
        members=verify_members(pairs, geometry),
        converted=compared.converted + (sharpeners.converted if sharpeners else ()),
        by_position=compared.by_position,
    )


def _without_nan(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """JSON has no NaN: an undefined metric is null."""
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}


def _of_part(part: PartOfForecast) -> dict[str, Any]:
    return {"frames": part.frames, **_without_nan(part.metrics)}


def _geometry(
    predicted: RawField, observed: RawField, pairs: FramePairs, measures: GridMeasures
) -> GridGeometry | None:
    """Return what the cells measure, by the coordinates of the truth, else of the forecast."""
    of = observed if observed.grid.coords else predicted
    known_HW = np.logical_or.reduce(pairs.known_THW, axis=0)
    return grid_geometry(of.grid, of.dims, known_HW, measures)
