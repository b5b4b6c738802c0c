"""Scores runs with new seeds against the baseline's of the same seed, and chooses the winner."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from fieldsharp.core.errors import FieldsharpError
from fieldsharp.objectives.guards import broken, check_guards
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.score import score_forecast
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.study.confirmation.records import (
    ConfirmedRun,
    ConfirmedTrial,
    Runs,
    SeedOutcome,
    Spread,
)

CLEAR_ERRORS = 2.0
"""Standard errors from which on a difference counts as more than chance."""


@dataclass(frozen=True)
class SeedScoring:
    """Scores runs against the baseline's of the same seed."""

    objective: ObjectiveSettings
    targets: Targets

    def outcome(self, run: ConfirmedRun, baseline: MetricValues | None) -> SeedOutcome:
        """Return a run compared with the baseline's metrics for the same seed."""
        if run.judgement is None or baseline is None:
            return SeedOutcome(seed=run.seed, failure=run.failure)
        metrics = run.judgement.overall
        score = score_forecast(
            metrics, self.targets, baseline.overall["rmse"], self.objective.rmse_weight
        )
        violated = broken(check_guards(run.judgement, self.objective.guards, baseline))
        return SeedOutcome(
            seed=run.seed,
            score=score.total,
            gradient=metrics["gradient"],
            peak=metrics["peak"],
            rmse=metrics["rmse"],
            guards_broken=[guard.name for guard in violated],
        )


def confirmed_trials(
    configurations: Mapping[int, str], seeds: Sequence[int], runs: Runs, scoring: SeedScoring
) -> list[ConfirmedTrial]:
    """Return each configuration, described by trial with the baseline first, over its seeds.

    Raises:
        FieldsharpError: If the baseline failed with every seed.
    """
    number = next(iter(configurations))
    baselines = {seed: runs[number, seed].judgement for seed in seeds}
    comparable = [seed for seed in seeds if baselines[seed] is not None]
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
        _confirmed(trial, words, outcomes[trial], None if trial == number else outcomes[number])
        for trial, words in configurations.items()
    ]


def winner(trials: Sequence[ConfirmedTrial]) -> ConfirmedTrial | None:
    """Return the mostly feasible trial with the lowest held score; of equals the first."""
    eligible = [trial for trial in trials if trial.mostly_feasible]
    return min(eligible, key=lambda trial: trial.held_score.mean, default=None)


def in_words(best: ConfirmedTrial | None, trials: Sequence[ConfirmedTrial]) -> str:
    """Return which trial wins and by how much, in words; the baseline is the first of all."""
    if best is None:
        return (
            "nothing wins: no configuration, the baseline included, breaks no guard with more than "
            "half of its seeds on the test split"
        )
    if best is trials[0]:
        return f"the baseline (trial {best.trial}) wins: {_nearest_behind(trials[1:])}"
    below = best.below_baseline
    assert below is not None, "it is not the baseline"
    infeasible = len(best.outcomes) - best.feasible
    held = (
        f" with {infeasible} of {len(best.outcomes)} seeds, which broke a guard or failed, counted "
        "no better than the baseline's"
        if infeasible
        else ""
    )
    sentence = (
        f"trial {best.trial} wins: its mean score on the test split, {best.held_score.mean:.4g}"
        f"{held}, lies {abs(below.mean):.4g} {'below' if below.mean >= 0 else 'above'} the "
        "baseline's"
    )
    if below.mean < 0:  # all are compared over the same seeds: the baseline itself could not win
        return (
            f"{sentence} but a guard is broken by it or its training fails with half of the seeds "
            "or more"
        )
    if not below.error:
        return (
            f"{sentence}; with a single seed, or no difference between seeds, no error can be told"
        )
    errors = below.mean / below.error
    luck = "" if errors >= CLEAR_ERRORS else ", which may be luck: confirm it with more --seeds"
    return f"{sentence}, {errors:.1f} standard errors of the differences by seed{luck}"


def _nearest_behind(others: Sequence[ConfirmedTrial]) -> str:
    """Return how far the nearest trial is behind a baseline that none beat."""
    eligible = [trial for trial in others if trial.mostly_feasible]
    if not eligible:
        return (
            "every other configuration breaks a guard or fails with half of its seeds or more on "
            "the test split"
        )
    nearest = min(eligible, key=lambda trial: trial.held_score.mean)
    behind = nearest.below_baseline
    assert behind is not None, "it is not the baseline"
    sentence = (
        f"on the test split the nearest, trial {nearest.trial}, has a mean score "
        f"{abs(behind.mean):.4g} higher"
    )
    if not behind.error:
        return f"{sentence}; a single seed, or no difference between seeds, tells no error"
    errors = abs(behind.mean) / behind.error
    doubt = "" if errors >= CLEAR_ERRORS else ", so the two cannot be told apart"
    return f"{sentence}, {errors:.2f} standard errors of the differences by seed{doubt}"


def spread(values: Sequence[float]) -> Spread | None:
    """Return the mean and its standard error, the standard deviation (n - 1) over sqrt(n)."""
    if not values:
        return None
    error = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    return Spread(mean=fmean(values), error=error)


def _confirmed(
    trial: int, words: str, outcomes: list[SeedOutcome], baseline: list[SeedOutcome] | None
) -> ConfirmedTrial:
    """Return one configuration over its seeds; without a baseline it is the baseline itself."""
    reference = outcomes if baseline is None else baseline
    scores = {o.seed: o.score for o in reference if o.score is not None}
    rmses = {o.seed: o.rmse for o in reference if o.rmse}  # no ratio to zero
    held = {o.seed: _held_score(o, scores[o.seed]) for o in outcomes if o.seed in scores}
    held_score = spread(list(held.values()))
    assert held_score is not None, "the baseline was trained to the end with one of these seeds"
    ratios = [o.rmse / rmses[o.seed] for o in outcomes if o.rmse is not None and o.seed in rmses]
    return ConfirmedTrial(
        trial=trial,
        configuration=words,
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
    )


def _held_score(outcome: SeedOutcome, baseline: float) -> float:
    """Return the score of a seed; no better than the baseline's where it is not feasible."""
    if outcome.score is None:
        return baseline
    return outcome.score if outcome.feasible else max(outcome.score, baseline)
