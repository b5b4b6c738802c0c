"""The lead of each ensemble over every ensemble that needs no training, and whether it is chance.

Shape legend: R resamples, W windows or groups of them, K ensembles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fieldsharp.objectives.leads.comparison import ComparedForecast, Comparison
from fieldsharp.objectives.leads.lead import FEWEST_BLOCKS, Lead, MembersLead
from fieldsharp.objectives.leads.over_seeds import FEWEST_SEEDS
from fieldsharp.objectives.leads.reality_check import Measure, adjusted_chances
from fieldsharp.objectives.leads.resampling import (
    block_length,
    decorrelation_time,
    resampled_weights,
)
from fieldsharp.objectives.leads.seed_draws import SeedDraws
from fieldsharp.objectives.leads.window_statistics import FloatArray, ForecastWindows

MEASURES = ("crps", "variogram")


@dataclass(frozen=True)
class _Against:
    """One measure of all ensembles in each window, beside that of a reference."""

    trials_WK: FloatArray
    reference_W1: FloatArray

    def ahead(self, weights_RW: FloatArray) -> FloatArray:
        """Return 1 - score / score of the reference, on each resample [R, K]."""
        ahead_RK: FloatArray = 1.0 - (weights_RW @ self.trials_WK) / (
            weights_RW @ self.reference_W1
        )
        return ahead_RK

    @property
    def difference_WK(self) -> FloatArray:
        """The lead in each window, as a share of the reference's mean."""
        ahead_WK: FloatArray = (self.reference_W1 - self.trials_WK) / self.reference_W1.mean()
        return ahead_WK


def members_leads(given: Comparison, *further: Comparison) -> list[Lead]:
    """Return the lead of each ensemble over the references, in the order of the trials.

    An ensemble has to be better than every reference, in the CRPS of cells and in the variogram
    score of whole fields, of every variable. Leads are those over the reference it is least ahead
    of; chances are the largest of all comparisons, corrected for all ensembles that are compared,
    see ``adjusted_chances``.

    Args:
        given: Its references are the ensembles without training, whatever guard they break.
        further: The same trainings with other seeds; leads are then means over all seeds.
    """
    of_seeds = [one for seed in (given, *further) if (one := _OfSeed.of(seed)) is not None]
    if not of_seeds or given.observed is None:
        return []
    trials = [n for n in of_seeds[0].trials if all(n in one.trials for one in of_seeds)]
    references = [n for n in of_seeds[0].references if all(n in s.references for s in of_seeds)]
    if not trials or not references:
        return []
    sizes_W = np.asarray(given.observed.sizes, dtype=np.float64)
    pairs = [one.against(trials, references) for one in of_seeds]
    length = block_length(
        given.observed,
        decorrelation_time([one.difference_WK for of in pairs for one in of.values()]),
    )
    blocks = int(len(sizes_W) / length)
    whole = sizes_W[None] / sizes_W.sum()
    by_seed = {key: np.concatenate([of[key].ahead(whole) for of in pairs]) for key in pairs[0]}
    ahead = {key: leads_SK.mean(axis=0) for key, leads_SK in by_seed.items()}
    chances: dict[str, FloatArray] = {}
    several = bool(further)
    if blocks >= FEWEST_BLOCKS and not (several and len(of_seeds) < FEWEST_SEEDS):
        weights = resampled_weights(sizes_W, length, given.seed)
        measures = [
            Measure(
                ahead[key],
                np.mean([of[key].ahead(weights) for of in pairs], axis=0),
                by_seed[key] if several else None,
            )
            for key in ahead
        ]
        draws = SeedDraws(len(of_seeds), len(weights), given.seed) if several else None
        found = adjusted_chances(measures, blocks, draws)
        chances = {
            measure: np.max(
                [c for key, c in zip(ahead, found, strict=True) if key[0] == measure], axis=0
            )
            for measure in MEASURES
        }
    least = {
        measure: np.min([one for key, one in ahead.items() if key[0] == measure], axis=0)
        for measure in MEASURES
    }
    known = {one.sharpener: one for one in given.references}
    best = known[min(references, key=lambda name: known[name].rmse)]
    return [
        Lead(
            trial=number,
            reference=best.sharpener,
            score=best.score - given.trials[number].score,
            rmse=1.0 - given.trials[number].rmse / best.rmse if best.rmse > 0 else 0.0,
            score_chance=float(chances["crps"][index]) if chances else None,
            rmse_chance=float(chances["variogram"][index]) if chances else None,
            blocks=blocks,
            compared=len(trials),
            seeds=len(of_seeds) if several else None,
            members=MembersLead(
                crps=float(least["crps"][index]), variogram=float(least["variogram"][index])
            ),
        )
        for index, number in enumerate(trials)
    ]


@dataclass(frozen=True)
class _OfSeed:
    """The windows of the ensembles and of the references with one seed."""

    trials: Mapping[int, Sequence[ForecastWindows]]
    references: Mapping[str, Sequence[ForecastWindows]]

    @classmethod
    def of(cls, given: Comparison) -> "_OfSeed | None":
        references = {
            one.sharpener: windows
            for one in given.references
            if (windows := _windows(one)) is not None
        }
        trials = {
            number: windows
            for number, one in given.trials.items()
            if (windows := _windows(one)) is not None
        }
        return cls(trials, references) if references and trials else None

    def against(
        self, trials: Sequence[int], references: Sequence[str]
    ) -> dict[tuple[str, str, int], _Against]:
        """Return every measure of the trials beside each reference, in each variable."""
        return {
            (measure, name, variable): _Against(
                np.stack([_values(self.trials[n][variable], measure) for n in trials], axis=1),
                _values(of_reference, measure)[:, None],
            )
            for measure in MEASURES
            for name in references
            for variable, of_reference in enumerate(self.references[name])
        }


def _windows(one: ComparedForecast) -> Sequence[ForecastWindows] | None:
    """Return the windows of every variable; None of a forecast that is no finite ensemble."""
    found = one.under(one.sharpener)
    if found is None or any(w.crps is None or w.variogram is None for w in found):
        return None
    return found if all(w.is_finite for w in found) else None


def _values(windows: ForecastWindows, measure: str) -> FloatArray:
    series = windows.crps if measure == "crps" else windows.variogram
    assert series is not None, "only ensembles are compared"
    return series.values_W()
