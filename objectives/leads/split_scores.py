"""The score of forecasts on resampled windows of a split, and their leads over a reference.

Shape legend: R resamples, W windows or groups of them, K forecasts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fieldsharp.objectives.leads.window_statistics import (
    FloatArray,
    ForecastWindows,
    ObservedWindows,
)
from fieldsharp.objectives.targets import DISTANCE_OF_NOTHING, Band, Targets


@dataclass(frozen=True)
class Columns:
    """The statistics of several forecasts in each window."""

    gradient_WK: FloatArray
    peak_WK: FloatArray
    squared_error_WK: FloatArray

    @classmethod
    def of(cls, windows: Sequence[ForecastWindows]) -> "Columns":
        """Return the columns of several forecasts of one variable."""
        return cls(
            np.stack([one.gradient.values_W() for one in windows], axis=1),
            np.stack([one.peak.values_W() for one in windows], axis=1),
            np.stack([one.squared_error.values_W() for one in windows], axis=1),
        )


class Split:
    """The score on resampled windows of a split."""

    def __init__(
        self,
        observed: ObservedWindows,
        targets: Targets,
        rmse_weight: float,
        baseline: ForecastWindows,
    ) -> None:
        self.sizes_W = np.asarray(observed.sizes, dtype=np.float64)
        self._gradient_W1 = observed.gradient.values_W()[:, None]
        self._peak_W1 = observed.peak.values_W()[:, None]
        self._mean_W1 = observed.mean.values_W()[:, None]
        self._baseline_W1 = baseline.squared_error.values_W()[:, None]
        self._rmse_weight = rmse_weight
        mean = self.sizes_W / self.sizes_W.sum()
        level = float(mean @ self._mean_W1[:, 0])
        self._gradient_band = _shares(targets.gradient, float(mean @ self._gradient_W1[:, 0]))
        self._peak_band = _shares(targets.peak, float(mean @ self._peak_W1[:, 0]) - level)

    def scores(self, weights_RW: FloatArray, forecasts: Columns) -> FloatArray:
        """Return the score of each forecast on each resample [R, K]."""
        level_R1 = weights_RW @ self._mean_W1
        gradient_RK = _distances(
            weights_RW @ forecasts.gradient_WK, weights_RW @ self._gradient_W1, self._gradient_band
        )
        peak_RK = _distances(
            weights_RW @ forecasts.peak_WK - level_R1,
            weights_RW @ self._peak_W1 - level_R1,
            self._peak_band,
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio_RK = np.sqrt(
                weights_RW @ forecasts.squared_error_WK / (weights_RW @ self._baseline_W1)
            )
        excess_RK = np.nan_to_num(ratio_RK - 1.0, nan=0.0).clip(min=0.0)
        return gradient_RK + peak_RK + self._rmse_weight * excess_RK

    def ahead(
        self, weights_RW: FloatArray, forecasts: Columns, reference: Columns
    ) -> tuple[FloatArray, FloatArray]:
        """Return the leads over a reference in score and in RMSE, each [R, K]."""
        score_RK = self.scores(weights_RW, reference) - self.scores(weights_RW, forecasts)
        squared_RK = weights_RW @ forecasts.squared_error_WK
        squared_R1 = weights_RW @ reference.squared_error_WK
        with np.errstate(divide="ignore", invalid="ignore"):
            rmse_RK = np.where(squared_R1 > 0, 1.0 - np.sqrt(squared_RK / squared_R1), 0.0)
        return score_RK, rmse_RK

    def compared_series(self, forecasts: Columns, reference: Columns) -> list[FloatArray]:
        """Return what leads depend on in each window, to first order, each [W, K] or [W, 1].

        Differences from the reference, and the observed less the reference, all relative to their
        means. What is common to all of them cancels in a lead, however slowly it varies.
        """
        gradient_W1 = self._relative(reference.gradient_WK)
        peak_W1 = self._relative(reference.peak_WK - self._mean_W1)
        squared_W1 = self._relative(reference.squared_error_WK)
        return [
            self._relative(forecasts.gradient_WK) - gradient_W1,
            self._relative(forecasts.peak_WK - self._mean_W1) - peak_W1,
            self._relative(forecasts.squared_error_WK) - squared_W1,
            self._relative(self._gradient_W1) - gradient_W1,
            self._relative(self._peak_W1 - self._mean_W1) - peak_W1,
        ]

    def _relative(self, values_WK: FloatArray) -> FloatArray:
        mean_K = self.sizes_W @ values_WK / self.sizes_W.sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            relative_WK: FloatArray = values_WK / mean_K
        return relative_WK


@dataclass(frozen=True)
class Splits:
    """The mean over variables of the score on resampled windows; all have the same windows."""

    variables: Sequence[Split]

    @property
    def sizes_W(self) -> FloatArray:
        """Windows in each group."""
        return self.variables[0].sizes_W

    def scores(self, weights_RW: FloatArray, forecasts: Sequence[Columns]) -> FloatArray:
        """Return the score of each forecast on each resample [R, K]."""
        of_each = [
            split.scores(weights_RW, one)
            for split, one in zip(self.variables, forecasts, strict=True)
        ]
        scores_RK: FloatArray = np.mean(of_each, axis=0)
        return scores_RK

    def ahead(
        self, weights_RW: FloatArray, forecasts: Sequence[Columns], reference: Sequence[Columns]
    ) -> tuple[FloatArray, FloatArray]:
        """Return the leads over a reference in score and in RMSE, each [R, K]."""
        of_each = [
            split.ahead(weights_RW, *pair)
            for split, *pair in zip(self.variables, forecasts, reference, strict=True)
        ]
        score_RK, rmse_RK = (sum(leads) / len(of_each) for leads in zip(*of_each, strict=True))
        return score_RK, rmse_RK

    def compared_series(
        self, forecasts: Sequence[Columns], reference: Sequence[Columns]
    ) -> list[FloatArray]:
        """Return what leads depend on in each window, of every variable."""
        return [
            series
            for split, *pair in zip(self.variables, forecasts, reference, strict=True)
            for series in split.compared_series(*pair)
        ]


def _shares(band: Band, observed: float) -> tuple[float, float]:
    """Return target and ceiling as shares of the observed, both above the offset."""
    if not observed > 0:
        return 1.0, 1.0
    return (band.low - band.offset) / observed, (band.high - band.offset) / observed


def _distances(
    values_RK: FloatArray, observed_R1: FloatArray, shares: tuple[float, float]
) -> FloatArray:
    """Return ``Band.distance`` on each resample, of values and observed above the offset."""
    low, high = shares
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm_RK = np.log(values_RK / observed_R1)
        distance_RK = np.maximum(np.log(low) - logarithm_RK, logarithm_RK - np.log(high))
    distance_RK = np.maximum(0.0, np.nan_to_num(distance_RK, nan=DISTANCE_OF_NOTHING))
    return np.where(values_RK > 0, distance_RK, DISTANCE_OF_NOTHING)
