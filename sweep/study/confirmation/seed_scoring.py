"""Scores runs with new seeds against the baseline's of the same seed, and chooses the winner."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TypeVar

from fieldsharp.core.errors import FieldsharpError
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.guards import broken
from fieldsharp.objectives.limits.error_limit import all_rmse_multiples
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.members.result import best_crps
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.ranking import ranked
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.sharpened import JudgedForecast, judge
from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.study.confirmation.over_seeds import (
    BrokenGuard,
    ConfirmedReference,
    ConfirmedTrial,
    MembersOfSeed,
    OverSeeds,
    SeedOfVariable,
    SeedOutcome,
    Spread,
    VariableOverSeeds,
)
from fieldsharp.sweep.study.confirmation.runs import ConfirmedRun, Runs

Kind = TypeVar("Kind", bound=OverSeeds)
NOT_FITTED = "the sharpener cannot be fitted on the forecasts of this training"


@dataclass(frozen=True)
class SeedScoring:
    """Scores runs against the baseline's of the same seed."""

    objective: ObjectiveSettings
    targets: Targets
    field: FieldVariation | None = None

    def outcome(self, run: ConfirmedRun, baseline: ConfirmedRun) -> SeedOutcome:
        """Return a run with its sharpener, compared with the baseline's with its seed."""
        if run.judgement is None or baseline.judgement is None:
            return SeedOutcome(seed=run.seed, failure=run.failure)
        found = _outcome(run.seed, self._judged(run, baseline)[run.sharpening])
        return found.model_copy(update={"members": _members(run.judgement, baseline)})

    def references(self, baseline: ConfirmedRun) -> dict[str, SeedOutcome]:
        """Return a run of the baseline under each of its sharpeners, compared with it as it is.

        Ensembles that are made from it are not among them: they are what members are compared with.
        """
        judged = self._judged(baseline, baseline)
        single = (n for n, v in (baseline.sharpened or {}).items() if not v.is_of_members)
        return {name: _outcome(baseline.seed, judged[name]) for name in single}

    def _judged(self, run: ConfirmedRun, baseline: ConfirmedRun) -> dict[str, JudgedForecast]:
        assert baseline.judgement is not None, "it did not fail"
        found = judge(
            *(run.forecasts, NO_SHARPENER, self.objective, self.targets, baseline.judgement),
            field=self.field,
            rmse_multiples=all_rmse_multiples(
                self.objective.guards, baseline.frontier, baseline.judgement
            ),
            crps=best_crps(baseline.sharpened or {}, self.targets.by_variable),
        )
        return {one.sharpener: one for one in found}


def _outcome(seed: int, judged: JudgedForecast) -> SeedOutcome:
    metrics = judged.values.overall
    wrong = broken(judged.guards)
    return SeedOutcome(
        seed=seed,
        score=judged.score.total,
        gradient=metrics["gradient"],
        peak=metrics["peak"],
        rmse=metrics["rmse"],
        guards_broken=[guard.name for guard in wrong],
        broken=[
            BrokenGuard(
                name=guard.name,
                lead=guard.lead,
                value=guard.value if math.isfinite(guard.value) else None,
                limit=guard.limit if math.isfinite(guard.limit) else None,
            )
            for guard in wrong
        ],
        error=judged.error if judged.score.by_variable else None,
        variables={
            name: _of_variable(score.total, judged.values.of(name).overall)
            for name, score in judged.score.by_variable.items()
        },
    )


def _members(found: MetricValues, baseline: ConfirmedRun) -> MembersOfSeed | None:
    """Return the members of a run beside those made from the baseline of its seed."""
    references = [one for one in (baseline.sharpened or {}).values() if one.is_of_members]
    if not found.is_of_members or not references or baseline.judgement is None:
        return None

    def over(metric: str, names: Sequence[str]) -> float:
        return max(
            found.of(name).overall[metric] / reference.of(name).overall[metric]
            for name in names
            for reference in references
        )

    names = ("", *found.others)
    of_mean = "rmse_of_mean_without_sampling"
    return MembersOfSeed(
        crps=found.crps,
        spread_over_error=found.overall["spread_over_error"],
        crps_over_reference=over("crps", names),
        variogram_over_reference=over("variogram_score", names),
        rmse_of_mean_over_baseline=max(
            found.of(name).overall[of_mean] / baseline.judgement.of(name).overall["rmse"]
            for name in names
        ),
    )


def _of_variable(score: float, metrics: Mapping[str, float]) -> SeedOfVariable:
    return SeedOfVariable(
        score=score, gradient=metrics["gradient"], peak=metrics["peak"], rmse=metrics["rmse"]
    )


def confirmed_trials(
    configurations: Mapping[int, str], seeds: Sequence[int], runs: Runs, scoring: SeedScoring
) -> list[ConfirmedTrial]:
    """Return each configuration, described by trial with the baseline first, over its seeds.

    Raises:
        FieldsharpError: If the baseline failed with every seed.
    """
    number = next(iter(configurations))
    baselines = {seed: runs[number, seed] for seed in seeds}
    comparable = [seed for seed in seeds if baselines[seed].judgement is not None]
    if not comparable:
        raise FieldsharpError(
            f"the baseline (trial {number}) failed with every new seed, and nothing can be "
            f"compared without it: {runs[number, seeds[0]].failure}; once that is mended, run the "
            "same command again"
        )
    outcomes = {
        trial: [
            scoring.outcome(runs[trial, seed], baselines[seed])
            for seed in (seeds if trial == number else comparable)
        ]
        for trial in configurations
    }
    return [
        ConfirmedTrial(
            trial=trial,
            configuration=words,
            sharpening=runs[trial, seeds[0]].sharpening,
            **dict(_over_seeds(outcomes[trial], None if trial == number else outcomes[number])),
        )
        for trial, words in configurations.items()
    ]


def confirmed_references(
    baselines: Sequence[ConfirmedRun], scoring: SeedScoring
) -> list[ConfirmedReference]:
    """Return the baseline under each sharpener, over the seeds with which it did not fail.

    Args:
        baselines: Its runs, one for each seed.
        scoring: Compares each with the same run without a sharpener.

    Returns:
        One for each sharpener that could be fitted with any seed, in the order of the registry;
        none where an earlier version trained the baseline with one of the seeds, since the
        references would not be over the same seeds as the trials.
    """
    trained = [run for run in baselines if run.judgement is not None]
    if any(run.sharpened is None for run in trained):
        return []
    plain = [scoring.outcome(run, run) for run in trained]
    found = {run.seed: scoring.references(run) for run in trained}
    names = dict.fromkeys(name for outcomes in found.values() for name in outcomes)
    return [
        ConfirmedReference(
            name=name,
            **dict(
                _over_seeds(
                    [
                        outcomes.get(name, SeedOutcome(seed=seed, failure=NOT_FITTED))
                        for seed, outcomes in found.items()
                    ],
                    plain,
                )
            ),
        )
        for name in names
    ]


def winner(trials: Sequence[ConfirmedTrial]) -> ConfirmedTrial | None:
    """Return the best of the mostly feasible trials, None where there is none."""
    return next(iter(best_first(trials)), None)


def best_first(found: Sequence[Kind]) -> list[Kind]:
    """Return those that are mostly feasible, the best first.

    The best has the lowest held score; of those within 0.001 of it the lowest RMSE, as a share of
    the baseline's with the same seed; of equals the first.
    """
    eligible = [one for one in found if one.mostly_feasible]
    rmses = [
        math.nan if one.rmse_over_baseline is None else one.rmse_over_baseline for one in eligible
    ]
    return [eligible[i] for i in ranked([one.held_score.mean for one in eligible], rmses)]


def spread(values: Sequence[float]) -> Spread | None:
    """Return the mean and its standard error, the standard deviation (n - 1) over sqrt(n)."""
    if not values:
        return None
    error = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    return Spread(mean=fmean(values), error=error)


def _over_seeds(outcomes: list[SeedOutcome], baseline: list[SeedOutcome] | None) -> OverSeeds:
    """Return the outcomes of all seeds together; without a baseline they are the baseline's."""
    reference = outcomes if baseline is None else baseline
    scores = {o.seed: o.score for o in reference if o.score is not None}
    rmses = {o.seed: _error(o) for o in reference if _error(o)}  # no ratio to zero
    held = _held_scores(outcomes, reference)
    held_score = spread(list(held.values()))
    assert held_score is not None, "the baseline was trained to the end with one of these seeds"
    ratios = [
        error / of_baseline
        for o in outcomes
        if (error := _error(o)) is not None and (of_baseline := rmses.get(o.seed)) is not None
    ]
    return OverSeeds(
        score=spread([o.score for o in outcomes if o.score is not None]),
        held_score=held_score,
        gradient=spread([o.gradient for o in outcomes if o.gradient is not None]),
        peak=spread([o.peak for o in outcomes if o.peak is not None]),
        rmse=spread([o.rmse for o in outcomes if o.rmse is not None]),
        rmse_over_baseline=fmean(ratios) if ratios else None,
        below_baseline=None
        if baseline is None
        else spread([scores[seed] - score for seed, score in held.items()]),
        feasible=sum(o.feasible for o in outcomes),
        outcomes=outcomes,
        variables=_variables_over_seeds(outcomes),
    )


def _error(outcome: SeedOutcome) -> float | None:
    return outcome.rmse if outcome.error is None else outcome.error


def _variables_over_seeds(outcomes: Sequence[SeedOutcome]) -> dict[str, VariableOverSeeds]:
    trained = [o.variables for o in outcomes if o.variables]
    figures = VariableOverSeeds.model_fields
    return {
        name: VariableOverSeeds.model_validate(
            {f: spread([getattr(one[name], f) for one in trained]) for f in figures}
        )
        for name in (trained[0] if trained else ())
    }


def _held_scores(
    outcomes: Sequence[SeedOutcome], baseline: Sequence[SeedOutcome]
) -> dict[int, float]:
    """Return the held score of each seed with which the baseline did not fail."""
    scores = {o.seed: o.score for o in baseline if o.score is not None}
    return {o.seed: _held_score(o, scores[o.seed]) for o in outcomes if o.seed in scores}


def _held_score(outcome: SeedOutcome, baseline: float) -> float:
    """Return the score of a seed; no better than the baseline's where it is not feasible."""
    if outcome.score is None:
        return baseline
    return outcome.score if outcome.feasible else max(outcome.score, baseline)
