"""The leads of confirmed trials over the baseline and the best reference, from their windows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.leads.comparison import ComparedForecast, Comparison
from fieldsharp.objectives.leads.lead import AS_IT_IS, Lead
from fieldsharp.objectives.leads.members_lead import members_leads
from fieldsharp.objectives.leads.over_seeds import (
    ForecastsOverSeeds,
    LeadOverSeeds,
    SeedForecasts,
    TrainedForecast,
    Windows,
)
from fieldsharp.objectives.leads.window_statistics import WindowStatistics
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.study.confirmation.over_seeds import (
    ConfirmedReference,
    ConfirmedTrial,
    OverSeeds,
)
from fieldsharp.sweep.study.confirmation.runs import ConfirmedRun, Runs
from fieldsharp.sweep.study.confirmation.seed_scoring import (
    SeedScoring,
    confirmed_references,
    confirmed_trials,
)

BASELINE = "baseline"


def named_trial(number: int) -> str:
    """Return the name of a trial among the forecasts that are compared."""
    return f"trial {number}"


def named_reference(sharpener: str) -> str:
    """Return the name of the baseline under a sharpener among the forecasts."""
    return f"baseline under {sharpener}"


@dataclass(frozen=True)
class ConfirmedForecasts:
    """The trials of a confirmation, and the references, on one split.

    Attributes:
        trials: The baseline first.
        references: The baseline under each sharpener.
        runs: Every training on the split.
        objective: How forecasts are scored.
        targets: Of the split.
        seed: Of the draws.
    """

    trials: Sequence[ConfirmedTrial]
    references: Sequence[ConfirmedReference]
    runs: Runs
    objective: ObjectiveSettings
    targets: Targets
    seed: int

    @classmethod
    def of(
        cls,
        configurations: Mapping[int, str],
        seeds: Sequence[int],
        runs: Runs,
        scoring: SeedScoring,
        draw_seed: int,
    ) -> "ConfirmedForecasts":
        """Return the forecasts of trainings.

        Args:
            configurations: Descriptions by trial, the baseline first.
            seeds: With which each was trained.
            runs: Every training on the split.
            scoring: Of the split.
            draw_seed: Of the draws.

        Raises:
            FieldsharpError: If the baseline failed with every seed.
        """
        trials = confirmed_trials(configurations, seeds, runs, scoring)
        baselines = [runs[trials[0].trial, seed] for seed in seeds]
        return cls(
            trials,
            confirmed_references(baselines, scoring),
            runs,
            scoring.objective,
            scoring.targets,
            draw_seed,
        )

    def over_seeds(self) -> ForecastsOverSeeds | None:
        """Return their figures in each window; None where those of a baseline are not known."""
        baseline, *others = self.trials
        of_baseline = {
            one.seed: self.runs[baseline.trial, one.seed]
            for one in baseline.outcomes
            if one.failure is None
        }
        first = next((run.window_statistics for run in of_baseline.values()), None)
        truths = [] if first is None else [one.observed for one in first.each()]
        observed = [truth for truth in truths if truth is not None]
        if len(observed) != len(self.targets.by_variable):
            return None
        seeds = []
        for seed, run in of_baseline.items():
            as_it_is = _windows(run.window_statistics, NO_SHARPENER)
            if as_it_is is None:
                return None
            found = {BASELINE: TrainedForecast(as_it_is, _feasible(baseline, seed))}
            for trial in others:
                own = self.runs[trial.trial, seed]
                found[named_trial(trial.trial)] = TrainedForecast(
                    _windows(own.window_statistics, own.sharpening), _feasible(trial, seed)
                )
                if own.failure is None and own.window_statistics is None:
                    return None
            for reference in self.references:
                found[named_reference(reference.name)] = TrainedForecast(
                    _windows(run.window_statistics, reference.name), _feasible(reference, seed)
                )
            seeds.append(SeedForecasts(as_it_is, found))
        weight = self.objective.rmse_weight
        return ForecastsOverSeeds(observed, self.targets, weight, self.seed, seeds)

    def leads(self, given: ForecastsOverSeeds, over: str = AS_IT_IS) -> list[Lead]:
        """Return the lead of each trial over the baseline, or over it under a sharpener."""
        numbers = [one.trial for one in self.trials[1:]]
        if not numbers:
            return []
        reference = BASELINE if over == AS_IT_IS else named_reference(over)
        found = given.leads([named_trial(number) for number in numbers], reference)
        return [_lead(number, over, one, given) for number, one in zip(numbers, found, strict=True)]

    def leads_of_members(self) -> list[Lead]:
        """Return the lead of each trial over every ensemble without training."""
        baseline, *others = self.trials
        comparisons = []
        for outcome in baseline.outcomes:
            run = self.runs[baseline.trial, outcome.seed]
            windows = run.window_statistics
            truth = windows.observed if windows is not None else None
            references = [
                _compared(run, name)
                for name, values in (run.sharpened or {}).items()
                if values.is_of_members
            ]
            trials = {
                one.trial: _compared(own, own.sharpening)
                for one in others
                if (own := self.runs[one.trial, outcome.seed]).failure is None
            }
            if truth is not None and references and trials:
                weight = self.objective.rmse_weight
                comparisons.append(
                    Comparison(references, trials, truth, self.targets, weight, self.seed)
                )
        return members_leads(*comparisons) if len(comparisons) > 1 else []


def kept_statistics(
    found: WindowStatistics | None, forecasts: Collection[str], *, is_baseline: bool
) -> WindowStatistics | None:
    """Return the statistics of the forecasts that are compared; the truth's with the baseline."""
    if found is None:
        return None

    def kept(one: WindowStatistics) -> WindowStatistics:
        of_forecasts = {n: w for n, w in one.forecasts.items() if n in forecasts}
        truth = one.observed if is_baseline else None
        return one.model_copy(update={"observed": truth, "forecasts": of_forecasts})

    others: Mapping[str, WindowStatistics] = {name: kept(one) for name, one in found.others.items()}
    return kept(found).model_copy(update={"others": others})


def _windows(found: WindowStatistics | None, sharpener: str) -> Windows | None:
    """Return the windows of every variable; None where one has none, or has diverged."""
    if found is None:
        return None
    windows = [one.forecasts.get(sharpener) for one in found.each()]
    known = [one for one in windows if one is not None and one.is_finite]
    return known if len(known) == len(windows) else None


def _feasible(one: OverSeeds, seed: int) -> bool:
    return any(outcome.seed == seed and outcome.feasible for outcome in one.outcomes)


def _lead(number: int, over: str, one: LeadOverSeeds, given: ForecastsOverSeeds) -> Lead:
    return Lead(
        trial=number,
        reference=over,
        score=one.score,
        rmse=one.rmse,
        score_chance=one.score_chance,
        rmse_chance=one.rmse_chance,
        blocks=given.blocks,
        compared=one.compared,
        seeds=len(given.seeds),
    )


def _compared(run: ConfirmedRun, sharpener: str) -> ComparedForecast:
    assert run.judgement is not None, "its training did not fail"
    rmse = run.forecasts[sharpener].error
    return ComparedForecast.of(0.0, rmse, sharpener, run.window_statistics)
