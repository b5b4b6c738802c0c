"""Guards: what makes sharpness wrong. The score measures a lack of sharpness; these refuse excess.

White noise and one spike meet gradient and peak targets with a better error than an honest sharp
forecast; an unrelated real case passes every check of sharpness. So there are guards of both kinds,
all one-sided, each taken at every lead: the worst lead counts.
Adding a guard: one line in ``GUARDS``, its limit in ``objectives.settings.GuardSettings``.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import ConfigDict

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import GuardSettings

Metrics = Mapping[str, float]
LARGEST_VIOLATION = 1e6
"""A broken guard whose excess is no number: Optuna takes finite constraints alone."""


class GuardOutcome(Settings):
    """What came of a guard, at the lead where it is nearest to breaking or most broken.

    Attributes:
        name: The guard.
        value: What the forecast has.
        limit: What it may have at most, or must have at least.
        ok: Whether it holds.
        lead: From 1; None where there is but one.
        violation: By how much of the limit it is broken, above 0; how far it is from that, below.
        words: What a forecast that breaks it does wrong.
    """

    # A forecast that is not finite breaks what it is held to; that is said, not refused.
    model_config = ConfigDict(allow_inf_nan=True)

    name: str
    value: float
    limit: float
    ok: bool
    lead: int | None = None
    violation: float
    words: str

    def as_json(self) -> dict[str, float | bool | int | None]:
        """Return what scripts read; null where a number is not finite."""
        value = self.value if math.isfinite(self.value) else None
        limit = self.limit if math.isfinite(self.limit) else None
        return {"value": value, "limit": limit, "ok": self.ok, "lead": self.lead}


@dataclass(frozen=True)
class Guard:
    """One way in which a forecast can be wrong though it is sharp.

    Attributes:
        metric: What is looked at.
        limit: From settings, the metrics at a lead and the baseline's there (None where there is no
            baseline) to the limit; None where it cannot be told.
        at_most: Whether the limit is the largest value allowed, or the least.
        words: What a forecast that breaks it does wrong.
        yields: What the baseline has to what that allows, where it is more than the limit; None
            where the limit does not yield. Trained without any gradient term, the baseline is not
            wrongly sharp, so neither is a forecast that has hardly more of it.
        observed: A metric that is no number where the truth has no cell the guard looks at; the
            guard is then left out.
    """

    metric: str
    limit: Callable[[GuardSettings, Metrics, Metrics | None], float | None]
    at_most: bool
    words: str
    yields: Callable[[float], float] | None = None
    observed: str | None = None


def _share_more(baseline: float) -> float:
    return 1.05 * baseline


def _quarter_more(baseline: float) -> float:
    # Of one cell a frame, so it varies: 1.17 to 1.55 between nets that do not sharpen the plumes.
    return 1.25 * baseline


def _decibels_more(baseline_db: float) -> float:
    return baseline_db + 0.25


def _rmse(settings: GuardSettings, _: Metrics, baseline: Metrics | None) -> float | None:
    return settings.rmse_over_baseline * baseline["rmse"] if baseline else None


def _climatology(settings: GuardSettings, metrics: Metrics, _: Metrics | None) -> float | None:
    if "rmse_climatology" not in metrics:
        return None
    return settings.rmse_over_climatology * metrics["rmse_climatology"]


def _forward_sobel(settings: GuardSettings, metrics: Metrics, _: Metrics | None) -> float | None:
    if "forward_sobel_observed" not in metrics:
        return None
    return settings.forward_sobel_over_observed * metrics["forward_sobel_observed"]


def _gradient_correlation(
    settings: GuardSettings, _: Metrics, baseline: Metrics | None
) -> float | None:
    if baseline is None or "gradient_correlation" not in baseline:
        return None
    reached = baseline["gradient_correlation"]  # below 0, a share of it would be above it
    return reached - (1.0 - settings.gradient_correlation_share) * abs(reached)


def _correlation(settings: GuardSettings, _: Metrics, baseline: Metrics | None) -> float:
    if baseline is None or "anomaly_correlation" not in baseline:
        return settings.correlation_least
    relative = baseline["anomaly_correlation"] - settings.correlation_drop
    return max(settings.correlation_least, relative)


def _change(settings: GuardSettings, _: Metrics, baseline: Metrics | None) -> float | None:
    if baseline is None or "change_ratio" not in baseline:
        return None
    # Where the truth hardly moves, a baseline that does may not ask for more than the truth has.
    return min(settings.change_share * baseline["change_ratio"], 1.0)


GUARDS: Mapping[str, Guard] = {
    "rmse": Guard("rmse", _rmse, True, "its error is too much larger than the baseline's"),
    "climatology": Guard(
        "rmse",
        _climatology,
        True,
        "its error is larger than that of each cell's mean",
    ),
    "spectrum_small": Guard(
        "power_small",
        lambda settings, _, __: settings.power_small_db,
        True,
        "it has more power than the truth at the smallest scales, as noise has",
        yields=_decibels_more,
    ),
    "spectrum_middle": Guard(
        "power_middle",
        lambda settings, _, __: settings.power_other_db,
        True,
        "it has more power than the truth at middle scales",
        yields=_decibels_more,
    ),
    "spectrum_large": Guard(
        "power_large",
        lambda settings, _, __: settings.power_other_db,
        True,
        "it has more power than the truth at large scales",
        yields=_decibels_more,
    ),
    "roughness": Guard(
        "roughness",
        lambda settings, _, __: settings.roughness_db,
        True,
        "it is rougher than the truth from cell to cell, as noise is",
        yields=_decibels_more,
        observed="gradient_observed",
    ),
    "forward_sobel": Guard(
        "forward_sobel",
        _forward_sobel,
        True,
        "neighbouring cells jump as in noise or a checkerboard",
        yields=_share_more,
        observed="forward_sobel_observed",
    ),
    "spike": Guard(
        "peak_isolation",
        lambda settings, _, __: settings.peak_isolation,
        True,
        "its maxima stand alone above the cells around them, as spikes do",
        yields=_quarter_more,
    ),
    "gradient_correlation": Guard(
        "gradient_correlation",
        _gradient_correlation,
        False,
        "its gradients are not where the truth's are",
        observed="gradient_observed",
    ),
    "correlation": Guard(
        "anomaly_correlation", _correlation, False, "it does not follow the truth"
    ),
    "standard_deviation": Guard(
        "std_ratio",
        lambda settings, _, __: settings.std_ratio,
        True,
        "it varies more than the truth: contrast was raised",
        yields=_share_more,
    ),
    "region": Guard(
        "region_std_ratio",
        lambda settings, _, __: settings.region_std_ratio,
        True,
        "in one region it varies much more than the truth",
        yields=_share_more,
    ),
    "change": Guard(
        "change_ratio",
        _change,
        False,
        "it stays too near to the last known frame, which is sharp but old",
    ),
}


def check_guards(
    judgement: MetricValues, settings: GuardSettings, baseline: MetricValues | None
) -> list[GuardOutcome]:
    """Return the outcome of every guard that can be taken.

    Args:
        judgement: Of the forecast.
        settings: The limits.
        baseline: Of the same predictor trained with weight 0; without it the guards that are
            relative to it are left out.
    """
    outcomes = []
    for name, guard in GUARDS.items():
        at_leads = [
            _at_lead(name, guard, settings, judgement, baseline, lead)
            for lead in range(judgement.leads)
        ]
        taken = [outcome for outcome in at_leads if outcome is not None]
        if taken:
            outcomes.append(max(taken, key=lambda outcome: outcome.violation))
    return outcomes


def broken(outcomes: list[GuardOutcome]) -> list[GuardOutcome]:
    """Return the guards that do not hold, the most broken first."""
    return sorted((o for o in outcomes if not o.ok), key=lambda o: -o.violation)


def truth_judged(observed: MetricValues) -> MetricValues:
    """Return what the truth itself would come to, from any forecast judged against it."""
    perfect = {
        "rmse": 0.0,
        "power_small": 0.0,
        "power_middle": 0.0,
        "power_large": 0.0,
        "roughness": 0.0,
        "gradient_correlation": 1.0,
        "anomaly_correlation": 1.0,
        "std_ratio": 1.0,
        "region_std_ratio": 1.0,
        "change_ratio": 1.0,
        "peak_isolation": 1.0,
    }
    leads = observed.leads
    by_lead = {
        **observed.by_lead,
        **{name: [value] * leads for name, value in perfect.items()},
        "forward_sobel": observed.by_lead["forward_sobel_observed"],
    }
    overall = {**observed.overall, **perfect}
    overall["forward_sobel"] = observed.overall["forward_sobel_observed"]
    return MetricValues(overall=overall, by_lead=by_lead)


def _is_of_use(baseline: Metrics) -> bool:
    """Return whether a baseline beats each cell's mean: nothing yields to one that does not."""
    return baseline.get("rmse", 0.0) <= baseline.get("rmse_climatology", math.inf)


def _at_lead(
    name: str,
    guard: Guard,
    settings: GuardSettings,
    judgement: MetricValues,
    baseline: MetricValues | None,
    lead: int,
) -> GuardOutcome | None:
    metrics = judgement.at(lead)
    if guard.metric not in metrics:  # a case that did not carry what it needs
        return None
    if guard.observed is not None and math.isnan(metrics.get(guard.observed, 0.0)):
        return None
    # A forecast with more leads than the baseline is held to its last.
    of_baseline = baseline.at(min(lead, baseline.leads - 1)) if baseline else None
    limit = guard.limit(settings, metrics, of_baseline)
    if limit is None:
        return None
    if guard.yields is not None and of_baseline is not None and _is_of_use(of_baseline):
        there = of_baseline.get(guard.metric)
        limit = max(limit, guard.yields(there)) if there is not None else limit
    value = metrics[guard.metric]
    excess = value - limit if guard.at_most else limit - value
    # A share of the limit; of one that is nearly 0 (a correlation, a ratio in dB) of 0.1.
    scale = abs(limit) if guard.metric == "rmse" else max(abs(limit), 0.1)
    violation = excess / scale if scale > 0 else (LARGEST_VIOLATION if excess > 0 else 0.0)
    ok = math.isfinite(excess) and excess <= 0
    if not math.isfinite(excess) or not math.isfinite(violation):
        violation = LARGEST_VIOLATION
    return GuardOutcome(
        name=name,
        value=value,
        limit=limit,
        ok=ok,
        lead=lead + 1 if judgement.leads > 1 else None,
        violation=min(violation, LARGEST_VIOLATION),
        words=guard.words,
    )
