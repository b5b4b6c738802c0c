"""The guards of a forecast, each a metric with a limit.

Adding a guard: its entry in ``GUARDS``, with the function that gives its limit, and that limit in
``objectives.settings.GuardSettings``.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from fieldsharp.objectives.limits.error_limit import LARGEST_MULTIPLE
from fieldsharp.objectives.settings import GuardSettings

Metrics = Mapping[str, float]
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
    tolerates: Literal["decibels", "ratio", "spread"] | None = None
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


def climatology_limit(settings: GuardSettings, metrics: Metrics, _: Metrics | None) -> float | None:
    """Return the largest RMSE beside that of each cell's mean."""
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
    is_hard = least > 0.0 and reached > 0.0 and beats_climatology(baseline)
    return reached * least / whole if is_hard else least


def beats_climatology(baseline: Metrics) -> bool:
    """Return whether a baseline errs less than each cell's mean; also where that is not known."""
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
        limit=climatology_limit,
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
