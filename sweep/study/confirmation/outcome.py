"""Whether a confirmed forecast holds, guard by guard and target by target, for the verdict."""

from collections.abc import Sequence
from statistics import fmean

from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.ranking import TIE
from fieldsharp.objectives.verdicts.confirmed import ConfirmedForecast, ConfirmedResult
from fieldsharp.sweep.study.confirmation.over_seeds import (
    BrokenGuard,
    ConfirmedTrial,
    OverSeeds,
    Spread,
)
from fieldsharp.sweep.study.confirmation.records import BandsOfSplit, Confirmation, Tested
from fieldsharp.sweep.study.confirmation.seed_scoring import best_first
from fieldsharp.sweep.study.confirmation.winner import may_be_chance
from fieldsharp.sweep.study.data_summary import BandSummary


def confirmed_result(confirmation: Confirmation) -> ConfirmedResult:
    """Return a confirmation as the verdict needs it.

    A forecast holds if it breaks no guard with any seed, has a better held score than the baseline,
    which is more than chance, and its mean gradient and peak miss their bands by less than half
    their width: the test split is another sample than the one that trials were chosen on. The
    winner has to hold on both splits; other trials, which are not tested, never do.
    """
    if confirmation.part == "test":
        ranking = _of_an_earlier_version(confirmation)
        return ConfirmedResult(ranking, confirmation.sentence, split="test")
    tested = confirmation.tested
    trials = [one for one in confirmation.trials if one.trial != confirmation.baseline]
    order = best_first(trials)
    ranked = [*order, *(one for one in trials if not any(one is other for other in order))]
    of_trials = [_compared(one, confirmation) for one in ranked]
    if tested is None or tested.reference is None:
        return ConfirmedResult(of_trials, confirmation.sentence)
    reference = _reference(tested, confirmation)
    number = confirmation.winner
    lead = confirmation.lead_over_reference(number) if number is not None else None
    is_first = lead is not None and lead.more_than_chance and not lead.is_behind
    if reference.holds and not is_first:
        return ConfirmedResult([reference, *of_trials], confirmation.sentence)
    return ConfirmedResult([*of_trials[:1], reference, *of_trials[1:]], confirmation.sentence)


def _of_an_earlier_version(confirmation: Confirmation) -> list[ConfirmedForecast]:
    """Return the forecasts of a confirmation that compared all of them on the test split."""
    baseline = confirmation.for_trial(confirmation.baseline)
    assert baseline is not None, "the baseline is always confirmed"
    compared: list[OverSeeds] = [
        *(one for one in confirmation.trials if one.trial != confirmation.baseline),
        *confirmation.references,
    ]
    first = best_first(compared)
    ranked = [*first, *(one for one in compared if not any(one is other for other in first))]
    return [
        ConfirmedForecast(
            trial=one.trial if isinstance(one, ConfirmedTrial) else confirmation.baseline,
            sharpener=_sharpener(
                one.sharpening if isinstance(one, ConfirmedTrial) else getattr(one, "name", "")
            ),
            is_reference=not isinstance(one, ConfirmedTrial),
            score=one.held_score.mean,
            faults=tuple(_faults(one, baseline, confirmation)),
            gains=_gains(one, baseline),
        )
        for one in ranked
    ]


def _compared(one: ConfirmedTrial, confirmation: Confirmation) -> ConfirmedForecast:
    """Return a trial: the winner with its test, another as one that is behind or refused."""
    baseline, tested = confirmation.trials[0], confirmation.tested
    faults = [f"{fault} on the validation split" for fault in _faults(one, baseline, confirmation)]
    score, gains = one.held_score.mean, _gains(one, baseline)
    lead = confirmation.lead(one.trial)
    if one.trial == confirmation.refused and lead is not None and may_be_chance(lead):
        faults.append(f"it is {lead.words}, which may be chance")
    elif one.trial != confirmation.winner:
        if confirmation.best != confirmation.baseline:
            faults.append(f"trial {confirmation.best} was better on the validation split")
        elif not faults:
            faults.append("the baseline was better on the validation split")
    elif tested is not None and tested.winner is not None:
        faults += [
            f"{fault} on the test split"
            for fault in _faults(tested.winner, tested.baseline, tested)
        ]
        score = tested.winner.held_score.mean
        gains = gains and _gains(tested.winner, tested.baseline)
    return ConfirmedForecast(
        trial=one.trial,
        sharpener=_sharpener(one.sharpening),
        is_reference=False,
        score=score,
        faults=tuple(faults),
        gains=gains,
    )


def _reference(tested: Tested, confirmation: Confirmation) -> ConfirmedForecast:
    """Return the best reference, as its test shows it."""
    assert tested.reference is not None, "there is one"
    return ConfirmedForecast(
        trial=confirmation.baseline,
        sharpener=_sharpener(tested.sharpener),
        is_reference=True,
        score=tested.reference.held_score.mean,
        faults=tuple(
            f"{fault} on the test split"
            for fault in _faults(tested.reference, tested.baseline, tested)
        ),
        gains=_gains(tested.reference, tested.baseline),
    )


def _sharpener(name: str) -> str:
    return "" if name == NO_SHARPENER else name


def _is_better(one: OverSeeds, baseline: OverSeeds) -> bool:
    return one.held_score.mean < baseline.held_score.mean - TIE


def _gains(one: OverSeeds, baseline: OverSeeds) -> bool:
    return _is_better(one, baseline) and one.mostly_feasible


def _faults(one: OverSeeds, baseline: OverSeeds, bands: BandsOfSplit) -> list[str]:
    """Return what keeps a forecast from being confirmed on a split, a clause each."""
    faults = faults_of_seeds(one)
    for what, spread, band in bands.sharpness(one):
        faults += _missed(what, spread, band)
    faults += _behind_references(one)
    if not _is_better(one, baseline):
        faults.append(
            f"its mean score, {one.held_score.mean:.4g}, is no better than the baseline's, "
            f"{baseline.held_score.mean:.4g}"
        )
    return faults


def faults_of_seeds(one: OverSeeds) -> list[str]:
    """Return each guard that breaks, with lead, value, limit and number of seeds; and failures."""
    seeds = len(one.outcomes)
    names = dict.fromkeys(name for o in one.outcomes for name in o.guards_broken)
    faults = []
    for name in names:
        count = sum(name in outcome.guards_broken for outcome in one.outcomes)
        details = [guard for o in one.outcomes for guard in o.broken if guard.name == name]
        faults.append(f"breaks {name}{_detail(details)} with {count} of {seeds} seeds")
    failed = sum(outcome.failure is not None for outcome in one.outcomes)
    if failed:
        faults.append(f"fails to train with {failed} of {seeds} seeds")
    return faults


def _behind_references(one: OverSeeds) -> list[str]:
    """Return in what the members of an ensemble are no better than those made without training."""
    members = [outcome.members for outcome in one.outcomes if outcome.members is not None]
    if not members:
        return []
    shares = {
        "CRPS": fmean(seed.crps_over_reference for seed in members),
        "variogram score": fmean(seed.variogram_over_reference for seed in members),
    }
    return [
        f"its {name} is {share:.3f} of that of an ensemble without training, no better"
        for name, share in shares.items()
        if share >= 1.0
    ]


def _detail(guards: Sequence[BrokenGuard]) -> str:
    """Return lead, mean value and limit of a guard that breaks with some seeds."""
    values = [guard.value for guard in guards if guard.value is not None]
    limits = [guard.limit for guard in guards if guard.limit is not None]
    if not values or not limits:
        return ""
    leads = sorted({guard.lead for guard in guards if guard.lead is not None})
    at = f"lead {' and '.join(map(str, leads))}, " if leads else ""
    mean = "mean of " if len(values) > 1 else ""
    return f" ({at}{mean}{fmean(values):.4g}, limit {fmean(limits):.4g})"


def _missed(name: str, spread: Spread, band: BandSummary) -> list[str]:
    bounds = band.band()
    if bounds.nearly_holds(spread.mean):
        return []
    below = spread.mean < bounds.low
    side, limit = ("short of", bounds.low) if below else ("above", bounds.high)
    return [f"its {name}, {spread.mean:.4g}, is {side} {limit:.4g}"]
