"""Whether a confirmed forecast holds, guard by guard and target by target, for the verdict."""

from collections.abc import Sequence
from statistics import fmean

from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.ranking import TIE
from fieldsharp.objectives.verdicts.confirmed import ConfirmedForecast, ConfirmedResult
from fieldsharp.sweep.study.confirmation.records import (
    BrokenGuard,
    Confirmation,
    ConfirmedTrial,
    OverSeeds,
    Spread,
)
from fieldsharp.sweep.study.confirmation.seed_scoring import best_first
from fieldsharp.sweep.study.data_summary import BandSummary


def confirmed_result(confirmation: Confirmation) -> ConfirmedResult:
    """Return a confirmation as the verdict needs it.

    A forecast holds if it breaks no guard with any seed, has a better held score than the baseline,
    and its mean gradient and peak miss their bands by less than half their width: the test split is
    another sample than the one that trials were chosen on.
    """
    baseline = confirmation.for_trial(confirmation.baseline)
    assert baseline is not None, "the baseline is always confirmed"
    compared: list[OverSeeds] = [
        *(one for one in confirmation.trials if one.trial != confirmation.baseline),
        *confirmation.references,
    ]
    first = best_first(compared)
    ranked = [*first, *(one for one in compared if not any(one is other for other in first))]
    forecasts = [_forecast(one, baseline, confirmation) for one in ranked]
    return ConfirmedResult(forecasts, confirmation.sentence)


def _forecast(
    one: OverSeeds, baseline: ConfirmedTrial, confirmation: Confirmation
) -> ConfirmedForecast:
    is_trial = isinstance(one, ConfirmedTrial)
    name = one.sharpening if isinstance(one, ConfirmedTrial) else getattr(one, "name", "")
    better = one.held_score.mean < baseline.held_score.mean - TIE
    faults = _faults_of_seeds(one)
    for what, spread, band in confirmation.sharpness(one):
        faults += _missed(what, spread, band)
    faults += _behind_references(one)
    if not better:
        faults.append(
            f"its mean score, {one.held_score.mean:.4g}, is no better than the baseline's, "
            f"{baseline.held_score.mean:.4g}"
        )
    return ConfirmedForecast(
        trial=one.trial if isinstance(one, ConfirmedTrial) else confirmation.baseline,
        sharpener="" if name == NO_SHARPENER else name,
        is_reference=not is_trial,
        score=one.held_score.mean,
        faults=tuple(faults),
        gains=better and one.mostly_feasible,
    )


def _faults_of_seeds(one: OverSeeds) -> list[str]:
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
        faults.append(f"its training fails with {failed} of {seeds} seeds")
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
