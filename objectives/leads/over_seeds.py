"""Leads over a reference where every forecast was trained with several seeds.

Windows and seeds are both samples: the score of every seed is computed anew on resampled windows,
the same for all, and what differs from seed to seed is added to that.
Shape legend: R resamples, S seeds, W windows or groups of them, K forecasts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fieldsharp.objectives.leads.lead import FEWEST_BLOCKS
from fieldsharp.objectives.leads.reality_check import Measure, adjusted_chances
from fieldsharp.objectives.leads.resampling import (
    RESAMPLES,
    block_length,
    decorrelation_time,
    resampled_weights,
)
from fieldsharp.objectives.leads.seed_draws import SeedDraws
from fieldsharp.objectives.leads.split_scores import Columns, Split, Splits
from fieldsharp.objectives.leads.window_statistics import (
    FloatArray,
    ForecastWindows,
    ObservedWindows,
)
from fieldsharp.objectives.targets import Targets

Windows = Sequence[ForecastWindows]
"""Of each predicted variable."""
FEWEST_SEEDS = 2


@dataclass(frozen=True)
class TrainedForecast:
    """A forecast of one training.

    Attributes:
        windows: Its figures in each window; None where the training failed.
        feasible: Whether it breaks no guard. A forecast that does counts no better than the
            baseline of the same seed, one that failed as the baseline.
    """

    windows: Windows | None
    feasible: bool


@dataclass(frozen=True)
class SeedForecasts:
    """The forecasts of one seed, by name; the baseline as it is beside them."""

    baseline: Windows
    forecasts: Mapping[str, TrainedForecast]


@dataclass(frozen=True)
class LeadOverSeeds:
    """The lead of one forecast over a reference, in the mean over seeds; above 0 it is better.

    Attributes:
        score, rmse: In score, and as a share of the RMSE of the reference.
        score_chance, rmse_chance: How likely chance alone makes them, corrected for all forecasts
            compared; None where windows or seeds are too few.
        compared: How many forecasts that are.
    """

    score: float
    rmse: float
    score_chance: float | None
    rmse_chance: float | None
    compared: int


@dataclass(frozen=True)
class ForecastsOverSeeds:
    """Forecasts on one split, each trained with the same seeds.

    Attributes:
        observed: The truth in each window, of each variable.
        targets: Of the split.
        rmse_weight: Of the score.
        seed: Of the draws.
        seeds: The forecasts of each seed; all of the same names.
    """

    observed: Sequence[ObservedWindows]
    targets: Targets
    rmse_weight: float
    seed: int
    seeds: Sequence[SeedForecasts]

    def leads(self, names: Sequence[str], reference: str) -> list[LeadOverSeeds]:
        """Return the lead of each of some forecasts over a reference, which is another of them."""
        whole_RW = self.sizes_W[None] / self.sizes_W.sum()
        score_SK, rmse_SK = (
            np.stack([one[0] for one in of_seeds])
            for of_seeds in zip(*self._ahead(whole_RW, names, reference), strict=True)
        )
        score_K, rmse_K = score_SK.mean(axis=0), rmse_SK.mean(axis=0)
        chances: tuple[Sequence[float | None], Sequence[float | None]]
        chances = [None] * len(names), [None] * len(names)
        if self.blocks >= FEWEST_BLOCKS and len(self.seeds) >= FEWEST_SEEDS:
            score_RK, rmse_RK = (
                np.mean(of_seeds, axis=0)
                for of_seeds in zip(*self._ahead(self.weights_RW, names, reference), strict=True)
            )
            in_score = Measure(score_K, score_RK, score_SK)
            in_rmse = Measure(rmse_K, rmse_RK, rmse_SK)
            near_K = ~in_score.far_behind(self.blocks)  # the RMSE decides between equal scores
            of_rmse_K = np.ones(len(names))
            of_score_K, of_rmse_K[near_K] = adjusted_chances(
                [in_score, in_rmse.of(near_K)], self.blocks, self.draws
            )
            chances = of_score_K.tolist(), of_rmse_K.tolist()
        return [
            LeadOverSeeds(score, rmse, of_score, of_rmse, len(names))
            for score, rmse, of_score, of_rmse in zip(
                score_K.tolist(), rmse_K.tolist(), *chances, strict=True
            )
        ]

    @property
    def sizes_W(self) -> FloatArray:
        """Windows in each group."""
        return np.asarray(self.observed[0].sizes, dtype=np.float64)

    @cached_property
    def block_length(self) -> float:
        """Mean length of a block, in groups of windows."""
        series: list[FloatArray] = []
        for one in self.seeds:
            splits, columns = self._splits(one), _columns(one, list(one.forecasts))
            against = [Columns.of([windows]) for windows in one.baseline]
            series += splits.compared_series(columns, against)
        return block_length(self.observed[0], decorrelation_time(series))

    @property
    def blocks(self) -> int:
        """Independent blocks of windows in the split."""
        return int(len(self.observed[0].sizes) / self.block_length)

    @cached_property
    def weights_RW(self) -> FloatArray:
        """The weight of each group of windows in each resample."""
        return resampled_weights(self.sizes_W, self.block_length, self.seed)

    @cached_property
    def draws(self) -> SeedDraws:
        """Draws of the departures of means over seeds."""
        return SeedDraws(len(self.seeds), RESAMPLES, self.seed)

    def _splits(self, one: SeedForecasts) -> Splits:
        bands = self.targets.by_variable.values()
        return Splits(
            [
                Split(truth, targets, self.rmse_weight, as_it_is)
                for truth, targets, as_it_is in zip(self.observed, bands, one.baseline, strict=True)
            ]
        )

    def _ahead(
        self, weights_RW: FloatArray, names: Sequence[str], reference: str
    ) -> list[tuple[FloatArray, FloatArray]]:
        """Return the leads in score and in RMSE with each seed, [R, K] each."""
        found = []
        for one in self.seeds:
            splits = self._splits(one)
            against = [Columns.of([windows]) for windows in one.baseline]
            columns = _columns(one, [*names, reference])
            feasible_K = np.array([one.forecasts[name].feasible for name in [*names, reference]])
            score_RK = splits.scores(weights_RW, columns)
            score_R1 = splits.scores(weights_RW, against)
            held_RK = np.where(feasible_K, score_RK, np.maximum(score_RK, score_R1))
            rmse_RK = np.mean(
                [
                    _held_rmse(weights_RW, *pair, feasible_K)
                    for pair in zip(columns, against, strict=True)
                ],
                axis=0,
            )
            found.append((held_RK[:, -1:] - held_RK[:, :-1], rmse_RK))
        return found


def _columns(one: SeedForecasts, names: Sequence[str]) -> list[Columns]:
    """Return the figures of forecasts, of each variable; the baseline's of one that failed."""
    windows = [one.forecasts[name].windows or one.baseline for name in names]
    return [Columns.of(list(of_variable)) for of_variable in zip(*windows, strict=True)]


def _held_rmse(
    weights_RW: FloatArray, columns: Columns, baseline: Columns, feasible_K: FloatArray
) -> FloatArray:
    """Return the lead of each forecast but the last over the last, as a share of its RMSE."""
    squared_RK = weights_RW @ columns.squared_error_WK
    squared_R1 = weights_RW @ baseline.squared_error_WK
    squared_RK = np.where(feasible_K, squared_RK, np.maximum(squared_RK, squared_R1))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio_RK = np.sqrt(squared_RK[:, :-1] / squared_RK[:, -1:])
    lead_RK: FloatArray = np.where(squared_RK[:, -1:] > 0, 1.0 - ratio_RK, 0.0)
    return lead_RK
