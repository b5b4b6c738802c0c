"""The largest RMSE a forecast may have, as multiples of the baseline's at each lead."""

import math

from fieldsharp.objectives.frontier.frontier import Frontier
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import GuardSettings

LARGEST_MULTIPLE = 1.25
"""Where the frontier allows more, or is not known."""
MARGIN = 0.09
"""Over the least RMSE at full sharpness: honest sharp forecasts have at most 8.7 % more, noise of
the right colour at least 9.4 % at the lead where it costs most, where sharpness is missing."""
LEAST_BLOCKS = 2
"""A frontier of a single block is not cross-fitted, so its RMSE is too low."""


def rmse_multiples(
    settings: GuardSettings, frontier: Frontier | None, baseline: MetricValues
) -> list[float]:
    """Return the largest RMSE allowed at each lead, as a multiple of the baseline's.

    The number of the settings, or for ``auto`` the least RMSE of a forecast as sharp as the truth
    times 1.09: at least 1.09 times the baseline's, at most 1.25 times. The least RMSE of a baseline
    that is far from the conditional mean can be below its own, which a guard must not refuse.

    Args:
        settings: Of the guards.
        frontier: Of the baseline; None where it is not known, then ``auto`` is 1.25.
        baseline: Its metrics on the same split.
    """
    given = settings.rmse_over_baseline
    if given != "auto":
        return [given] * baseline.leads
    if frontier is None or frontier.blocks < LEAST_BLOCKS:
        return [LARGEST_MULTIPLE] * baseline.leads
    pairs = zip(frontier.by_lead, baseline.by_lead["rmse"], strict=True)
    return [_multiple(curve.rmse_full, rmse) for curve, rmse in pairs]


def all_rmse_multiples(
    settings: GuardSettings, frontier: Frontier | None, baseline: MetricValues
) -> dict[str, list[float]]:
    """Return ``rmse_multiples`` of every variable by its name, those of the first by ""."""
    return {
        name: rmse_multiples(
            settings, None if frontier is None else frontier.of(name), baseline.of(name)
        )
        for name in ("", *baseline.others)
    }


def _multiple(rmse_full: float, rmse_baseline: float) -> float:
    if not (rmse_baseline > 0 and math.isfinite(rmse_full)):
        return LARGEST_MULTIPLE
    return min(LARGEST_MULTIPLE, (1.0 + MARGIN) * max(1.0, rmse_full / rmse_baseline))
