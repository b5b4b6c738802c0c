"""How likely chance alone makes the best of many forecasts look ahead of a reference.

Shape legend: R resamples, K forecasts.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fieldsharp.objectives.leads.window_statistics import FloatArray

VARIANCE_KEPT = 2.0 / 3.0
"""Of the variance of a mean, by blocks as long as the integral time scale: of an exponential
autocorrelation 2 / 3, of windows that overlap 2 / e."""
FOR_FEW_BLOCKS = 3.5
"""A variance that is estimated from B blocks is uncertain: departures are 1 + 3.5 / B times as
wide, with which about 5 % of sweeps or fewer have a false alarm (decision record 33)."""


def widening(blocks: float) -> float:
    """Return what the departures of resampled leads are multiplied by, above 1."""
    return math.sqrt(1.0 / VARIANCE_KEPT) * (1.0 + FOR_FEW_BLOCKS / blocks)


def far_behind(
    ahead_K: FloatArray, resampled_RK: FloatArray, blocks: float
) -> npt.NDArray[np.bool_]:
    """Return which forecasts are so far behind that chance cannot have put them there.

    By more than sqrt(2 ln ln B) standard errors of B blocks (Hansen 2005).
    """
    error_K = widening(blocks) * resampled_RK.std(axis=0)
    return np.asarray(ahead_K < -math.sqrt(2.0 * math.log(math.log(blocks))) * error_K)


def adjusted_chances(
    measures: Sequence[tuple[FloatArray, FloatArray]], blocks: float
) -> list[FloatArray]:
    """Return the chance of each lead, corrected for all that are compared, in every measure.

    The share of resamples in which the largest departure of any lead from its value is at least as
    large as the lead (White 2000, doi 10.1111/1468-0262.00152). Leads that were found likelier than
    chance leave the comparison of the smaller ones, so that it has more power (Romano and Wolf
    2005, doi 10.1111/j.1468-0262.2005.00615.x). Those that are far behind are not recentred, so
    that a bad forecast, whose lead varies much, hides no good one (Hansen 2005, doi
    10.1198/073500105000000063). Departures are widened by ``widening``.

    Args:
        measures: For each measure the lead of each forecast over the reference [K], above 0 where
            it is better, and the same on resampled windows [R, K]. They are compared in units of
            their standard errors, of the median one where that is larger.
        blocks: Number of blocks in the split.

    Returns:
        Adjusted p values of each measure, one-sided; 1 where a lead is not above 0.
    """
    ahead, departures = [], []
    for ahead_K, resampled_RK in measures:
        is_far_K = far_behind(ahead_K, resampled_RK, blocks)
        unit_K = _units(resampled_RK, is_far_K)
        departures_RK = widening(blocks) * (resampled_RK - ahead_K)
        departures.append((departures_RK + np.where(is_far_K, ahead_K, 0.0)) / unit_K)
        ahead.append(ahead_K / unit_K)
    chances = _step_down(np.concatenate(ahead), np.concatenate(departures, axis=1))
    return np.split(chances, np.cumsum([len(ahead_K) for ahead_K in ahead])[:-1])


def _units(resampled_RK: FloatArray, is_far_K: npt.NDArray[np.bool_]) -> FloatArray:
    units_K = resampled_RK.std(axis=0)
    if not is_far_K.all():  # from few blocks the smallest of many standard errors is far too small
        units_K = np.maximum(units_K, np.median(units_K[~is_far_K]))
    return np.where(units_K > 0, units_K, 1.0)


def _step_down(ahead_K: FloatArray, departures_RK: FloatArray) -> FloatArray:
    order = np.argsort(-ahead_K, kind="stable")
    # The largest departure among a lead and all smaller ones.
    largest_RK = np.maximum.accumulate(departures_RK[:, order[::-1]], axis=1)[:, ::-1]
    as_large_K = (largest_RK >= ahead_K[order]).sum(axis=0)
    chances = np.empty(len(ahead_K))
    chances[order] = np.maximum.accumulate((1 + as_large_K) / (1 + len(departures_RK)))
    return np.where(ahead_K > 0, chances, 1.0)
