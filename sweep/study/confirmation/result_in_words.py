"""The result of a confirmation in words: which trial wins, and how it compares with references."""

from collections.abc import Sequence

from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.ranking import TIE
from fieldsharp.sweep.study.confirmation.records import (
    Confirmation,
    ConfirmedReference,
    ConfirmedTrial,
    OverSeeds,
    Spread,
)
from fieldsharp.sweep.study.confirmation.seed_scoring import best_first, paired_difference

CLEAR_ERRORS = 2.0
"""Standard errors from which on a difference counts as more than chance."""
NOT_APART = "so the two cannot be told apart"
EQUAL = f"which counts as equal (within {TIE:g})"


def in_words(
    best: ConfirmedTrial | None,
    trials: Sequence[ConfirmedTrial],
    references: Sequence[ConfirmedReference] = (),
) -> str:
    """Return which trial wins and by how much, and how the best reference compares with it.

    Args:
        best: The winner, None where there is none.
        trials: The baseline first.
        references: The baseline under each sharpener.
    """
    if best is None:
        return (
            "nothing wins: no configuration, the baseline included, breaks no guard with more than "
            "half of its seeds on the test split"
        )
    if best is trials[0]:
        said = f"the baseline (trial {best.trial}) wins: {_nearest_behind(trials[1:])}"
    else:
        said = _trial_wins(best, trials)
    return said + _beside_references(best, trials, references)


def title(trial: ConfirmedTrial) -> str:
    """Return the number of a trial, and its sharpener if it has one."""
    under = "" if trial.sharpening == NO_SHARPENER else f" under {trial.sharpening}"
    return f"trial {trial.trial}{under}"


def held_scores(confirmation: Confirmation) -> str:
    """Return the held score of each trial, and of the baseline under each sharpener."""
    scores: list[tuple[str, OverSeeds]] = []
    for trial in confirmation.trials:
        if trial.trial == confirmation.baseline:
            scores += [("baseline", trial)]
            scores += [(f"baseline under {one.name}", one) for one in confirmation.references]
        else:
            scores += [(title(trial), trial)]
    return ", ".join(
        f"{name} {found.held_score.mean:.4g}{'' if found.mostly_feasible else ' (cannot win)'}"
        for name, found in scores
    )


def _trial_wins(best: ConfirmedTrial, trials: Sequence[ConfirmedTrial]) -> str:
    below = best.below_baseline
    assert below is not None, "it is not the baseline"
    sentence = (
        f"{title(best)} wins: its mean score on the test split, {best.held_score.mean:.4g}"
        f"{_seeds_held(best)}, lies {abs(below.mean):.4g} "
        f"{'below' if below.mean >= 0 else 'above'} the baseline's"
    )
    if below.mean < 0:
        if trials[0].mostly_feasible:  # it could have won, so it lies close and has the higher RMSE
            return f"{sentence}, {EQUAL}, and its RMSE is lower"
        return (
            f"{sentence} but a guard is broken by it or its training fails with half of the seeds "
            "or more"
        )
    if not below.error:
        sentence += "; with a single seed, or no difference between seeds, no error can be told"
    else:
        errors = below.mean / below.error
        luck = "" if errors >= CLEAR_ERRORS else ", which may be luck: confirm it with more --seeds"
        sentence += f", {errors:.1f} standard errors of the differences by seed{luck}"
    lower = [t for t in best_first(trials[1:]) if t.held_score.mean < best.held_score.mean]
    if lower:
        names = " and ".join(f"{title(t)} ({t.held_score.mean:.4g})" for t in lower)
        sentence += f"; it has a lower RMSE than {names}, whose score is lower, {EQUAL}"
    return sentence


def _seeds_held(one: OverSeeds) -> str:
    """Return how many seeds count no better than the baseline's; "" if none does."""
    infeasible = len(one.outcomes) - one.feasible
    if not infeasible:
        return ""
    return (
        f" with {infeasible} of {len(one.outcomes)} seeds, which broke a guard or failed, counted "
        "no better than the baseline's"
    )


def _nearest_behind(others: Sequence[ConfirmedTrial]) -> str:
    """Return how far the nearest trial is behind a baseline that none beat."""
    eligible = best_first(others)
    if not eligible:
        return (
            "every other configuration breaks a guard or fails with half of its seeds or more on "
            "the test split"
        )
    nearest = eligible[0]
    behind = nearest.below_baseline
    assert behind is not None, "it is not the baseline"
    sentence = f"on the test split the nearest, {title(nearest)}, has a mean score "
    if behind.mean > 0:  # the baseline ranks before it, so it lies close and has the higher RMSE
        return f"{sentence}{behind.mean:.4g} lower, {EQUAL}, and its RMSE is no lower"
    sentence += f"{abs(behind.mean):.4g} higher"
    if not behind.error:
        return f"{sentence}; a single seed, or no difference between seeds, tells no error"
    return f"{sentence}, {_errors(behind, 2, NOT_APART)}"


def _beside_references(
    best: ConfirmedTrial, trials: Sequence[ConfirmedTrial], references: Sequence[ConfirmedReference]
) -> str:
    """Return how the best reference compares with the winner; "" without references."""
    if not references:
        return ""
    eligible = best_first(references)
    if not eligible:
        return (
            "; under every sharpener the baseline, without any further training, breaks a guard "
            "or fails with half of its seeds or more"
        )
    of_all: list[OverSeeds] = best_first([*trials, *references])
    beats_all = next((one for one in eligible if one is of_all[0]), None)
    nearest = beats_all or eligible[0]
    difference = paired_difference(nearest, best, trials[0])
    score = f"{nearest.held_score.mean:.4g}{_seeds_held(nearest)}"
    apart = f"{abs(difference.mean):.4g}"
    doubt = NOT_APART if beats_all is None else "which may be luck"
    errors = f", {_errors(difference, 1, doubt)}" if difference.error else ""
    said = f"; the baseline under {nearest.name}, without any further training,"
    if beats_all is None:
        if abs(difference.mean) <= TIE:
            return f"{said} has {score}, {EQUAL}, and its RMSE is no lower"
        side = "higher" if difference.mean > 0 else "lower"
        return f"{said} has {score}, {apart} {side}{errors}"
    other = "the baseline as it is" if best is trials[0] else title(best)
    if difference.mean >= -TIE:
        return (
            f"{said} is better than every trial: its mean score, {score}, is that of {other} "
            f"within {TIE:g}, and its RMSE is lower"
        )
    return (
        f"{said} is better than every trial: its mean score, {score}, lies {apart} below that of "
        f"{other}{errors}"
    )


def _errors(difference: Spread, digits: int, doubt: str) -> str:
    """Return a difference in standard errors, with the doubt where they are too few."""
    assert difference.error, "else no error can be told"
    errors = abs(difference.mean) / difference.error
    end = "" if errors >= CLEAR_ERRORS else f", {doubt}"
    return f"{errors:.{digits}f} standard errors of the differences by seed{end}"
