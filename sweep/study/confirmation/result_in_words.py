"""The result of a confirmation in words: which trial wins, how sure that is, and its test."""

from collections.abc import Sequence

from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.leads.intervals import Interval
from fieldsharp.objectives.leads.lead import Lead
from fieldsharp.objectives.ranking import TIE
from fieldsharp.sweep.study.confirmation.outcome import faults_of_seeds
from fieldsharp.sweep.study.confirmation.over_seeds import ConfirmedTrial, OverSeeds
from fieldsharp.sweep.study.confirmation.records import Confirmation, Tested, TestedForecast
from fieldsharp.sweep.study.confirmation.seed_scoring import best_first
from fieldsharp.sweep.study.confirmation.winner import may_be_chance

EQUAL = f"which counts as equal (within {TIE:g})"


def in_words(found: Confirmation) -> str:
    """Return which trial wins, how it compares with the best reference, and what its test shows."""
    clauses = [_comparison(found), _beside_reference(found)]
    if found.tested is not None:
        clauses.append(_test(found.tested))
    return "; ".join(filter(None, clauses))


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


def _comparison(found: Confirmation) -> str:
    """Return which trial wins on the validation split, and by how much."""
    baseline, *others = found.trials
    if found.best is None:
        return (
            "nothing wins: no configuration, the baseline included, breaks no guard with more than "
            "half of its seeds on the validation split"
        )
    if found.best == found.baseline:
        return f"the baseline (trial {found.baseline}) wins: {_nearest_behind(found, others)}"
    best = found.for_trial(found.best)
    assert best is not None, "it was compared"
    lead = found.lead(best.trial)
    seeds = f"{len(found.seeds)} new seed{'' if len(found.seeds) == 1 else 's'}"
    if found.refused is not None:
        assert lead is not None, "it is refused by its lead"
        return (
            f"no trial wins: {title(best)}, the best with {seeds} on the validation split, is "
            f"{lead.words}, which may be chance{_among(lead)}"
        )
    verb = "is the best" if lead is not None and lead.provisional else "wins"
    said = f"{title(best)} {verb} with {seeds} on the validation split"
    if lead is None:
        below = baseline.held_score.mean - best.held_score.mean
        side = "below" if below >= 0 else "above"
        said += f": its mean score lies {abs(below):.4g} {side} the baseline's"
    else:
        said += f": it is {lead.words}{_among(lead)}"
    if not best.all_feasible:
        said += f"; it {' and '.join(faults_of_seeds(best))}"
    return said


def _among(lead: Lead) -> str:
    return f", among {lead.compared} that were compared" if lead.compared > 1 else ""


def _nearest_behind(found: Confirmation, others: Sequence[ConfirmedTrial]) -> str:
    """Return how far the nearest trial is behind a baseline that none beat."""
    eligible = best_first(others)
    if not eligible:
        return (
            "every other configuration breaks a guard or fails with half of its seeds or more on "
            "the validation split"
        )
    nearest = eligible[0]
    behind = nearest.held_score.mean - found.trials[0].held_score.mean
    sentence = f"on the validation split the nearest, {title(nearest)}, has a mean score "
    if behind < 0:  # the baseline ranks before it, so it lies close and has the higher RMSE
        return f"{sentence}{abs(behind):.4g} lower, {EQUAL}, and its RMSE is no lower"
    return f"{sentence}{behind:.4g} higher"


def _beside_reference(found: Confirmation) -> str:
    """Return how the best trial compares with the best reference; "" without references."""
    if not found.references:
        return ""
    eligible = best_first(found.references)
    if not eligible:
        return (
            "under every sharpener the baseline, without any further training, breaks a guard or "
            "fails with half of its seeds or more"
        )
    name = f"the baseline under {eligible[0].name}, without any further training,"
    lead = None if found.best is None else found.lead_over_reference(found.best)
    if lead is None:
        return f"{name} has a mean score of {eligible[0].held_score.mean:.4g}"
    if lead.is_behind:
        return f"{name} is better: the trial is {lead.words}"
    if may_be_chance(lead):
        return f"it is {lead.words}, which may be chance"
    return f"it is {lead.words}"


def _test(tested: Tested) -> str:
    """Return what the winner comes to on the test split, beside baseline and reference."""
    again = "" if tested.readings == 1 else f", read for {tested.readings} winners by now"
    parts = []
    if tested.winner is not None:
        parts.append(f"it has {_figures(tested.winner)}")
        faults = faults_of_seeds(tested.winner)
        if faults:
            parts.append(f"it {' and '.join(faults)}")
    parts.append(f"the baseline has {_figures(tested.baseline, of_baseline=True)}")
    if tested.reference is not None:
        parts.append(f"the baseline under {tested.sharpener} has {_figures(tested.reference)}")
    if tested.leads:
        parts.append(f"there the winner is {' and '.join(lead.words for lead in tested.leads)}")
    return f"on the test split{again}, {'; '.join(parts)}"


def _figures(one: TestedForecast, *, of_baseline: bool = False) -> str:
    """Return gradient, peak and RMSE with their intervals; of several variables of the first."""
    if one.intervals is None:
        return f"a mean score of {one.held_score.mean:.4g}"
    of = one.intervals[0]
    sharpness = f"{_share(of.gradient)} of the observed gradient and {_share(of.peak)} of the peak"
    return sharpness if of_baseline else f"{sharpness} at {_share(of.rmse)} of the baseline's RMSE"


def _share(one: Interval) -> str:
    if one.low is None or one.high is None:
        return f"{one.value:.2f} (can't be told more closely)"
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"
