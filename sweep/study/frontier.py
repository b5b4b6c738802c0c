"""The frontier of a study: the least RMSE at each sharpness, in the units trials are given in."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from optuna.trial import FrozenTrial

from fieldsharp.objectives.frontier.frontier import Frontier
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.study.trial_records import TrialRecord, trial_record


@dataclass(frozen=True)
class StudyFrontier:
    """The frontier of a baseline, validation split.

    Attributes:
        frontier: RMSE in units of the field, by share of the observed gradient.
        gradient_observed: Observed mean gradient, units per cell.
        baseline_rmse: RMSE of the baseline, in units of the field.
    """

    frontier: Frontier
    gradient_observed: float
    baseline_rmse: float

    @classmethod
    def of(cls, baseline: TrialRecord | None) -> "StudyFrontier | None":
        """Return the frontier of a baseline; None if it has none."""
        if baseline is None or baseline.frontier is None:
            return None
        observed = baseline.metrics.get("gradient_observed", 0.0)
        if not observed > 0:
            return None
        return cls(baseline.frontier, observed, baseline.metrics["rmse"])

    def excess(self, rmse: float, gradient: float) -> float:
        """Return the RMSE of a forecast minus the least at its gradient, in units of the field.

        Below 0 for a forecast that is better than the frontier of the baseline allows.
        """
        return rmse - self.frontier.rmse_at(gradient / self.gradient_observed)


def study_frontier(baseline: FrozenTrial | None) -> StudyFrontier | None:
    """Return the frontier of a study with this baseline; None where it is not known."""
    return StudyFrontier.of(trial_record(baseline) if baseline is not None else None)


def excess_over(bound: StudyFrontier | None, metrics: Mapping[str, float]) -> float | None:
    """Return the RMSE of a forecast above the frontier, None where that is not known."""
    return None if bound is None else bound.excess(metrics["rmse"], metrics["gradient"])


def targets_out_of_reach(
    frontier: Frontier, baseline: MetricValues, targets: Targets, rmse_multiples: Sequence[float]
) -> list[str]:
    """Return sentences where the target of the gradient costs more RMSE than is allowed.

    Over all leads or at one of them; none where no gradient is observed.

    Args:
        frontier: Of the baseline.
        baseline: Its metrics.
        targets: Of the same split.
        rmse_multiples: Largest RMSE allowed at each lead, as a multiple of the baseline's.
    """
    observed = baseline.overall.get("gradient_observed", 0.0)
    if not observed > 0:
        return []
    rmses = baseline.by_lead["rmse"]
    by_lead = [multiple * rmse for multiple, rmse in zip(rmse_multiples, rmses, strict=True)]
    return frontier.out_of_reach(
        targets.gradient.low / observed,
        math.sqrt(fmean(limit**2 for limit in by_lead)),  # leads weigh alike in the mean square
        by_lead if len(by_lead) == len(frontier.by_lead) else None,
    )
