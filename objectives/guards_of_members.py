"""The guards of the members of an ensemble: those of a forecast, and some of their own."""

import math
from collections.abc import Mapping
from dataclasses import replace

from fieldsharp.objectives.guard_table import GUARDS, Guard, Metrics, climatology_limit
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import GuardSettings

LEAST_DIFFERENCE = 0.5
"""Of two members, as a share of that of all pairs (root mean squares over windows)."""
LEAST_NEAREST = 0.5
"""Of a member to the nearest other, as a share of what the truth differs from the nearest."""
MOST_UNEVEN = 2.5
"""Spread of the members' mean gradients, or peaks, over the error of their mean: 1 is honest."""
STANDARD_ERRORS = 2.5
"""By which the error of the mean may be larger than its limit: chance makes that of few members."""


def _mean_rmse(settings: GuardSettings, metrics: Metrics, baseline: Metrics | None) -> float | None:
    if baseline is None:
        return None
    return _beyond_chance(settings.mean_rmse_over_baseline * baseline["rmse"], metrics)


def _beyond_chance(limit: float, metrics: Metrics) -> float:
    """Return a limit of an RMSE, raised by what so few members make of it by chance."""
    by_chance = STANDARD_ERRORS * metrics.get("squared_error_by_chance", 0.0)
    return math.sqrt(limit**2 + by_chance)


def _mean_climatology(settings: GuardSettings, metrics: Metrics, _: Metrics | None) -> float | None:
    limit = climatology_limit(settings, metrics, None)
    return None if limit is None else _beyond_chance(limit, metrics)


OF_MEAN: Mapping[str, str] = {
    "climatology": "rmse_of_mean_without_sampling",
    "gradient_correlation": "gradient_correlation_of_mean",
    "correlation": "anomaly_correlation_of_mean",
}
"""Guards that ask whether a forecast is right, and what is asked of the mean of members: a member
that is drawn from the truth's own distribution has up to twice its square error."""
GUARDS_OF_MEMBERS: Mapping[str, Guard] = {
    "mean_rmse": Guard(
        metric="rmse_of_mean_without_sampling",
        limit=_mean_rmse,
        at_most=True,
        fault="the error of the mean of its members is too much larger than the baseline's",
        perfect=0.0,
    ),
    **{
        name: replace(guard, metric=OF_MEAN[name]) if name in OF_MEAN else guard
        for name, guard in GUARDS.items()
        if name != "rmse"
    },
    "climatology": replace(
        GUARDS["climatology"], metric=OF_MEAN["climatology"], limit=_mean_climatology
    ),
    "spread_least": Guard(
        metric="spread_over_error",
        limit=lambda settings, *_: settings.spread_over_error_least,
        at_most=False,
        fault="its members are too sure: they differ less than their mean errs",
        perfect=1.0,
        tolerates="spread",
    ),
    "spread_most": Guard(
        metric="spread_over_error",
        limit=lambda settings, *_: settings.spread_over_error_most,
        at_most=True,
        fault="its members are too unsure: they differ more than their mean errs",
        perfect=1.0,
        tolerates="spread",
    ),
    "copies": Guard(
        metric="least_difference",
        limit=lambda *_: LEAST_DIFFERENCE,
        at_most=False,
        fault="two of its members are nearly the same",
        perfect=1.0,
    ),
    "alike": Guard(
        metric="nearest_difference",
        limit=lambda *_: LEAST_NEAREST,
        at_most=False,
        fault="its members come in groups that are nearly the same: the truth is much less like "
        "any of them",
        perfect=1.0,
    ),
    "uneven_gradients": Guard(
        metric="gradient_spread_over_error",
        limit=lambda *_: MOST_UNEVEN,
        at_most=True,
        fault="some of its members are much steeper than others, and the truth is not so uncertain",
        perfect=1.0,
        tolerates="spread",
    ),
    "uneven_peaks": Guard(
        metric="peak_spread_over_error",
        limit=lambda *_: MOST_UNEVEN,
        at_most=True,
        fault="some of its members have much higher peaks than others, and the truth is not so "
        "uncertain",
        perfect=1.0,
        tolerates="spread",
    ),
}
EVERY_GUARD: Mapping[str, Guard] = {**GUARDS_OF_MEMBERS, **GUARDS}


def guards_of(values: MetricValues) -> Mapping[str, Guard]:
    """Return the guards of a forecast with these metrics."""
    return GUARDS_OF_MEMBERS if values.is_of_members else GUARDS
