"""Guards: limits that a forecast breaks where it is sharp for a wrong reason.

The score measures a lack of sharpness; guards limit its excess, and refuse sharpness that is in the
wrong place. White noise and one spike meet gradient and peak targets with a better error than an
honest sharp forecast; an unrelated real case passes every check of sharpness. All are one-sided and
computed at every lead; the worst lead counts.
Adding a guard: its entry in ``GUARDS``, with the function that gives its limit, and that limit in
``objectives.settings.GuardSettings``.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.limits.error_limit import LARGEST_MULTIPLE
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.limits.tolerance import Tolerance
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.per_variable import split_name
from fieldsharp.objectives.settings import GuardSettings

Metrics = Mapping[str, float]
LARGEST_VIOLATION = 1e6
"""A broken guard whose excess is no number: Optuna takes finite constraints alone."""


class GuardOutcome(Settings):
    """The result of a guard, at the lead where it is nearest to breaking or most broken.

    Attributes:
        value: The forecast's metric.
        limit: The largest or the least value allowed.
        lead: From 1; None for a forecast of a single lead.
        violation: By how much of the limit it is broken, above 0; how far it is from that, below.
        words: What a forecast that breaks it does wrong.
    """

    # A forecast that is not finite breaks its guards; its values are reported as they are.
    model_config = ConfigDict(allow_inf_nan=True)

    name: str
    value: float
    limit: float
    ok: bool
    lead: int | None = None
    violation: float
    words: str

    def as_json(self) -> dict[str, float | bool | int | None]:
        """Return the result for JSON output; null where a number is not finite."""
        value = self.value if math.isfinite(self.value) else None
        limit = self.limit if math.isfinite(self.limit) else None
        return {"value": value, "limit": limit, "ok": self.ok, "lead": self.lead}


Limit = Callable[[GuardSettings, Metrics, Metrics | None], float | None]
"""From settings, the metrics at a lead and the baseline's at that lead (None without a baseline) to
a limit; None where the forecast has none."""


@dataclass(frozen=True)
class Guard:
    """One way in which a forecast can be wrong though it is sharp.

    Attributes:
        at_most: Whether the limit is the largest value allowed, or the least.
        fault: What a forecast that breaks it does wrong.
        perfect: The metric of a perfect forecast: a number, or the metric that has it.
        yields: From the baseline's metric to the limit it gives, where that is the larger one; None
            where the baseline never raises the limit. Trained without any gradient term, the
            baseline is not wrongly sharp, so neither is a forecast that has hardly more of it.
        tolerates: The unit of a limit on what is too much, which widens where the split has few
            independent samples or the forecast is better than the baseline throughout; None of one
            that does not.
        observed: A metric that is NaN where the truth has no cell to compute this one from; the
            guard is then left out.
    """

    metric: str
    limit: Limit
    at_most: bool
    fault: str
    perfect: float | str
    yields: Callable[[float], float] | None = None
    tolerates: Literal["decibels", "ratio"] | None = None
    observed: str | None = None


def _share_more(baseline: float) -> float:
    return 1.05 * baseline


def _decibels_more(baseline_db: float) -> float:
    return baseline_db + 0.25


def _rmse(settings: GuardSettings, _: Metrics, baseline: Metrics | None) -> float | None:
    if baseline is None:
        return None
    given = settings.rmse_over_baseline
    return (LARGEST_MULTIPLE if given == "auto" else given) * baseline["rmse"]


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
    least = settings.correlation_least
    if baseline is None or "anomaly_correlation" not in baseline:
        return least
    reached, whole = baseline["anomaly_correlation"], least + settings.correlation_drop
    if reached >= whole:
        return reached - settings.correlation_drop
    # A field that is hardly predictable: the share that the limit is of a baseline at both ends.
    is_hard = least > 0.0 and reached > 0.0 and _beats_climatology(baseline)
    return reached * least / whole if is_hard else least


def _beats_climatology(baseline: Metrics) -> bool:
    return baseline.get("rmse", 0.0) <= baseline.get("rmse_climatology", math.inf)


def _change(settings: GuardSettings, _: Metrics, baseline: Metrics | None) -> float | None:
    if baseline is None or "change_ratio" not in baseline:
        return None
    # Where the truth hardly moves, a baseline that does may not ask for more than the truth has.
    return min(settings.change_share * baseline["change_ratio"], 1.0)


GUARDS: Mapping[str, Guard] = {
    "rmse": Guard(
        metric="rmse",
        limit=_rmse,
        at_most=True,
        fault="its error is too much larger than the baseline's",
        perfect=0.0,
    ),
    "climatology": Guard(
        metric="rmse",
        limit=_climatology,
        at_most=True,
        fault="its error is larger than that of each cell's mean",
        perfect=0.0,
    ),
    "spectrum_small": Guard(
        metric="power_small",
        limit=lambda settings, *_: settings.power_small_db,
        at_most=True,
        fault="it has more power than the truth at the smallest scales, as noise has",
        perfect=0.0,
        yields=_decibels_more,
        tolerates="decibels",
    ),
    "spectrum_middle": Guard(
        metric="power_middle",
        limit=lambda settings, *_: settings.power_other_db,
        at_most=True,
        fault="it has more power than the truth at middle scales",
        perfect=0.0,
        yields=_decibels_more,
        tolerates="decibels",
    ),
    "spectrum_large": Guard(
        metric="power_large",
        limit=lambda settings, *_: settings.power_other_db,
        at_most=True,
        fault="it has more power than the truth at large scales",
        perfect=0.0,
        yields=_decibels_more,
        tolerates="decibels",
    ),
    "roughness": Guard(
        metric="roughness",
        limit=lambda settings, *_: settings.roughness_db,
        at_most=True,
        fault="it is rougher than the truth from cell to cell, as noise is",
        perfect=0.0,
        yields=_decibels_more,
        tolerates="decibels",
        observed="gradient_observed",
    ),
    "forward_sobel": Guard(
        metric="forward_sobel",
        limit=_forward_sobel,
        at_most=True,
        fault="neighbouring cells jump as in noise or a checkerboard",
        perfect="forward_sobel_observed",
        yields=_share_more,
        tolerates="ratio",
        observed="forward_sobel_observed",
    ),
    "spike": Guard(
        metric="peak_isolation",
        limit=lambda settings, *_: settings.peak_isolation,
        at_most=True,
        fault="its maxima stand alone above the cells around them, as spikes do",
        perfect=1.0,
        # Of one cell a frame, so it varies: 1.17 to 1.55 between nets that do not sharpen plumes.
        yields=lambda baseline: 1.25 * baseline,
        tolerates="ratio",
    ),
    "gradient_correlation": Guard(
        metric="gradient_correlation",
        limit=_gradient_correlation,
        at_most=False,
        fault="its gradients are not where the truth's are",
        perfect=1.0,
        observed="gradient_observed",
    ),
    "correlation": Guard(
        metric="anomaly_correlation",
        limit=_correlation,
        at_most=False,
        fault="it does not follow the truth",
        perfect=1.0,
    ),
    "standard_deviation": Guard(
        metric="std_ratio",
        limit=lambda settings, *_: settings.std_ratio,
        at_most=True,
        fault="it varies more than the truth: contrast was raised",
        perfect=1.0,
        yields=_share_more,
        tolerates="ratio",
    ),
    "region": Guard(
        metric="region_std_ratio",
        limit=lambda settings, *_: settings.region_std_ratio,
        at_most=True,
        fault="in one region it varies much more than the truth",
        perfect=1.0,
        yields=_share_more,
        tolerates="ratio",
    ),
    "change": Guard(
        metric="change_ratio",
        limit=_change,
        at_most=False,
        fault="it stays too near to the last known frame, which is sharp but old",
        perfect=1.0,
    ),
}


def check_guards(
    values: MetricValues,
    settings: GuardSettings,
    baseline: MetricValues | None,
    field: FieldVariation | None = None,
    rmse_multiples: Sequence[float] | None = None,
) -> list[GuardOutcome]:
    """Return the outcome of every guard that can be computed.

    Args:
        values: The forecast's metrics.
        settings: The limits.
        baseline: The metrics of the same predictor trained with weight 0; without them the guards
            that are relative to them are left out.
        field: The variation of the truth of the split; None where it is not known.
        rmse_multiples: Largest RMSE at each lead as a multiple of the baseline's, in place of that
            of the settings; see ``error_limit``.
    """
    tolerance = Tolerance.of(values, baseline, field)
    outcomes = []
    for name, guard in GUARDS.items():
        at_leads = [
            _at_lead(
                name,
                guard,
                _of_lead(settings, rmse_multiples, lead),
                values,
                baseline,
                lead,
                tolerance,
            )
            for lead in range(values.leads)
        ]
        computed = [outcome for outcome in at_leads if outcome is not None]
        if computed:
            outcomes.append(max(computed, key=lambda outcome: outcome.violation))
    return outcomes


def guard_name(name: str) -> str:
    """Return the name of a guard without that of its variable."""
    return split_name(name)[1]


def total_violation(outcomes: Iterable[GuardOutcome], forgiven: float = 0.0) -> float:
    """Return the total violation of guards, beyond what is forgiven of each; 0 where none is."""
    return sum(max(0.0, outcome.violation - forgiven) for outcome in outcomes)


def broken(outcomes: list[GuardOutcome]) -> list[GuardOutcome]:
    """Return the guards that do not hold, the most broken first."""
    return sorted((o for o in outcomes if not o.ok), key=lambda o: -o.violation)


def truth_metrics(values: MetricValues) -> MetricValues:
    """Return the metrics of the truth itself, from those of any forecast verified against it."""
    perfect = {guard.metric: guard.perfect for guard in GUARDS.values()}
    by_lead = {
        name: values.by_lead[value] if isinstance(value, str) else [value] * values.leads
        for name, value in perfect.items()
    }
    overall = {
        name: values.overall[value] if isinstance(value, str) else value
        for name, value in perfect.items()
    }
    return MetricValues(
        overall={**values.overall, **overall}, by_lead={**values.by_lead, **by_lead}
    )


def _of_lead(
    settings: GuardSettings, rmse_multiples: Sequence[float] | None, lead: int
) -> GuardSettings:
    """Return the settings with the largest RMSE of a lead; of one beyond the last, the last's."""
    if not rmse_multiples:
        return settings
    multiple = rmse_multiples[min(lead, len(rmse_multiples) - 1)]
    return settings.model_copy(update={"rmse_over_baseline": multiple})


def _at_lead(
    name: str,
    guard: Guard,
    settings: GuardSettings,
    values: MetricValues,
    baseline: MetricValues | None,
    lead: int,
    tolerance: Tolerance,
) -> GuardOutcome | None:
    metrics = values.at(lead)
    if guard.metric not in metrics:  # verified without the frames it needs
        return None
    if guard.observed is not None and math.isnan(metrics.get(guard.observed, 0.0)):
        return None
    # A forecast with more leads than the baseline is compared with its last.
    of_baseline = baseline.at(min(lead, baseline.leads - 1)) if baseline else None
    limit = guard.limit(settings, metrics, of_baseline)
    if limit is None:
        return None
    if guard.tolerates == "decibels":
        limit = tolerance.decibels(limit, guard.metric)
    elif guard.tolerates == "ratio":
        of_truth = guard.perfect if isinstance(guard.perfect, float) else metrics[guard.perfect]
        limit = tolerance.ratio(limit, of_truth, guard.metric)
    # Only a baseline that beats each cell's mean may raise a limit.
    if (
        guard.yields is not None
        and of_baseline is not None
        and guard.metric in of_baseline
        and _beats_climatology(of_baseline)
    ):
        limit = max(limit, guard.yields(of_baseline[guard.metric]))
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
        lead=lead + 1 if values.leads > 1 else None,
        violation=min(violation, LARGEST_VIOLATION),
        words=guard.fault,
    )
