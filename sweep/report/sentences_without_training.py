"""Sentences of the report about what needs no training, and about the frontier."""

from fieldsharp.objectives.ranking import TIE
from fieldsharp.sweep.pictures.members.names import reference_name
from fieldsharp.sweep.report.formatting import count, listed, number, percent, ratio
from fieldsharp.sweep.report.model import MEMBERS, ComparedForecast, Report, WithoutTraining
from fieldsharp.sweep.report.sentences import capital, cost_sentence, name_of

SAME_SHARE = 0.005
"""Ratios that differ by less are called equal."""


def references_sentence(report: Report) -> str:
    """Return which sharpener of the baseline is the best, or why there is none."""
    found = report.without_training
    best = found.reference if found is not None else None
    if found is None:
        return ""
    if best is None:
        return f"There is nothing to compare with: {found.why_none}."
    text = (
        f"{_kinds_of_references(report, found, best)} is the best: score "
        f"{number(best.score, 3)} where the baseline has {number(found.baseline.score, 3)}"
    )
    if best.gradient_share is not None:
        text += (
            f", with {percent(best.gradient_share)} of the observed gradient and "
            f"{percent(best.peak_share)} of the peak"
        )
    text += f" at {ratio(best.rmse_share)} times the baseline's RMSE."
    if best.guards_broken:
        text += f" It breaks {listed(best.guards_broken)}, as every one breaks some guard."
    return text


def _kinds_of_references(report: Report, found: WithoutTraining, best: ComparedForecast) -> str:
    """Return what needs no training, and the best of it as the subject of a sentence."""
    if report.mode == MEMBERS:
        return (
            "Ensembles that need no training are the baseline dressed with errors that it made in "
            "training, and the climatology, fields of the training data; their figures are those "
            f"of single members. Of {count(len(found.references), 'reference')}, the "
            f"{reference_name(best.sharpener)}"
        )
    of = count(len(found.references), "sharpener")
    return (
        f"A sharpener is a last step fitted on forecasts of training frames; nothing more is "
        f"trained. Of {of} of the baseline, {best.sharpener}"
    )


def added_sentence(report: Report) -> str:
    """Return what the chosen trial has beyond the best that needs no training."""
    found = report.without_training
    best = found.reference if found is not None else None
    if found is None or best is None:
        return ""
    if found.chosen is None:
        return "No trained net is chosen here: it is the baseline that is exported."
    name, of_members = capital(name_of(report, "forecast")), report.mode == MEMBERS
    if found.chosen.sharpener:
        name += f" with {found.chosen.sharpener}"
    if best.guards_broken and not found.chosen.guards_broken:
        of = "nothing without training" if of_members else "no sharpener of the baseline"
        lead = f"{name} breaks no guard, which {of} reaches"
    elif found.chosen.guards_broken:
        lead = f"{name} breaks {listed(found.chosen.guards_broken)}"
    elif found.chosen.score < best.score - TIE:
        lead = (
            f"{name} has a lower score, {number(found.chosen.score, 3)} against "
            f"{number(best.score, 3)}"
        )
    elif found.chosen.score > best.score + TIE:
        lead = (
            f"{name} has a higher score, {number(found.chosen.score, 3)}: what it wins over the "
            f"baseline, {'a reference' if of_members else 'a sharpener'} wins too"
        )
    else:
        lead = f"{name} has about the same score, {number(found.chosen.score, 3)}"
    beside = f"{best.sharpener} of the baseline"
    if of_members:
        beside = f"the {reference_name(best.sharpener)}"
    return f"{lead}. Beside {beside} it has {_beyond(found, best)}."


def _beyond(found: WithoutTraining, best: ComparedForecast) -> str:
    chosen = found.chosen
    assert chosen is not None, "its caller checks it"
    pairs = (
        ("RMSE", chosen.rmse_share, best.rmse_share, "a lower", "a higher"),
        (
            "correlation of gradients",
            chosen.gradient_correlation,
            best.gradient_correlation,
            "a lower",
            "a higher",
        ),
        (
            "fractions skill of gradients",
            chosen.fractions_skill,
            best.fractions_skill,
            "less",
            "more",
        ),
    )
    clauses = []
    for name, ours, theirs, less, more in pairs:
        if ours is None or theirs is None:
            continue
        if abs(ours - theirs) < SAME_SHARE:
            clauses.append(f"the same {name} ({ratio(ours)})")
        else:
            word = less if ours < theirs else more
            clauses.append(f"{word} {name} ({ratio(ours)} against {ratio(theirs)})")
    return listed(clauses)


def frontier_sentence(report: Report) -> str:
    """Return what the frontier says of the baseline, and where the chosen trial lies."""
    bound = report.frontier
    if bound is None:
        return cost_sentence(report)
    curve = bound.frontier.overall
    sentences = [
        "The frontier is the least RMSE at each sharpness for a forecast that knows what the "
        "baseline knows, by its spectra",
        f"as sharp as the truth it has {ratio(curve.rmse_full / bound.baseline_rmse)} times the "
        "baseline's RMSE",
    ]
    text = f"{'; '.join(sentences)}."
    if curve.diagnosis:
        text += f" The baseline is {curve.diagnosis}."
    if curve.is_estimate:
        text += f" {capital(curve.estimate_because)}."
    found = report.without_training
    chosen = found.chosen if found is not None else None
    if chosen is not None and chosen.excess is not None:
        where = "above" if chosen.excess >= 0 else "below"
        name = capital(name_of(report, "forecast"))
        text += f" {name} lies {abs(100 * chosen.excess):.1f} % {where} it."
    return text


def sharpened_sentence(report: Report) -> str:
    """Return with which sharpener the chosen trial is judged; "" where with none."""
    found = report.without_training
    if found is None or found.chosen is None or found.chosen_without is None:
        return ""
    chosen, without = found.chosen, found.chosen_without
    breaks = f" and breaks {listed(without.guards_broken)}" if without.guards_broken else ""
    return (
        f"It is judged with {chosen.sharpener}, a last step fitted on its training forecasts: "
        f"score {number(chosen.score, 3)}; without it it has {number(without.score, 3)}{breaks}."
    )
