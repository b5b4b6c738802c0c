"""Evaluates a forecast file against a truth file with every metric and guard."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fieldsharp.core.memory import Use
from fieldsharp.fields.array_axes import FieldPair
from fieldsharp.fields.baseline_pairing import pair_baseline
from fieldsharp.fields.coordinates.grid_geometry import GridGeometry, grid_geometry
from fieldsharp.fields.coordinates.selection import FORECAST_SELECT, TRUTH_SELECT, Selection
from fieldsharp.fields.files.formats import holds_variable, open_dataset, pick_variable
from fieldsharp.fields.masked_statistics import Climatology
from fieldsharp.fields.pairing import FramePairs, pair_frames
from fieldsharp.fields.reading import RAW, RawField, read_forecast, read_raw
from fieldsharp.fields.settings import DataSettings, GridMeasures
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.guards import GuardOutcome, check_guards
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.limits.truth_variation import TruthVariation
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import GuardSettings
from fieldsharp.objectives.verification import Verification
from fieldsharp.objectives.verification_batch import VerificationBatch
from fieldsharp.sweep.trials.file_climatology import (
    FOLLOW_THE_TRUTH,
    LEAST_CLIMATOLOGY_FRAMES,
    file_climatology,
    typical_cells,
)
from fieldsharp.sweep.trials.file_members import MembersOfFile, verify_members
from fieldsharp.sweep.trials.file_sharpening import FileSharpeners, TrainingFiles, as_samples
from fieldsharp.sweep.trials.forecast_series import (
    PartOfForecast,
    check_order_of_series,
    indices_by_lead,
    indices_by_member,
    of_lead,
    one_pair_a_time,
)
from fieldsharp.sweep.trials.frame_order import WHAT_ORDER_NEEDS

BATCH_FRAMES = 64
TRUTH = Use(bytes_a_value=72)
"""Memory for the truth, with a forecast in memory: common frames of both, and the climatology."""
BASELINE = Use(bytes_a_value=24)
"""Memory for the baseline, with both in memory: itself and the paired frames."""
NOT_IN_JSON = (
    *("metrics", "guards", "metric_values", "values_missing", "frames_missing"),
    *("baseline_values", "sharpened", "not_fitted", "by_lead", "by_member", "members"),
)
"""Attributes of an evaluation that are written to JSON in another form or not at all."""


@dataclass(frozen=True)
class NumbersInFiles:
    """What numbers in the files of an evaluation mean, as ``data.*`` says of a sweep.

    Attributes:
        missing_values: Numbers that mark missing values beside those that a file declares.
        allow_fill_like: Whether numbers that look like undeclared fill values are data.
    """

    missing_values: tuple[float, ...] = ()
    allow_fill_like: bool = False

    def settings(self, of_file: DataSettings) -> DataSettings:
        """Return the settings of a file with these."""
        return of_file.model_copy(update=asdict(self))


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
        name, predicted = _read_forecast(forecast, variable, chosen, numbers)
        observed = _read_truth(truth, name, truth_variable, select, numbers)
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
            of_training, predicted_then = _read_forecast(
                sharpen_with.forecast, variable, chosen, numbers, may_lack=True
            )
            observed_then = _read_truth(
                sharpen_with.truth, of_training, truth_variable, select, numbers
            )
        sharpeners = FileSharpeners.fit(
            sharpen_with, predicted_then, observed_then, observed, pairs
        )
        del predicted_then, observed_then
    found = _evaluate(pairs, climatology, sharpeners if baseline is None else None, geometry)
    values = found[NO_SHARPENER]
    baseline_values = None
    compared = pairs
    if baseline is not None:
        _, reference = _read_forecast(baseline, variable, chosen, numbers, BASELINE, may_lack=True)
        of_baseline = pair_baseline(pairs, baseline, reference, observed)
        found = _evaluate(of_baseline, climatology, sharpeners, geometry)
        compared = of_baseline
        baseline_values = found[NO_SHARPENER]
    cells_T = pairs.known_THW.sum(axis=(1, 2))
    variation = _variation(pairs, climatology, geometry)
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
                _evaluate(
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
                len(chosen), _metrics(pairs.take(chosen), climatology, geometry), member=member
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


def _metrics(
    pairs: FramePairs, climatology: Climatology, geometry: GridGeometry | None
) -> Mapping[str, float]:
    return _evaluate(pairs, climatology, None, geometry)[NO_SHARPENER].overall


def _read_forecast(
    path: Path,
    variable: str | None,
    select: Selection,
    numbers: NumbersInFiles,
    use: Use = RAW,
    *,
    may_lack: bool = False,
) -> tuple[str, RawField]:
    """Return the name of a forecast's variable and its frames.

    Args:
        path: The file.
        variable: Name in it; None where it holds one.
        select: One value for each further dimension.
        numbers: Which numbers are missing values.
        use: Memory that its use takes.
        may_lack: Whether the file may lack a dimension that is selected.
    """
    with open_dataset(path, variable) as dataset:
        name = pick_variable(dataset, variable, str(path))
        if may_lack:
            known = {*dataset[name].dims, *dataset[name].coords}
            select = {dim: value for dim, value in select.items() if dim in known}
    settings = DataSettings(path=str(path), variable=name, select=dict(select))
    return name, read_forecast(numbers.settings(settings), FORECAST_SELECT, use)


def _read_truth(
    path: Path,
    forecast_name: str,
    variable: str | None,
    select: Selection | None,
    numbers: NumbersInFiles,
) -> RawField:
    # A bare array is named after its file: a truth that holds one field needs no equal name.
    same = variable or (forecast_name if holds_variable(path, forecast_name) else None)
    chosen = dict(select) if select else {}
    settings = DataSettings(path=str(path), variable=same, select=chosen)
    return read_raw(numbers.settings(settings), TRUTH, option=TRUTH_SELECT)


def _geometry(
    predicted: RawField, observed: RawField, pairs: FramePairs, measures: GridMeasures
) -> GridGeometry | None:
    """Return what the cells measure, by the coordinates of the truth, else of the forecast."""
    of = observed if observed.grid.coords else predicted
    known_HW = np.logical_or.reduce(pairs.known_THW, axis=0)
    return grid_geometry(of.grid, of.dims, known_HW, measures)


def _variation(
    pairs: FramePairs, climatology: Climatology, geometry: GridGeometry | None
) -> FieldVariation:
    """Return how much the truth of the paired frames varies in time."""
    pairs = one_pair_a_time(pairs)
    variation = TruthVariation(len(pairs.known_THW))
    for frames in _frames_by_mask(pairs):
        mask_HW = pairs.known_THW[frames[0]]
        for first in range(0, len(frames), BATCH_FRAMES):
            chunk = frames[first : first + BATCH_FRAMES]
            target_BTCHW = as_samples(pairs.target_THW[chunk], mask_HW)
            batch = VerificationBatch(
                target_BTCHW,
                target_BTCHW,
                None,
                torch.from_numpy(mask_HW),
                climatology,
                geometry=geometry,
            )
            variation.add(batch, torch.tensor(chunk))
    return variation.variation(typical_cells(pairs.target_THW, pairs.known_THW))


def _frames_by_mask(pairs: FramePairs) -> list[list[int]]:
    """Return the frames with the same known cells, by those."""
    frames_by_mask: dict[bytes, list[int]] = {}
    for frame, known_HW in enumerate(pairs.known_THW):
        frames_by_mask.setdefault(known_HW.tobytes(), []).append(frame)
    return list(frames_by_mask.values())


def _evaluate(
    pairs: FramePairs,
    climatology: Climatology,
    sharpeners: FileSharpeners | None,
    geometry: GridGeometry | None,
) -> dict[str, MetricValues]:
    """Return every metric over all frames as they are, by the name none, and under each sharpener.

    Computed in batches of frames with the same known cells.
    """
    names = (NO_SHARPENER, *(sharpeners.parameters if sharpeners else ()))
    verifications = {name: Verification(with_persistence=False) for name in names}
    for frames in _frames_by_mask(pairs):
        mask_HW = pairs.known_THW[frames[0]]
        sharpen = sharpeners.on(mask_HW) if sharpeners else {}
        for first in range(0, len(frames), BATCH_FRAMES):
            chunk = frames[first : first + BATCH_FRAMES]
            batch = VerificationBatch(
                pred_BTCHW=as_samples(pairs.pred_THW[chunk], mask_HW),
                target_BTCHW=as_samples(pairs.target_THW[chunk], mask_HW),
                persistence_BTCHW=None,
                mask_HW=torch.from_numpy(mask_HW),
                climatology=climatology,
                geometry=geometry,
            )
            verifications[NO_SHARPENER].add(batch)
            for name, sharpener in sharpen.items():
                pred_BTCHW = sharpener(batch.pred_BTCHW)
                sharpened = replace(batch, pred_BTCHW=pred_BTCHW, known_truth=batch.truth)
                verifications[name].add(sharpened)
    return {name: found.metric_values() for name, found in verifications.items()}
