"""The lead of each trial over the best reference, and how likely chance alone makes it.

Shape legend: R resamples, W windows or groups of them, K forecasts, J references.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pydantic import Field

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.leads.reality_check import adjusted_chances, far_behind
from fieldsharp.objectives.leads.resampling import (
    block_length,
    decorrelation_time,
    resampled_weights,
)
from fieldsharp.objectives.leads.window_statistics import (
    FloatArray,
    ForecastWindows,
    ObservedWindows,
)
from fieldsharp.objectives.ranking import TIE
from fieldsharp.objectives.sharpened import position_of_best
from fieldsharp.objectives.targets import DISTANCE_OF_NOTHING, Band, Targets

AS_IT_IS = "none"
"""Name of the reference that is the baseline without a sharpener."""
FEWEST_BLOCKS = 10
SIGNIFICANCE = 0.05
PROVISIONAL_LEAD = 0.02
"""In score, where the windows are too few to tell a lead from chance."""


class MembersLead(Settings):
    """How far the members of a trial are ahead of every ensemble that needs no training.

    Attributes:
        crps: 1 - fair CRPS / that of the reference it is least ahead of.
        variogram: The same in the fair variogram score.
    """

    crps: float
    variogram: float


class Lead(Settings):
    """How far a trial, under its sharpener, is ahead of the best reference; validation split.

    Attributes:
        trial: Its number.
        reference: Name of the sharpener of the reference, or that for none.
        score: Score of the reference minus that of the trial; above 0 the trial is better.
        rmse: 1 - RMSE of the trial / RMSE of the reference.
        score_chance: How likely chance alone makes so large a lead in score, corrected for all
            forecasts compared; None where it is provisional.
        rmse_chance: The same for the RMSE, among the forecasts whose score is not far behind.
        blocks: Independent blocks of windows in the split; None without statistics of windows.
        compared: Forecasts among which the trial was chosen: trials times sharpeners tried on each.
        members: Where members are judged: the leads that count, whose chances then stand in
            ``score_chance`` (CRPS) and ``rmse_chance`` (variogram score); the reference is that
            with the lowest CRPS.
    """

    trial: int
    reference: str
    score: float
    rmse: float
    score_chance: float | None = None
    rmse_chance: float | None = None
    blocks: int | None = None
    compared: int
    members: MembersLead | None = Field(None, exclude_if=lambda members: members is None)

    @property
    def provisional(self) -> bool:
        """Whether there are too few independent windows to tell the lead from chance."""
        return self.score_chance is None

    @property
    def more_than_chance(self) -> bool:
        """Whether the trial is better than the reference: by score, or level in it and by RMSE.

        Provisionally where its lead in score is at least 0.02. Of members both by CRPS and by
        variogram score, provisionally where both leads are at least 2 %.
        """
        if self.members is not None:
            leads = (self.members.crps, self.members.variogram)
            if self.score_chance is None or self.rmse_chance is None:
                return min(leads) >= PROVISIONAL_LEAD
            return min(leads) > 0 and max(self.score_chance, self.rmse_chance) < SIGNIFICANCE
        if self.score_chance is None or self.rmse_chance is None:
            return self.score >= PROVISIONAL_LEAD
        return self.score_chance < SIGNIFICANCE or (
            self.score >= -TIE and self.rmse_chance < SIGNIFICANCE
        )

    @property
    def is_behind(self) -> bool:
        """Whether it is no lead at all: of members, in CRPS or in variogram score."""
        if self.members is not None:
            return min(self.members.crps, self.members.variogram) <= 0.0
        return self.score < -TIE

    @property
    def words(self) -> str:
        """The lead as a clause, such as "ahead of the baseline under spectral by 0.03 in score"."""
        if self.members is not None:
            return self._members_in_words(self.members)
        under = "" if self.reference == AS_IT_IS else f" under {self.reference}"
        side = "behind" if self.score < 0 else "ahead of"
        in_score = f"{side} the baseline{under} by {abs(self.score):.3f} in score"
        in_rmse = (
            f"{'behind' if self.rmse < 0 else 'ahead'} by {abs(100 * self.rmse):.1f} % in RMSE"
        )
        if abs(self.score) <= TIE:
            in_score = f"level with the baseline{under} in score"
        if self.blocks is None:
            return (
                f"{in_score}, {in_rmse}; without statistics of its windows, so this is provisional"
            )
        if self.score_chance is None or self.rmse_chance is None:
            return (
                f"{in_score}, {in_rmse}; too few independent windows ({self.blocks} blocks, "
                f"{FEWEST_BLOCKS} are needed), so this is provisional"
            )
        if abs(self.score) <= TIE:
            return f"{in_score}, {in_rmse} (chance {self.rmse_chance:.2g}, {self.blocks} blocks)"
        if self.score_chance < SIGNIFICANCE or self.score < 0:
            return f"{in_score} (chance {self.score_chance:.2g}, {self.blocks} blocks)"
        return (
            f"{in_score} (chance {self.score_chance:.2g}), {in_rmse} (chance "
            f"{self.rmse_chance:.2g}, {self.blocks} blocks)"
        )

    def _members_in_words(self, members: MembersLead) -> str:
        chances = (self.score_chance, self.rmse_chance)
        parts = [
            f"{'behind the best' if lead < 0 else 'ahead of every'} ensemble without training by "
            f"{abs(100 * lead):.1f} % in {name}"
            + (f" (chance {chance:.2g})" if chance is not None else "")
            for name, lead, chance in zip(
                ("CRPS", "variogram score"), (members.crps, members.variogram), chances, strict=True
            )
        ]
        said = " and ".join(parts)
        if self.provisional:
            return (
                f"{said}; too few independent windows ({self.blocks} blocks, {FEWEST_BLOCKS} are "
                "needed), so this is provisional"
            )
        return said


@dataclass(frozen=True)
class ComparedForecast:
    """A forecast that is compared: a trial under its sharpener, or a reference.

    Attributes:
        score: As it is stored.
        rmse: In units of the field.
        sharpener: Its name, or that for none.
        windows: Of the same net, by name of each sharpener that was tried; none in studies of
            earlier versions.
        others: The same of every other predicted variable; the score is then the mean of all, and
            the RMSE ``MetricValues.error``.
    """

    score: float
    rmse: float
    sharpener: str
    windows: Mapping[str, ForecastWindows]
    others: Mapping[str, Mapping[str, ForecastWindows]] = field(default_factory=dict)

    def under(self, sharpener: str) -> list[ForecastWindows] | None:
        """Return the windows of every variable under a sharpener; None where one has none."""
        found = [one.get(sharpener) for one in (self.windows, *self.others.values())]
        known = [one for one in found if one is not None]
        return known if len(known) == len(found) else None


@dataclass(frozen=True)
class Comparison:
    """What leads are computed from.

    Attributes:
        references: The feasible ones.
        trials: By number; all that were trained to their end.
        observed: The truth in each window; None in studies of earlier versions.
        targets: Of the split.
        rmse_weight: Of the score.
        seed: Of the resampling.
        others_observed: The truth of every other predicted variable, by name.
        of_members: Whether members are judged together.
    """

    references: Sequence[ComparedForecast]
    trials: Mapping[int, ComparedForecast]
    observed: ObservedWindows | None
    targets: Targets
    rmse_weight: float
    seed: int
    others_observed: Mapping[str, ObservedWindows] = field(default_factory=dict)
    of_members: bool = False


def leads_over_references(given: Comparison) -> list[Lead]:
    """Return the lead of each trial over the best reference, in the order of the trials.

    The best reference has the lowest score, of scores within 0.001 the lowest RMSE.

    The score is computed anew on 2,000 resamples of the windows (stationary bootstrap), the same
    for all forecasts and the truth. Target bands are kept in proportion to the resampled observed
    gradient and peak: for auto targets that is their definition, for numbers it cancels what is
    common to forecast and truth. Without a reference there are no leads.
    """
    if not given.references or not given.trials:
        return []
    best = given.references[
        position_of_best(
            [one.score for one in given.references],
            [one.rmse for one in given.references],
            [0.0] * len(given.references),
        )
    ]
    plain = [
        Lead(
            trial=number,
            reference=best.sharpener,
            score=best.score - one.score,
            rmse=1.0 - one.rmse / best.rmse if best.rmse > 0 else 0.0,
            compared=len(given.trials),
        )
        for number, one in given.trials.items()
    ]
    baseline, reference = best.under(AS_IT_IS), best.under(best.sharpener)
    bands = list(given.targets.by_variable.values())
    truths = [] if given.observed is None else [given.observed, *given.others_observed.values()]
    if len(truths) != len(bands) or baseline is None or reference is None:
        return plain
    columns = {
        (number, name): windows
        for number, one in given.trials.items()
        for name in one.windows
        if (windows := one.under(name)) is not None and all(w.is_finite for w in windows)
    }
    if not columns:
        return plain
    observed = truths[0]
    split = _Splits(
        [
            _Split(truth, targets, given.rmse_weight, as_it_is)
            for truth, targets, as_it_is in zip(truths, bands, baseline, strict=True)
        ]
    )
    forecasts = [_Columns.of(list(windows)) for windows in zip(*columns.values(), strict=True)]
    against = [_Columns.of([windows]) for windows in reference]
    length = block_length(observed, decorrelation_time(split.compared_series(forecasts, against)))
    blocks = int(len(observed.sizes) / length)
    plain = [one.model_copy(update={"blocks": blocks, "compared": len(columns)}) for one in plain]
    if blocks < FEWEST_BLOCKS:
        return plain
    weights = resampled_weights(split.sizes_W, length, given.seed)
    whole = split.sizes_W[None] / split.sizes_W.sum()
    (in_score_K,), (in_rmse_K,) = split.ahead(whole, forecasts, against)
    score_RK, rmse_RK = split.ahead(weights, forecasts, against)
    # The RMSE decides only between scores that may be equal.
    near_K = ~far_behind(in_score_K, score_RK, blocks)
    rmse_K = np.ones(len(columns))
    score_K, rmse_K[near_K] = adjusted_chances(
        [(in_score_K, score_RK), (in_rmse_K[near_K], rmse_RK[:, near_K])], blocks
    )
    chances = dict(zip(columns, zip(score_K.tolist(), rmse_K.tolist(), strict=True), strict=True))
    return [_with_chances(one, given.trials[one.trial], chances) for one in plain]


def _with_chances(
    lead: Lead, trial: ComparedForecast, chances: Mapping[tuple[int, str], tuple[float, float]]
) -> Lead:
    """Return a lead with the chances of its forecast; 1 for one that has diverged."""
    if not trial.windows:
        return lead
    in_score, in_rmse = chances.get((lead.trial, trial.sharpener), (1.0, 1.0))
    return lead.model_copy(update={"score_chance": in_score, "rmse_chance": in_rmse})


@dataclass(frozen=True)
class _Columns:
    """The statistics of several forecasts in each window."""

    gradient_WK: FloatArray
    peak_WK: FloatArray
    squared_error_WK: FloatArray

    @classmethod
    def of(cls, windows: Sequence[ForecastWindows]) -> "_Columns":
        return cls(
            np.stack([one.gradient.values_W() for one in windows], axis=1),
            np.stack([one.peak.values_W() for one in windows], axis=1),
            np.stack([one.squared_error.values_W() for one in windows], axis=1),
        )


class _Split:
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

    def scores(self, weights_RW: FloatArray, forecasts: _Columns) -> FloatArray:
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
        self, weights_RW: FloatArray, forecasts: _Columns, reference: _Columns
    ) -> tuple[FloatArray, FloatArray]:
        """Return the leads over a reference in score and in RMSE, each [R, K]."""
        score_RK = self.scores(weights_RW, reference) - self.scores(weights_RW, forecasts)
        squared_RK = weights_RW @ forecasts.squared_error_WK
        squared_R1 = weights_RW @ reference.squared_error_WK
        with np.errstate(divide="ignore", invalid="ignore"):
            rmse_RK = np.where(squared_R1 > 0, 1.0 - np.sqrt(squared_RK / squared_R1), 0.0)
        return score_RK, rmse_RK

    def compared_series(self, forecasts: _Columns, reference: _Columns) -> list[FloatArray]:
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
class _Splits:
    """The mean over variables of the score on resampled windows; all have the same windows."""

    variables: Sequence[_Split]

    @property
    def sizes_W(self) -> FloatArray:
        """Windows in each group."""
        return self.variables[0].sizes_W

    def ahead(
        self, weights_RW: FloatArray, forecasts: Sequence[_Columns], reference: Sequence[_Columns]
    ) -> tuple[FloatArray, FloatArray]:
        """Return the leads over a reference in score and in RMSE, each [R, K]."""
        of_each = [
            split.ahead(weights_RW, *pair)
            for split, *pair in zip(self.variables, forecasts, reference, strict=True)
        ]
        score_RK, rmse_RK = (sum(leads) / len(of_each) for leads in zip(*of_each, strict=True))
        return score_RK, rmse_RK

    def compared_series(
        self, forecasts: Sequence[_Columns], reference: Sequence[_Columns]
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
