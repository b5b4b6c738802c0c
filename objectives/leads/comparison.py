"""The lead of each trial over the best reference, from the windows of one split.

Shape legend: R resamples, W windows or groups of them, K forecasts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fieldsharp.objectives.leads.lead import AS_IT_IS, FEWEST_BLOCKS, Lead
from fieldsharp.objectives.leads.reality_check import Measure, adjusted_chances
from fieldsharp.objectives.leads.resampling import (
    block_length,
    decorrelation_time,
    resampled_weights,
)
from fieldsharp.objectives.leads.split_scores import Columns, Split, Splits
from fieldsharp.objectives.leads.window_statistics import (
    ForecastWindows,
    ObservedWindows,
    WindowStatistics,
)
from fieldsharp.objectives.sharpened import position_of_best
from fieldsharp.objectives.targets import Targets


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

    @classmethod
    def of(
        cls, score: float, rmse: float, sharpener: str, found: WindowStatistics | None
    ) -> "ComparedForecast":
        """Return a forecast with the statistics of its windows, where these are known."""
        if found is None:
            return cls(score, rmse, sharpener, {})
        others = {name: one.forecasts for name, one in found.others.items()}
        return cls(score, rmse, sharpener, found.forecasts, others)

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
    split = Splits(
        [
            Split(truth, targets, given.rmse_weight, as_it_is)
            for truth, targets, as_it_is in zip(truths, bands, baseline, strict=True)
        ]
    )
    forecasts = [Columns.of(list(windows)) for windows in zip(*columns.values(), strict=True)]
    against = [Columns.of([windows]) for windows in reference]
    length = block_length(observed, decorrelation_time(split.compared_series(forecasts, against)))
    blocks = int(len(observed.sizes) / length)
    plain = [one.model_copy(update={"blocks": blocks, "compared": len(columns)}) for one in plain]
    if blocks < FEWEST_BLOCKS:
        return plain
    weights = resampled_weights(split.sizes_W, length, given.seed)
    whole = split.sizes_W[None] / split.sizes_W.sum()
    (in_score_K,), (in_rmse_K,) = split.ahead(whole, forecasts, against)
    score_RK, rmse_RK = split.ahead(weights, forecasts, against)
    in_score, in_rmse = Measure(in_score_K, score_RK), Measure(in_rmse_K, rmse_RK)
    # The RMSE decides only between scores that may be equal.
    near_K = ~in_score.far_behind(blocks)
    rmse_K = np.ones(len(columns))
    score_K, rmse_K[near_K] = adjusted_chances([in_score, in_rmse.of(near_K)], blocks)
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
