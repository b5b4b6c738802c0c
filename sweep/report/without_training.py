"""What sharpeners make of the baseline without any training, beside the chosen trial."""

from collections.abc import Sequence

from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.guards import GuardOutcome
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.pictures.sharpness_source import reference_points
from fieldsharp.sweep.report.model import (
    ComparedForecast,
    Kind,
    WithoutTraining,
    share,
    shares_of_observed,
)
from fieldsharp.sweep.study.frontier import StudyFrontier
from fieldsharp.sweep.study.sharpening_records import (
    SharpenedForecast,
    best_reference,
    best_sharpened,
)
from fieldsharp.sweep.study.trial_records import TrialRecord


def without_training(
    records: dict[Kind, TrialRecord], targets: Targets, why_none: str | None
) -> WithoutTraining | None:
    """Return the comparison; None without a baseline, or where no reference is to be expected.

    Args:
        records: Of the baseline, and of the chosen trial if that is another.
        targets: Of the validation split.
        why_none: Why there are no references, where a user can do something about it.
    """
    baseline = records.get("baseline")
    if baseline is None or not (baseline.references or why_none):
        return None
    compare = _Comparison(baseline, targets)
    best, sharpened = best_reference(baseline.references), best_sharpened(baseline.references)
    chosen = records.get("forecast")
    sharpening = chosen.sharpening if chosen is not None else None
    has_sharpener = sharpening is not None and sharpening.name != NO_SHARPENER
    observed = baseline.metrics.get("gradient_observed")
    return WithoutTraining(
        baseline=compare.forecast(
            "baseline", "", baseline.judgement, baseline.score, baseline.guards
        ),
        references=[compare.sharpened("reference", one.name, one) for one in baseline.references],
        best=best.name if best is not None else "",
        chosen=compare.forecast(
            "forecast",
            sharpening.name if sharpening is not None and has_sharpener else "",
            chosen.judgement,
            chosen.score,
            chosen.guards,
        )
        if chosen is not None
        else None,
        chosen_without=compare.sharpened("forecast", "", sharpening.without)
        if sharpening is not None and has_sharpener
        else None,
        points=reference_points(baseline.references, observed, baseline.metrics["rmse"])
        if observed
        else [],
        best_sharpener=sharpened.name if sharpened is not None else "",
        why_none="" if baseline.references else why_none or "",
    )


class _Comparison:
    """Compares forecasts with a baseline, its observations and its frontier."""

    def __init__(self, baseline: TrialRecord, targets: Targets) -> None:
        self._baseline = baseline
        self._offset = targets.peak.offset
        self._bound = StudyFrontier.of(baseline)

    def sharpened(
        self, kind: Kind, sharpener: str, forecast: SharpenedForecast
    ) -> ComparedForecast:
        return self.forecast(kind, sharpener, forecast.judgement, forecast.score, forecast.guards)

    def forecast(
        self,
        kind: Kind,
        sharpener: str,
        values: MetricValues,
        score: float,
        guards: Sequence[GuardOutcome],
    ) -> ComparedForecast:
        metrics = values.overall
        gradient, peak = shares_of_observed(metrics, self._offset)
        excess = None
        if self._bound is not None and gradient is not None:
            excess = self._bound.frontier.excess(metrics["rmse"], gradient)
        return ComparedForecast(
            kind=kind,
            sharpener=sharpener,
            score=score,
            gradient_share=gradient,
            peak_share=peak,
            rmse_share=share(metrics["rmse"], self._baseline.metrics["rmse"]),
            gradient_correlation=metrics.get("gradient_correlation"),
            fractions_skill=metrics.get("fss_gradient_90"),
            threat_score=metrics.get("csi_99"),
            potential_skill=metrics.get("potential_skill"),
            excess=excess,
            guards_broken=tuple(guard.name for guard in guards if not guard.ok),
        )
