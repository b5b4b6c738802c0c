"""What a script leaves behind, as the judgement of its forecast."""

import json
import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from fieldsharp.core.errors import DataError, FieldsharpError, TrainingFailed
from fieldsharp.objectives.guards import GUARDS
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.storage.durable_files.regular_files import read_bounded
from fieldsharp.sweep.configuration.script_settings import NEEDED, ScriptSettings
from fieldsharp.sweep.execution.script.launch import in_full
from fieldsharp.sweep.trials.file_evaluation import evaluate_files

MOST_BYTES = 1_000_000
"""Of a file with metrics."""
LARGEST = 1e30
"""Of a metric; a score made of larger ones would be no number."""
NEVER_NEGATIVE = ("gradient", "rmse")
_WATCHED = {*NEEDED, *(guard.metric for guard in GUARDS.values())}


def forget_results(settings: ScriptSettings, folder: Path) -> None:
    """Remove from a copy of a project what an earlier run left there: it would be taken for new.

    Raises:
        OSError: If it cannot be removed.
    """
    for name in (settings.forecast, settings.metrics):
        if name is None:
            continue
        path = folder / name
        if path.is_file() or path.is_symlink():
            path.unlink()
        elif path.is_dir():
            shutil.rmtree(path)  # such as a Zarr store


def evaluate_results(
    settings: ScriptSettings, folder: Path, printed: Mapping[str, str]
) -> MetricValues:
    """Return what the forecast of a script came to.

    What is taken from its files by this program comes first, then what it wrote, then what it
    printed.

    Args:
        settings: What comes back.
        folder: Where the script ran.
        printed: Numbers that were picked from its output, by metric.

    Raises:
        FieldsharpError: If there is nothing that can be scored, or no number where one is needed.
    """
    told = {name: _as_number(name, text, "printed") for name, text in printed.items()}
    if settings.metrics is not None:
        told |= _written(folder / settings.metrics, settings.metrics)
    judged = _evaluated(settings, folder) if settings.forecast is not None else None
    overall = {**told, **(judged.overall if judged is not None else {})}
    missing = [name for name in NEEDED if name not in overall]
    if missing:
        raise TrainingFailed(_lacks(settings, missing))
    for name in NEEDED:
        _require_finite(name, overall[name])
    if judged is None:
        return MetricValues(overall=overall, by_lead={name: [v] for name, v in overall.items()})
    by_lead = {name: values for name, values in judged.by_lead.items() if name in overall}
    more = {name: [v] * judged.leads for name, v in told.items() if name not in by_lead}
    return MetricValues(overall=overall, by_lead={**by_lead, **more})


def _evaluated(settings: ScriptSettings, folder: Path) -> MetricValues:
    assert settings.forecast is not None, "asked before"
    assert settings.truth is not None, "validated"
    forecast = folder / settings.forecast
    truth = folder / in_full(settings.truth, settings)
    for path, name in ((forecast, settings.forecast), (truth, settings.truth)):
        if not path.exists():
            raise TrainingFailed(
                f"the script ended well and there is no file {name}; have it written, or name the "
                "one that is"
            )
    if not forecast.resolve().is_relative_to(folder.resolve()):
        raise DataError(
            f"{settings.forecast} is a link to {forecast.resolve()}, outside the folder of the "
            "trial; have the script write it there"
        )
    if forecast.samefile(truth) and settings.variable == settings.truth_variable:
        raise DataError(
            f"{settings.forecast} is the truth itself by another name; have a forecast written"
        )
    try:
        found = evaluate_files(forecast, truth, settings.variable, settings.truth_variable)
    except FieldsharpError as error:
        said = str(error).replace(f"{folder}{os.sep}", "")  # the names that the user gave
        raise DataError(f"{settings.forecast} cannot be judged: {said}") from error
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
    for name in _WATCHED & found.metrics.keys():
        observed = [g.observed for g in GUARDS.values() if g.metric == name and g.observed]
        if any(math.isnan(found.metrics.get(metric, 0.0)) for metric in observed):
            continue  # nor is the truth's: the guard is left out
        _require_finite(name, found.metrics[name])
    # A metric that is not defined on so few frames is none.
    overall = {name: v for name, v in found.metrics.items() if math.isfinite(v)}
    by_lead = {name: v for name, v in found.judgement.by_lead.items() if name in overall}
    return MetricValues(overall=overall, by_lead=by_lead)


def _written(path: Path, name: str) -> dict[str, float]:
    """Return the numbers of a file with metrics; what is no number in it is passed over."""
    try:
        tree = json.loads(read_bounded(path, MOST_BYTES))
    except FileNotFoundError:
        raise TrainingFailed(
            f"the script ended well and there is no file {name}; have it written, or name the one "
            "that is"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        words = " ".join(str(error).split())[:200]
        raise DataError(f"{name} cannot be read as JSON ({words}); write it whole") from error
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
            f"the {name} is {value:g}, and none is below 0: another number was taken for it"
        )
    if not abs(value) < LARGEST:
        raise TrainingFailed(
            f"the {name} of the forecast is {value:g}: the training diverged, or something else "
            "than a forecast was written"
        )


def _lacks(settings: ScriptSettings, missing: list[str]) -> str:
    names = " and ".join(missing)
    silent = [name for name in missing if name in settings.patterns]
    if silent:
        return (
            f"the script printed no line with its {names}: trainer.patterns.{silent[0]}, "
            f"{settings.patterns[silent[0]]!r}, is found nowhere; mend the pattern or print it"
        )
    return f"the script told no {names}, without which there is no score; write it to " + (
        settings.metrics or "trainer.metrics"
    )
