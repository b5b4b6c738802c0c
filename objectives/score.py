"""The score of a forecast: its distance from the targets and its cost in accuracy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean

from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.targets import Targets


@dataclass(frozen=True)
class Score:
    """0 is perfect; to be minimised.

    Attributes:
        gradient: Band distance of the predicted gradient.
        peak: Band distance of the predicted peak above the observed mean.
        rmse: Weighted excess of the RMSE over the baseline's.
        off_centre: Distance of gradient and peak from the centres of their bands, no part of the
            total: it tells forecasts apart that lie inside.
        by_variable: The scores whose mean this is; none of a single variable.
    """

    total: float
    gradient: float
    peak: float
    rmse: float
    off_centre: float = 0.0
    by_variable: Mapping[str, "Score"] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, float]:
        """The terms of the total, by name."""
        return {"gradient": self.gradient, "peak": self.peak, "rmse": self.rmse}


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
    gradient = targets.gradient.distance(metrics["gradient"])
    peak = targets.peak.distance(metrics["peak"])
    excess = metrics["rmse"] / baseline_rmse - 1.0 if baseline_rmse > 0 else 0.0
    rmse = rmse_weight * max(0.0, excess)
    off_centre = targets.gradient.off_centre(metrics["gradient"]) + targets.peak.off_centre(
        metrics["peak"]
    )
    return Score(gradient + peak + rmse, gradient, peak, rmse, off_centre)


def score_values(
    values: MetricValues, targets: Targets, baseline: MetricValues, rmse_weight: float
) -> Score:
    """Return the score of a forecast: of several variables the mean of their scores.

    Args:
        values: Every metric.
        targets: The bands.
        baseline: Metrics of the same predictor trained with weight 0.
        rmse_weight: Cost of doubling the RMSE.
    """
    scores = {
        name: score_forecast(
            values.of(name).overall, one, baseline.of(name).overall["rmse"], rmse_weight
        )
        for name, one in targets.by_variable.items()
    }
    found = list(scores.values())
    if len(found) == 1:
        return found[0]
    return Score(
        total=fmean(one.total for one in found),
        gradient=fmean(one.gradient for one in found),
        peak=fmean(one.peak for one in found),
        rmse=fmean(one.rmse for one in found),
        off_centre=fmean(one.off_centre for one in found),
        by_variable=scores,
    )
