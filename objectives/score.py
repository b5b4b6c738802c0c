"""The score of a forecast: its distance from the targets and its cost in accuracy."""

from collections.abc import Mapping
from dataclasses import dataclass

from fieldsharp.objectives.targets import Targets


@dataclass(frozen=True)
class Score:
    """0 is perfect; to be minimised.

    Attributes:
        gradient: Band distance of the predicted gradient.
        peak: Band distance of the predicted peak above the observed mean.
        rmse: Weighted excess of the RMSE over the baseline's.
    """

    total: float
    gradient: float
    peak: float
    rmse: float


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
    return Score(total=gradient + peak + rmse, gradient=gradient, peak=peak, rmse=rmse)
