"""The score of a forecast: its distance from the targets and its cost in accuracy."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import fmean

from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import Targets


@dataclass(frozen=True)
class Score:
    """0 is perfect; to be minimised.

    Attributes:
        gradient: Band distance of the predicted gradient.
        peak: Band distance of the predicted peak above the observed mean.
        rmse: Weighted excess of the RMSE over the baseline's; 0 of members.
        off_centre: Distance of gradient and peak from the centres of their bands, no part of the
            total: it tells forecasts apart that lie inside.
        by_variable: The scores whose mean this is; none of a single variable.
        crps: Weighted CRPS over that of the best reference; None where members are not judged.
    """

    total: float
    gradient: float
    peak: float
    rmse: float
    off_centre: float = 0.0
    by_variable: Mapping[str, "Score"] = field(default_factory=dict)
    crps: float | None = None

    @property
    def parts(self) -> dict[str, float]:
        """The terms of the total, by name."""
        last = {"rmse": self.rmse} if self.crps is None else {"crps": self.crps}
        return {"gradient": self.gradient, "peak": self.peak, **last}


SHARE_AS_TRAINED = 0.1
"""Of the value of a trial: the score of its forecast as it is, the rest that with its sharpener."""


def trial_value(score: float, as_trained: float) -> float:
    """Return what a search minimises: 0.9 score + 0.1 score without the sharpener.

    A sharpener brings almost any net near 0 on the split that it is chosen on, so that the score
    hardly tells nets apart. How much of the sharpness a net has by itself does, and it carries
    over to new data (decision record 29).
    """
    return (1.0 - SHARE_AS_TRAINED) * score + SHARE_AS_TRAINED * as_trained


def score_forecast(
    metrics: Mapping[str, float], targets: Targets, baseline_rmse: float, rmse_weight: float
) -> Score:
    """Return d(gradient) + d(peak) + rmse_weight max(0, RMSE / RMSE_baseline - 1).

    Args:
        metrics: ``gradient``, ``peak`` and ``rmse``, physical units.
        targets: The bands.
        baseline_rmse: RMSE of the same predictor trained with weight 0.
        rmse_weight: Cost of doubling the RMSE.
    """
    sharpness = _sharpness(metrics, targets)
    excess = metrics["rmse"] / baseline_rmse - 1.0 if baseline_rmse > 0 else 0.0
    rmse = rmse_weight * max(0.0, excess)
    return replace(sharpness, total=sharpness.total + rmse, rmse=rmse)


def score_members(values: MetricValues, targets: Targets, crps: float, crps_weight: float) -> Score:
    """Return d(gradient) + d(peak) + crps_weight CRPS / CRPS of the best reference.

    Never 0: whether members are good enough is said by bands and guards.

    Args:
        values: Of the members; of a single forecast its CRPS is its mean absolute error.
        targets: The bands.
        crps: Fair CRPS of the best ensemble without training.
        crps_weight: Cost of a CRPS as large as that.
    """
    sharpness = _sharpness(values.overall, targets)
    share = crps_weight * (values.crps / crps if crps > 0 else 1.0)
    return replace(sharpness, total=sharpness.total + share, crps=share)


def score_values(
    values: MetricValues,
    targets: Targets,
    baseline: MetricValues,
    objective: ObjectiveSettings,
    crps: Mapping[str, float] | None = None,
) -> Score:
    """Return the score of a forecast: of several variables the mean of their scores.

    Args:
        values: Every metric.
        targets: The bands.
        baseline: Metrics of the same predictor trained with weight 0.
        objective: Weights of the score.
        crps: Fair CRPS of the best ensemble without training, of each variable by name; None where
            members are not judged together.
    """
    found: dict[str, Score] = {}
    for name, one in targets.by_variable.items():
        of_variable = values.of(name)
        if crps is not None:
            found[name] = score_members(of_variable, one, crps[name], objective.crps_weight)
        else:
            baseline_rmse = baseline.of(name).overall["rmse"]
            found[name] = score_forecast(
                of_variable.overall, one, baseline_rmse, objective.rmse_weight
            )
    scores = list(found.values())
    if len(scores) == 1:
        return scores[0]
    return Score(
        total=fmean(one.total for one in scores),
        gradient=fmean(one.gradient for one in scores),
        peak=fmean(one.peak for one in scores),
        rmse=fmean(one.rmse for one in scores),
        off_centre=fmean(one.off_centre for one in scores),
        by_variable=found,
        crps=None if crps is None else fmean(one.crps or 0.0 for one in scores),
    )


def _sharpness(metrics: Mapping[str, float], targets: Targets) -> Score:
    """Return the score of gradient and peak alone."""
    gradient = targets.gradient.distance(metrics["gradient"])
    peak = targets.peak.distance(metrics["peak"])
    off_centre = targets.gradient.off_centre(metrics["gradient"]) + targets.peak.off_centre(
        metrics["peak"]
    )
    return Score(gradient + peak, gradient, peak, 0.0, off_centre)
