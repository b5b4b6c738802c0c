"""Sentences of a report about the members of an ensemble."""

import math
from collections.abc import Sequence

from fieldsharp.objectives.members.scores import EventScores, MembersScores
from fieldsharp.sweep.pictures.members.names import ensemble_name
from fieldsharp.sweep.pictures.members.rank_histogram import chance_in_words
from fieldsharp.sweep.pictures.members.reliability import event_name, observed_frequency
from fieldsharp.sweep.pictures.number_scale import number_scale
from fieldsharp.sweep.report.formatting import count, listed, number, percent, ratio
from fieldsharp.sweep.report.members_comparison import MembersComparison
from fieldsharp.sweep.report.model import share, shares_of_observed
from fieldsharp.sweep.report.sentences import capital


def members_sentences(found: MembersComparison, units: str) -> list[str]:
    """Return which ensemble is shown, how its CRPS compares, and whether its spread is honest."""
    return [_which(found), _of_crps(found, units), _of_spread(found)]


def _which(found: MembersComparison) -> str:
    scores = found.result.overall
    text = (
        f"{capital(found.name)} was judged with {scores.members} members of "
        f"{count(scores.windows, 'window')} of the validation split"
    )
    if not found.is_chosen:
        text += "; of the trials with members it is the best"
    broken = found.guards_broken
    return f"{text}. It breaks {listed(broken)}, so it cannot win." if broken else f"{text}."


def _of_crps(found: MembersComparison, units: str) -> str:
    scores = found.result.overall
    references = {name: one.overall.crps for name, one in found.references.items()}
    scale = number_scale([scores.crps, *references.values()])
    text = f"Their fair CRPS is {scale.with_units(scores.crps, units)}"
    best = found.best_reference
    if best is None:
        return f"{text}; there is no ensemble without training to compare it with."
    skill = skill_over(scores.crps, references[best])
    if skill is not None:
        less = "below" if skill >= 0 else "above"
        of_best = scale.with_units(references[best], units)
        text += f", {abs(100.0 * skill):.1f} % {less} that of the {ensemble_name(best)} ({of_best})"
    others = [
        f"the {ensemble_name(name)} has {scale.with_units(value, units)}"
        for name, value in references.items()
        if name != best
    ]
    return f"{text}; {listed(others)}." if others else f"{text}."


def _of_spread(found: MembersComparison) -> str:
    scores, values = found.result.overall, found.record.judgement.overall
    of_gradient, of_peak = shares_of_observed(values, found.targets.peak.offset)
    rmse = share(scores.rmse_of_mean_without_sampling, found.baseline.judgement.overall.get("rmse"))
    text = (
        f"A member has {percent(of_gradient)} of the observed gradient and {percent(of_peak)} of "
        "the peak's height above the mean. "
        if of_gradient is not None
        else ""
    )
    return (
        f"{text}The mean of endless members has {ratio(rmse)} times the baseline's RMSE, and the "
        f"spread is {ratio(scores.spread_over_error)} of the error of the mean, where 1 is honest."
    )


def skill_over(crps: float, reference: float) -> float | None:
    """Return how far a CRPS is below that of a reference, as a share of it."""
    of_reference = share(crps, reference)
    return None if of_reference is None else 1.0 - of_reference


def rank_sentence(scores: MembersScores) -> str:
    """Return how often the truth is outside of all members, and what chance says."""
    histogram = scores.rank_histogram
    return (
        f"The truth is below all members in {percent(histogram[0])} of the cells and above all in "
        f"{percent(histogram[-1])}, where a flat histogram has {percent(1.0 / len(histogram))}: "
        f"{chance_in_words(scores)}."
    )


def reliability_sentence(event: EventScores, variable: str, units: str) -> str:
    """Return how often an event happened where no member, and where every member, forecast it."""
    frequency = event.reliability.frequency
    known = (("no member is above", frequency[0]), ("every member is", frequency[-1]))
    clauses = [f"in {_percent(value)} where {words}" for words, value in known if value is not None]
    often = _percent(observed_frequency(event))
    text = f"{variable} is {event_name(event, units)} in {often} of the cells"
    return f"{text}; {listed(clauses)}." if clauses else f"{text}."


def spread_sentence(by_lead: Sequence[MembersScores], ahead: Sequence[str]) -> str:
    """Return the spread over the error of the mean at the first and the last lead."""
    first, last = by_lead[0].spread_over_error, by_lead[-1].spread_over_error
    text = f"The spread is {ratio(first)} of the error of the mean {ahead[0]}"
    if len(by_lead) > 1:
        text += f" and {ratio(last)} of it {ahead[-1]}"
    return f"{text}; above 1 the members are too unsure, below it too sure."


def maps_sentence(members: int) -> str:
    """Return what the maps of members show."""
    return (
        f"Truth, three members, and the mean of all {members} share one colour scale; their spread "
        "is the standard deviation, on a scale of its own."
    )


def _percent(value: float) -> str:
    """Return a share in percent, with two digits where it is small."""
    if value and math.isfinite(value) and abs(value) < 0.1:
        return f"{number(100.0 * value, 2)} %"
    return percent(value)
