"""The data of the picture of RMSE against sharpness: a study's forecasts and its frontier."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from fieldsharp.objectives.frontier.frontier import FrontierCurve
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.per_variable import named
from fieldsharp.objectives.targets import Band
from fieldsharp.sweep.study.sharpening_records import SharpenedForecast
from fieldsharp.sweep.study.trial_records import (
    complete_baseline,
    is_feasible,
    trial_record,
    was_run,
)

Shares = tuple[float, float]
"""The gradient over the observed, and the RMSE over the baseline's."""


@dataclass(frozen=True)
class SharpnessPoint:
    """A forecast in the picture.

    Attributes:
        name: Written beside it.
        at: Where it is drawn.
        feasible: Whether it breaks no guard.
    """

    name: str
    at: Shares
    feasible: bool


@dataclass(frozen=True)
class SharpnessSource:
    """What the picture of a study is drawn from.

    Attributes:
        curve: The frontier over all leads, RMSE in units of the field; None if not known.
        baseline_rmse: In the same units.
        baseline: As it is.
        references: The baseline under each sharpener.
        trials: The other complete trials, by number.
        target: The ends of the target band, over the observed gradient.
    """

    curve: FrontierCurve | None
    baseline_rmse: float
    baseline: SharpnessPoint
    references: Sequence[SharpnessPoint]
    trials: Mapping[int, SharpnessPoint]
    target: Shares


def sharpness_source(
    trials: Sequence[FrozenTrial], target: Band, variable: str = ""
) -> SharpnessSource | None:
    """Return what the picture of a study is drawn from, at little cost.

    None before the baseline is complete, or where the observed gradient is not known. No record
    but the baseline's is validated.

    Args:
        trials: All of the study.
        target: Of the gradient.
        variable: Of which alone; one of several that are predicted, or the only one.
    """
    baseline = complete_baseline(trials)
    record = trial_record(baseline) if baseline is not None else None
    if baseline is None or record is None:
        return None
    of = variable if variable in record.judgement.others else ""
    record = record.of(variable)
    observed, rmse = record.metrics.get("gradient_observed", 0.0), record.metrics["rmse"]
    if not (observed > 0 and rmse > 0):
        return None
    found = {}
    for trial in trials:
        if trial.state is not TrialState.COMPLETE or trial is baseline or not was_run(trial):
            continue
        figures = [_figure(trial, named(of, name)) for name in ("gradient", "rmse")]
        at = (figures[0] / observed, figures[1] / rmse)
        if all(map(math.isfinite, at)):
            name = f"trial {trial.number}"
            found[trial.number] = SharpnessPoint(name, at, is_feasible(trial))
    return SharpnessSource(
        curve=record.frontier.overall if record.frontier is not None else None,
        baseline_rmse=rmse,
        baseline=SharpnessPoint("baseline", _shares(record.judgement, observed, rmse), True),
        references=reference_points(record.references, observed, rmse),
        trials=found,
        target=(target.low / observed, target.high / observed),
    )


def reference_points(
    references: Sequence[SharpenedForecast], gradient_observed: float, baseline_rmse: float
) -> list[SharpnessPoint]:
    """Return the points of a baseline's references."""
    return [
        SharpnessPoint(
            one.name, _shares(one.judgement, gradient_observed, baseline_rmse), one.feasible
        )
        for one in references
    ]


def _shares(values: MetricValues, gradient_observed: float, baseline_rmse: float) -> Shares:
    overall = values.overall
    return overall["gradient"] / gradient_observed, overall["rmse"] / baseline_rmse


def _figure(trial: FrozenTrial, name: str) -> float:
    value = trial.user_attrs.get(name)
    return float(value) if isinstance(value, int | float) else math.nan
