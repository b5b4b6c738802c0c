"""How likely chance alone makes the best of many forecasts look ahead of a reference.

Shape legend: R resamples, S seeds, K forecasts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fieldsharp.objectives.leads.seed_draws import SeedDraws, standard_error
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


@dataclass(frozen=True)
class Measure:
    """Leads of several forecasts over a reference, in one figure.

    Attributes:
        ahead_K: The lead of each, above 0 where it is better.
        resampled_RK: The same on resampled windows.
        by_seed_SK: The lead with each of several seeds, of which ``ahead_K`` is the mean; None
            where there is a single training.
    """

    ahead_K: FloatArray
    resampled_RK: FloatArray
    by_seed_SK: FloatArray | None = None

    def error_K(self, blocks: float) -> FloatArray:
        """Return the standard error of each lead, over windows and seeds."""
        error_K: FloatArray = widening(blocks) * self.resampled_RK.std(axis=0)
        if self.by_seed_SK is not None:
            error_K = np.hypot(error_K, standard_error(self.by_seed_SK))
        return error_K

    def departures(self, blocks: float, seeds: SeedDraws | None) -> FloatArray:
        """Return how far the leads may be from their true values [R, K]."""
        departures_RK = widening(blocks) * (self.resampled_RK - self.ahead_K)
        if self.by_seed_SK is not None:
            assert seeds is not None, "there are several seeds"
            departures_RK = departures_RK + seeds.departures(self.by_seed_SK)
        return departures_RK

    def far_behind(self, blocks: float) -> npt.NDArray[np.bool_]:
        """Return which forecasts are so far behind that chance cannot have put them there.

        By more than sqrt(2 ln ln B) standard errors of B blocks (Hansen 2005).
        """
        limit = math.sqrt(2.0 * math.log(math.log(blocks)))
        return np.asarray(self.ahead_K < -limit * self.error_K(blocks))

    def of(self, which_K: npt.NDArray[np.bool_]) -> "Measure":
        """Return the measure of some of the forecasts."""
        by_seed = None if self.by_seed_SK is None else self.by_seed_SK[:, which_K]
        return Measure(self.ahead_K[which_K], self.resampled_RK[:, which_K], by_seed)


def adjusted_chances(
    measures: Sequence[Measure], blocks: float, seeds: SeedDraws | None = None
) -> list[FloatArray]:
    """Return the chance of each lead, corrected for all that are compared, in every measure.

    The share of resamples in which the largest departure of any lead from its value is at least as
    large as the lead (White 2000, doi 10.1111/1468-0262.00152). Leads that were found likelier than
    chance leave the comparison of the smaller ones, so that it has more power (Romano and Wolf
    2005, doi 10.1111/j.1468-0262.2005.00615.x). Those that are far behind are not recentred, so
    that a bad forecast, whose lead varies much, hides no good one (Hansen 2005, doi
    10.1198/073500105000000063). Departures over windows are widened by ``widening``; those over
    seeds, where there are several, are drawn independently of them and added.

    Args:
        measures: Leads are compared in units of their standard errors, of the median one where that
            is larger.
        blocks: Number of blocks in the split.
        seeds: Draws for measures with several seeds.

    Returns:
        Adjusted p values of each measure, one-sided; 1 where a lead is not above 0.
    """
    ahead, departures = [], []
    for measure in measures:
        is_far_K = measure.far_behind(blocks)
        unit_K = _units(measure.error_K(blocks), is_far_K)
        departures_RK = measure.departures(blocks, seeds)
        departures.append((departures_RK + np.where(is_far_K, measure.ahead_K, 0.0)) / unit_K)
        ahead.append(measure.ahead_K / unit_K)
    chances = _step_down(np.concatenate(ahead), np.concatenate(departures, axis=1))
    return np.split(chances, np.cumsum([len(one.ahead_K) for one in measures])[:-1])


def _units(error_K: FloatArray, is_far_K: npt.NDArray[np.bool_]) -> FloatArray:
    if not is_far_K.all():  # from few blocks the smallest of many standard errors is far too small
        error_K = np.maximum(error_K, np.median(error_K[~is_far_K]))
    return np.where(error_K > 0, error_K, 1.0)


def _step_down(ahead_K: FloatArray, departures_RK: FloatArray) -> FloatArray:
    order = np.argsort(-ahead_K, kind="stable")
    # The largest departure among a lead and all smaller ones.
    largest_RK = np.maximum.accumulate(departures_RK[:, order[::-1]], axis=1)[:, ::-1]
    as_large_K = (largest_RK >= ahead_K[order]).sum(axis=0)
    chances = np.empty(len(ahead_K))
    chances[order] = np.maximum.accumulate((1 + as_large_K) / (1 + len(departures_RK)))
    return np.where(ahead_K > 0, chances, 1.0)
