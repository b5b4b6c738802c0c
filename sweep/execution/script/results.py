"""Metrics of a script's forecast: from its files, or from its output."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fieldsharp.core.errors import DataError, FieldsharpError, TrainingFailed
from fieldsharp.fields.array_axes import FieldPair, pair_of_arrays
from fieldsharp.fields.settings import GridMeasures
from fieldsharp.objectives.guard_table import GUARDS
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.storage.durable_files.regular_files import read_bounded
from fieldsharp.sweep.configuration.script_results import (
    FieldFile,
    MetricsFile,
    field_file,
    path_of,
)
from fieldsharp.sweep.configuration.script_settings import NEEDED, ScriptSettings
from fieldsharp.sweep.execution.script.arrays import open_array
from fieldsharp.sweep.execution.script.metric_rows import (
    as_number,
    is_number,
    is_rows,
    last_values,
    read_rows,
)
from fieldsharp.sweep.execution.script.written_files import newest
from fieldsharp.sweep.trials.file_evaluation import Evaluation, evaluate_files
from fieldsharp.sweep.trials.file_sharpening import TrainingFiles
from fieldsharp.sweep.trials.sharpening import SharpeningPlan

MOST_BYTES = 1_000_000
"""Of a file with metrics."""
LARGEST = 1e30
"""Of a metric; a score of larger ones would overflow."""
NEVER_NEGATIVE = ("gradient", "rmse")
_GUARDED = {guard.metric for guard in GUARDS.values()}
_REQUIRED_FINITE = {*NEEDED, *_GUARDED}


@dataclass(frozen=True)
class ScriptResults:
    """The metrics of a script's forecast.

    Attributes:
        judgement: Of the forecast as the script wrote it.
        sharpened: Of the same forecast under each sharpener.
        reported: What the script itself says of them.
    """

    judgement: MetricValues
    sharpened: Mapping[str, MetricValues] = field(default_factory=dict)
    reported: Mapping[str, float] = field(default_factory=dict)


def evaluate_results(
    settings: ScriptSettings,
    folder: Path,
    printed: Mapping[str, str],
    plan: SharpeningPlan,
    measures: GridMeasures | None = None,
) -> ScriptResults:
    """Return the metrics of a script's forecast.

    Metrics computed here from its forecast file come first, then those in its metrics file, then
    those it printed.

    Args:
        settings: Of the script.
        folder: It ran in.
        printed: What it printed of each metric.
        plan: Which sharpeners are tried, if it writes a forecast of training frames.
        measures: What is taken from the coordinates of its truth; None for nothing.

    Raises:
        FieldsharpError: If a metric that the score needs is missing or is no number.
    """
    reported = {name: as_number(name, text, "printed") for name, text in printed.items()}
    if settings.metrics is not None:
        reported |= _file_metrics(settings, folder)
    found = None
    if settings.forecast is not None:
        found = _evaluate_forecast(settings, folder, plan, measures)
    if found is None:
        return ScriptResults(_with_reported(settings, reported, None), reported=reported)
    values = found.metric_values
    if field_file(settings.forecast or "").axes is not None:
        values = _by_lead(values, [part.metrics for part in found.by_lead])
    judgement = _with_reported(settings, reported, _without_undefined(values))
    # What the script says of its forecast still guards it under a sharpener, and is nothing else.
    guarding = {name: v for name, v in reported.items() if name in _GUARDED}
    sharpened = {
        name: _with_reported(
            settings,
            guarding,
            _without_undefined(
                _by_lead(
                    values,
                    [part.sharpened[name] for part in found.by_lead if name in part.sharpened],
                )
            ),
        )
        for name, values in found.sharpened.items()
        if all(abs(values.overall[needed]) < LARGEST for needed in NEEDED)
    }
    return ScriptResults(judgement, sharpened, reported)


def _with_reported(
    settings: ScriptSettings, reported: Mapping[str, float], computed: MetricValues | None
) -> MetricValues:
    """Return computed metrics, with those of the script that are not among them.

    Raises:
        TrainingFailed: If one that the score needs is missing or is no number.
    """
    overall = {**reported, **(computed.overall if computed is not None else {})}
    missing = [name for name in NEEDED if name not in overall]
    if missing:
        raise TrainingFailed(_describe_missing(settings, missing))
    for name in NEEDED:
        _require_finite(name, overall[name])
    if computed is None:
        return MetricValues(overall=overall, by_lead={name: [v] for name, v in overall.items()})
    by_lead = {name: values for name, values in computed.by_lead.items() if name in overall}
    constant = {name: [v] * computed.leads for name, v in reported.items() if name not in by_lead}
    return MetricValues(overall=overall, by_lead={**by_lead, **constant})


def _evaluate_forecast(
    settings: ScriptSettings, folder: Path, plan: SharpeningPlan, measures: GridMeasures | None
) -> Evaluation:
    assert settings.forecast is not None, "checked by the caller"
    ours, theirs = field_file(settings.forecast), field_file(settings.truth or "")
    forecast, truth = _written(settings, folder, ours, theirs)
    training = None
    if settings.training_forecast is not None and plan.names:
        training = field_file(settings.training_forecast), field_file(settings.training_truth or "")
        files = _written(settings, folder, *training)
    try:
        sharpen_with = None
        if training is not None:
            fields = _fields(settings, files, training, "training_")
            sharpen_with = TrainingFiles(*files, plan, fields)
        found = evaluate_files(
            forecast,
            truth,
            ours.key or settings.variable,
            theirs.key or settings.truth_variable,
            dict(theirs.select) or None,
            sharpen_with=sharpen_with,
            measures=measures,
            forecast_select=dict(ours.select) or None,
            fields=_fields(settings, (forecast, truth), (ours, theirs)),
        )
    except FieldsharpError as error:
        message = str(error).replace(f"{folder}{os.sep}", "")  # the names in the configuration
        raise DataError(f"{ours.path} cannot be evaluated: {message}") from error
    if found.frames_missing:
        raise DataError(
            f"{ours.path} lacks {found.frames_missing} of the times that {theirs.path} "
            "has, and trials are compared on all of them; write every one, or a truth of the "
            "forecast's times alone"
        )
    if found.values_missing:
        raise DataError(
            f"{ours.path} has no value where the truth has one, {found.values_missing} "
            "times; write a number in every cell and frame that the truth knows"
        )
    if found.frames_without_truth:
        raise DataError(
            f"{ours.path} has {found.frames_without_truth} frames of times that "
            f"{theirs.path} does not have; write the times of the truth"
        )
    if found.frames_fitted_on:
        raise DataError(
            f"{path_of(settings.training_forecast or '')} has {found.frames_fitted_on} times of "
            f"{ours.path}, and a sharpener is not fitted on what it is judged on; write a "
            "forecast of training frames alone"
        )
    for name in _REQUIRED_FINITE & found.metrics.keys():
        observed = [g.observed for g in GUARDS.values() if g.metric == name and g.observed]
        if any(math.isnan(found.metrics.get(metric, 0.0)) for metric in observed):
            continue  # the truth's is undefined too: the guard is skipped
        _require_finite(name, found.metrics[name])
    return found


def _fields(
    settings: ScriptSettings,
    paths: tuple[Path, Path],
    files: tuple[FieldFile, FieldFile],
    prefix: str = "",
) -> FieldPair | None:
    """Return a forecast and its truth if the settings name their axes; else None."""
    if files[0].axes is None:
        return None
    names = (settings.variable, settings.truth_variable or settings.variable)
    forecast, truth = (
        open_array(path, file, f"trainer.{prefix}{what}", name)
        for path, file, what, name in zip(paths, files, ("forecast", "truth"), names, strict=True)
    )
    return pair_of_arrays(forecast, truth)


def _by_lead(values: MetricValues, leads: Sequence[Mapping[str, float]]) -> MetricValues:
    """Return metrics with those of each lead, where there are several."""
    if not leads:
        return values
    by_lead = {name: [lead[name] for lead in leads] for name in values.overall}
    return values.model_copy(update={"by_lead": by_lead})


def _written(
    settings: ScriptSettings, folder: Path, ours: FieldFile, theirs: FieldFile
) -> tuple[Path, Path]:
    """Return the paths of a forecast and its truth.

    Raises:
        TrainingFailed: If one of them is missing.
        DataError: If the forecast lies elsewhere or is the truth.
    """
    forecast, truth = (newest(folder, file.path, settings) for file in (ours, theirs))
    if not forecast.resolve().is_relative_to(folder.resolve()):
        raise DataError(
            f"{ours.path} is a link to {forecast.resolve()}, outside the folder of the "
            "trial; have the script write it there"
        )
    keys = ours.key or settings.variable, theirs.key or settings.truth_variable
    if forecast.samefile(truth) and keys[0] == keys[1] and ours.select == theirs.select:
        raise DataError(
            f"{ours.path} and the truth are the same file; write the forecast to another"
        )
    return forecast, truth


def _without_undefined(values: MetricValues) -> MetricValues:
    """Return the metrics without those that are undefined on so few frames."""
    overall = {name: v for name, v in values.overall.items() if math.isfinite(v)}
    by_lead = {name: v for name, v in values.by_lead.items() if name in overall}
    return MetricValues(overall=overall, by_lead=by_lead)


def _file_metrics(settings: ScriptSettings, folder: Path) -> dict[str, float]:
    """Return the metrics in the file that the settings name."""
    assert settings.metrics is not None, "checked by the caller"
    name = path_of(settings.metrics)
    path = newest(folder, name, settings)
    shown = os.path.relpath(path, folder)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DataError(
            f"{name} is a link to {path.resolve()}, outside the folder of the trial; have the "
            "script write it there"
        )
    if isinstance(settings.metrics, MetricsFile):
        return last_values(read_rows(path), settings.metrics.names, shown)
    if not is_rows(path.name):
        return _read_metrics(path, name)
    rows = read_rows(path)
    columns = {column for row in rows for column in row}
    wanted = [metric for metric in sorted(_REQUIRED_FINITE) if metric in columns]
    return last_values(rows, {metric: metric for metric in wanted}, shown)


def _read_metrics(path: Path, name: str) -> dict[str, float]:
    """Return the numbers in a JSON file; other values are skipped."""
    try:
        tree = json.loads(read_bounded(path, MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        message = " ".join(str(error).split())[:200]
        raise DataError(f"{name} cannot be read as JSON ({message}); write it whole") from error
    if not isinstance(tree, dict):
        raise DataError(
            f"{name} holds a {type(tree).__name__}; write an object of numbers such as "
            '{"gradient": 2.1, "peak": 112, "rmse": 0.4}'
        )
    return {
        key: as_number(key, value, f"in {name}")
        for key, value in tree.items()
        if key in NEEDED or (is_number(value) and math.isfinite(value))
    }


def _require_finite(name: str, value: float) -> None:
    if name in NEVER_NEGATIVE and value < 0:
        raise TrainingFailed(
            f"the {name} is {value:g}, and it cannot be negative: check what the script writes"
        )
    if not abs(value) < LARGEST:
        raise TrainingFailed(
            f"the {name} of the forecast is {value:g}: the training diverged, or the "
            "file holds no forecast"
        )


def _describe_missing(settings: ScriptSettings, missing: list[str]) -> str:
    names = " and ".join(missing)
    unmatched = [name for name in missing if name in settings.patterns]
    if unmatched:
        return (
            f"the script printed no line with its {names}: trainer.patterns.{unmatched[0]}, "
            f"{settings.patterns[unmatched[0]]!r}, matches no line; correct the pattern or print it"
        )
    return f"the script reported no {names}, which the score needs; write it to " + (
        path_of(settings.metrics) if settings.metrics else "trainer.metrics"
    )
