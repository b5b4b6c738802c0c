"""Metrics of a script's forecast: from its files, or from its output."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fieldsharp.core.errors import DataError, FieldsharpError, TrainingFailed
from fieldsharp.fields.settings import GridMeasures
from fieldsharp.objectives.guards import GUARDS
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.storage.durable_files.regular_files import read_bounded
from fieldsharp.sweep.configuration.script_settings import NEEDED, ScriptSettings
from fieldsharp.sweep.execution.script.launch import expand_project
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
    """

    judgement: MetricValues
    sharpened: Mapping[str, MetricValues] = field(default_factory=dict)


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
    reported = {name: _as_number(name, text, "printed") for name, text in printed.items()}
    if settings.metrics is not None:
        reported |= _read_metrics(folder / settings.metrics, settings.metrics)
    found = None
    if settings.forecast is not None:
        found = _evaluate_forecast(settings, folder, plan, measures)
    if found is None:
        return ScriptResults(_with_reported(settings, reported, None))
    judgement = _with_reported(settings, reported, _without_undefined(found.metric_values))
    # What the script says of its forecast still guards it under a sharpener, and is nothing else.
    guarding = {name: v for name, v in reported.items() if name in _GUARDED}
    sharpened = {
        name: _with_reported(settings, guarding, _without_undefined(values))
        for name, values in found.sharpened.items()
        if all(abs(values.overall[needed]) < LARGEST for needed in NEEDED)
    }
    return ScriptResults(judgement, sharpened)


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
    assert settings.truth is not None, "validated"
    forecast, truth = _written(settings, folder, settings.forecast, settings.truth)
    sharpen_with = None
    if settings.training_forecast is not None and plan.names:
        assert settings.training_truth is not None, "validated"
        then = _written(settings, folder, settings.training_forecast, settings.training_truth)
        sharpen_with = TrainingFiles(*then, plan)
    try:
        found = evaluate_files(
            forecast,
            truth,
            settings.variable,
            settings.truth_variable,
            sharpen_with=sharpen_with,
            measures=measures,
        )
    except FieldsharpError as error:
        message = str(error).replace(f"{folder}{os.sep}", "")  # the names in the configuration
        raise DataError(f"{settings.forecast} cannot be evaluated: {message}") from error
    if found.frames_missing:
        raise DataError(
            f"{settings.forecast} lacks {found.frames_missing} of the times that {settings.truth} "
            "has, and trials are compared on all of them; write every one, or a truth of the "
            "forecast's times alone"
        )
    if found.values_missing:
        raise DataError(
            f"{settings.forecast} has no value where the truth has one, {found.values_missing} "
            "times; write a number in every cell and frame that the truth knows"
        )
    if found.frames_without_truth:
        raise DataError(
            f"{settings.forecast} has {found.frames_without_truth} frames of times that "
            f"{settings.truth} does not have; write the times of the truth"
        )
    if found.frames_fitted_on:
        raise DataError(
            f"{settings.training_forecast} has {found.frames_fitted_on} times of "
            f"{settings.forecast}, and a sharpener is not fitted on what it is judged on; write a "
            "forecast of training frames alone"
        )
    for name in _REQUIRED_FINITE & found.metrics.keys():
        observed = [g.observed for g in GUARDS.values() if g.metric == name and g.observed]
        if any(math.isnan(found.metrics.get(metric, 0.0)) for metric in observed):
            continue  # the truth's is undefined too: the guard is skipped
        _require_finite(name, found.metrics[name])
    return found


def _written(
    settings: ScriptSettings, folder: Path, forecast_name: str, truth_name: str
) -> tuple[Path, Path]:
    """Return the paths of a forecast and its truth.

    Raises:
        TrainingFailed: If one of them is missing.
        DataError: If the forecast lies elsewhere or is the truth.
    """
    forecast, truth = folder / forecast_name, folder / expand_project(truth_name, settings)
    for path, name in ((forecast, forecast_name), (truth, truth_name)):
        if not path.exists():
            raise TrainingFailed(
                f"the script ended without an error and there is no file {name}; write it, or name "
                "the one that it writes"
            )
    if not forecast.resolve().is_relative_to(folder.resolve()):
        raise DataError(
            f"{forecast_name} is a link to {forecast.resolve()}, outside the folder of the "
            "trial; have the script write it there"
        )
    if forecast.samefile(truth) and settings.variable == settings.truth_variable:
        raise DataError(
            f"{forecast_name} and the truth are the same file; write the forecast to another"
        )
    return forecast, truth


def _without_undefined(values: MetricValues) -> MetricValues:
    """Return the metrics without those that are undefined on so few frames."""
    overall = {name: v for name, v in values.overall.items() if math.isfinite(v)}
    by_lead = {name: v for name, v in values.by_lead.items() if name in overall}
    return MetricValues(overall=overall, by_lead=by_lead)


def _read_metrics(path: Path, name: str) -> dict[str, float]:
    """Return the numbers in a metrics file; other values are skipped."""
    try:
        tree = json.loads(read_bounded(path, MOST_BYTES))
    except FileNotFoundError:
        raise TrainingFailed(
            f"the script ended without an error and there is no file {name}; write it, or name the "
            "one that it writes"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        message = " ".join(str(error).split())[:200]
        raise DataError(f"{name} cannot be read as JSON ({message}); write it whole") from error
    if not isinstance(tree, dict):
        raise DataError(
            f"{name} holds a {type(tree).__name__}; write an object of numbers such as "
            '{"gradient": 2.1, "peak": 112, "rmse": 0.4}'
        )
    return {
        key: _as_number(key, value, f"in {name}")
        for key, value in tree.items()
        if key in NEEDED or (_is_number(value) and math.isfinite(value))
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_number(name: str, value: object, where: str) -> float:
    try:
        if (isinstance(value, str) and "_" not in value) or _is_number(value):
            return float(value)  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        pass
    raise DataError(f"the {name} {where} is {str(value)[:100]!r}, which is no number")


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
        settings.metrics or "trainer.metrics"
    )
