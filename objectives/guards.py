"""Guards: limits that a forecast breaks where it is sharp for a wrong reason.

The score measures a lack of sharpness; guards limit its excess, and refuse sharpness that is in the
wrong place. White noise and one spike meet gradient and peak targets with a better error than an
honest sharp forecast; an unrelated real case passes every check of sharpness. All are one-sided and
computed at every lead; the worst lead counts. The guards themselves are in ``guard_table``.
"""

import math
from collections.abc import Iterable, Sequence

from pydantic import ConfigDict

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.guard_table import GUARDS, Guard, beats_climatology
from fieldsharp.objectives.guards_of_members import guards_of
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.limits.tolerance import Tolerance
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.per_variable import split_name
from fieldsharp.objectives.settings import GuardSettings

ERRORS = ("rmse", "rmse_of_mean_without_sampling")
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
    settings = tolerance.drops(settings)
    outcomes = []
    for name, guard in guards_of(values).items():
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
    elif guard.tolerates == "spread":
        limit = tolerance.spread(limit)
    # Only a baseline that beats each cell's mean may raise a limit.
    if (
        guard.yields is not None
        and of_baseline is not None
        and guard.metric in of_baseline
        and beats_climatology(of_baseline)
    ):
        limit = max(limit, guard.yields(of_baseline[guard.metric]))
    value = metrics[guard.metric]
    excess = value - limit if guard.at_most else limit - value
    # A share of the limit; of one that is nearly 0 (a correlation, a ratio in dB) of 0.1.
    scale = abs(limit) if guard.metric in ERRORS else max(abs(limit), 0.1)
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
