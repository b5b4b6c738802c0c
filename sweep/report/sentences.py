"""Sentences a report says of its pictures and tables, made from their figures."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from fieldsharp.model.registry import NO_TERM
from fieldsharp.sweep.pictures.maps import Panel
from fieldsharp.sweep.pictures.number_scale import number_scale
from fieldsharp.sweep.pictures.spectra import small_scales_db
from fieldsharp.sweep.report.charts.pareto import far_out, front
from fieldsharp.sweep.report.formatting import count, listed, number, percent, ratio
from fieldsharp.sweep.report.model import Report, TrialRow, share, shares_of_observed
from fieldsharp.sweep.study.files.previews import ForecastPreview, ObservedPreview

Field = npt.NDArray[np.float64]


def name_of(report: Report, kind: str) -> str:
    """Return what a forecast is called in this report."""
    if kind == "baseline" or report.chosen is None:
        return kind
    return f"trial {report.chosen.number}"


def subject(report: Report, kind: str) -> str:
    """Return the same as the subject of a sentence."""
    return "the baseline" if kind == "baseline" else name_of(report, kind)


def capital(text: str) -> str:
    """Return a sentence with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def chosen_sentence(report: Report) -> str:
    """Return why the report is about this trial, and what that is worth."""
    chosen = report.chosen
    if chosen is None:
        return "No trial is complete yet."
    worth = chosen.words.replace(f", {chosen.why}", "")  # not twice
    return f"Chosen: {chosen.why}; {worth}."


def figures_sentence(report: Report) -> str:
    """Return what the table of figures says in one sentence."""
    split = report.pictured
    said = []
    for kind, row in split.rows.items():
        m = row.judgement.overall
        gradient, peak = shares_of_observed(m, split.targets.peak.offset)
        said.append(
            f"{subject(report, kind)} has a gradient of {number(m['gradient'])} and a peak of "
            f"{number(m['peak'])}"
            if gradient is None
            else f"{subject(report, kind)} has {percent(gradient)} of the observed gradient and "
            f"{percent(peak)} of the peak's height above the mean"
        )
    if not said:
        return "No trial is complete yet, so there is nothing to compare."
    end = ""
    if len(split.rows) == 2:
        rmse = [row.judgement.overall["rmse"] for row in split.rows.values()]
        end = f", at {ratio(share(rmse[1], rmse[0]))} times the baseline's RMSE"
    return f"On the {split.part} split {listed(said)}{end}."


def map_title(observed: ObservedPreview, lead: int) -> str:
    """Return what maps are of."""
    when = observed.times[lead].replace("T", " ")
    return f"{observed.ahead[lead]}, valid {when}"


def map_alt(title: str, panel: Panel, observed: ObservedPreview, lead: int) -> str:
    """Return a map in words."""
    known = panel.values_HW[np.isfinite(panel.values_HW)]
    if not known.size:
        return f"Map, {title}, {observed.ahead[lead]}: no cell has a value."
    size = number_scale(known)
    low, high = (size.said(float(end), observed.units) for end in (known.min(), known.max()))
    return (
        f"Map of {observed.variable}, {title}, {observed.ahead[lead]}: from {low} to {high} over "
        f"{known.size} cells."
    )


def maps_sentence(
    report: Report, seen_HW: Field, forecasts: Mapping[str, Field], units: str
) -> str:
    """Return how much the forecasts vary and how far off they are in the window shown."""
    valid = np.isfinite(seen_HW)
    if not valid.any():
        return "No cell of this window has a value."
    spread = float(seen_HW[valid].std())
    said = []
    for kind, values_HW in forecasts.items():
        off = float(np.sqrt(np.mean((values_HW[valid] - seen_HW[valid]) ** 2)))
        varies = percent(share(float(values_HW[valid].std()), spread))
        said.append(
            f"{subject(report, kind)} varies {varies} as much as the observed field and is off "
            f"by {number_scale([off]).said(off, units)}"
        )
    return f"{capital(listed(said))} (root mean square, this window)."


def pictures_note(observed: ObservedPreview) -> str:
    """Return what the maps are of and how they are drawn."""
    said = (
        f"One window of the {observed.part} split: the one whose observed gradient is the median "
        "of all, chosen before any forecast was seen. All values are on one colour scale, all "
        "differences on another."
    )
    if not observed.mask_HW.all():
        said += " Hatched cells take no part."
    if observed.every > 1:
        said += f" Of the rows and columns every {observed.every}th is shown."
    return said


def spectrum_sentence(
    report: Report, observed: ObservedPreview, forecasts: Mapping[str, ForecastPreview], lead: int
) -> str:
    """Return how much of the small scales the forecasts have."""
    said = []
    for kind, forecast in forecasts.items():
        db = small_scales_db(observed, forecast.power_LK, lead)
        if math.isfinite(db):
            less = "less" if db < 0 else "more"
            said.append(f"{subject(report, kind)} has {abs(db):.1f} dB {less} power")
    if not said:
        return "There is no power below four cells to compare."
    return f"Below four cells, {listed(said)} than observed {observed.ahead[lead]}."


def lead_sentence(
    report: Report,
    name: str,
    lines: Mapping[str, Sequence[float]],
    observed: ObservedPreview,
    offset: float,
) -> str:
    """Return how gradient or peak goes from the first to the last lead, as shares of observed."""
    seen = lines.get("observed", [])
    said = []
    for kind, values in lines.items():
        if kind == "observed" or not values or not seen:
            continue
        first = share(values[0] - offset, seen[0] - offset)
        last = share(values[-1] - offset, seen[-1] - offset)
        way = f"{ratio(first)}" if len(values) == 1 else f"from {ratio(first)} to {ratio(last)}"
        said.append(f"{subject(report, kind)} {'has' if len(values) == 1 else 'goes'} {way}")
    if not said:
        return "Nothing was measured by lead."
    what = "gradient" if name == "gradient" else "peak above the mean"
    over = observed.ahead[0]
    if observed.ahead[-1] != over:
        over = f"between {over.removesuffix(' ahead')} and {observed.ahead[-1]}"
    return f"As a share of the observed {what}, {listed(said)} {over}."


def score_sentence(report: Report) -> str:
    """Return where the best score came and how many trials could not win."""
    complete = report.complete
    if not complete:
        return f"None of {count(len(report.points), 'trial')} is complete."
    feasible = [point for point in complete if point.feasible]
    wrong = len(complete) - len(feasible)
    said = "No complete trial holds all guards."
    if feasible:
        best = min(feasible, key=lambda point: (point.score or 0.0, point.number))
        said = f"The lowest score within the guards, {number(best.score, 3)}, is of "
        said += "the baseline" if best.is_baseline else f"trial {best.number}"
        baseline = next((point for point in complete if point.is_baseline), None)
        if baseline is not None and not best.is_baseline:
            said += f"; the baseline has {number(baseline.score, 3)}"
        said += "."
    return f"{said} {capital(_how_many(wrong))} of {len(complete)} complete trials broke a guard."


def _how_many(some: int) -> str:
    return str(some) if some else "none"


def cost_sentence(report: Report) -> str:
    """Return what the gradient costs in error."""
    held = [p for p in report.complete if p.feasible and not p.is_baseline]
    sharp = [p for p in held if p.gradient_share is not None and p.rmse_share is not None]
    if not sharp:
        return "No trial beside the baseline holds all guards."
    steepest = max(sharp, key=lambda p: p.gradient_share or 0.0)
    said = (
        f"Within the guards the steepest forecast, of trial {steepest.number}, has "
        f"{ratio(steepest.gradient_share)} of the observed gradient at "
        f"{ratio(steepest.rmse_share)} times the baseline's RMSE."
    )
    beyond = far_out(report.points)
    if beyond:
        said += f" With a larger error {count(beyond, 'trial')} would stand above the chart."
    return said


def front_sentence(report: Report) -> str:
    """Return who is on the front."""
    there = front(report.points)
    if not there:
        return "No complete trial holds all guards, so there is no front."
    sharpest, surest = there[0], there[-1]
    if len(there) == 1:
        return f"Trial {sharpest.number} alone is on the front: it has less of both than any other."
    return (
        f"{count(len(there), 'trial')} are on the front, from trial {sharpest.number} (distance "
        f"{number(sharpest.sharpness, 2)}, {ratio(sharpest.rmse_share)} times the baseline's RMSE) "
        f"to trial {surest.number} ({number(surest.sharpness, 2)}, {ratio(surest.rmse_share)})."
    )


def slice_sentence(report: Report, name: str) -> str:
    """Return where the best scores lie along one setting."""
    held = [p for p in report.complete if p.feasible and not p.is_baseline and name in p.params]
    if not held:
        return "No trial beside the baseline holds all guards."
    best = sorted(held, key=lambda p: (p.score or 0.0, p.number))[:3]
    values = [_value(point, name) for point in best]
    if len(best) == 1:
        return f"The only trial within the guards has {values[0]}."
    if len(set(values)) == 1:
        return f"Each of the best {len(best)} within the guards has {values[0]}."
    return f"The best {len(best)} within the guards have {listed(values)}."


def _value(point: TrialRow, name: str) -> str:
    value = point.params[name]
    if isinstance(value, str):
        return f"\N{LEFT DOUBLE QUOTATION MARK}{value}\N{RIGHT DOUBLE QUOTATION MARK}"
    return number(value, 3) if isinstance(value, float) else str(value)


def importance_sentence(report: Report) -> str:
    """Return what the importance of settings means, or why it cannot be told."""
    found = report.importance
    if not found.shares:
        return f"How much each setting matters cannot be told: {found.why_not}."
    first, value = next(iter(found.shares.items()))
    said = (
        f"How far the {found.best} best of {found.trials} trials differ from all of them in each "
        f"setting (PED-ANOVA); most in {first}, {percent(value)} of the sum. A trial that breaks a "
        "guard counts as worse than any other, and the baseline is left out. It says which "
        "settings to search on, not which values are good: the charts show those."
    )
    if found.trials < ENOUGH_TRIALS:
        said += (
            f" With {found.trials} trials it is rough, and a setting with many choices is rated "
            "too low, since each choice was tried but a few times."
        )
    if found.constants:
        said += f" {capital(listed(list(found.constants)))} had one value only."
    return said


ENOUGH_TRIALS = 100


def variants_sentence(report: Report) -> str:
    """Return which loss did best, and what those did that cannot cure blur."""
    held = [row for row in report.variants if row.best is not None and row.name != NO_TERM]
    if not held:
        return "No trial with a gradient term is complete and within the guards."
    said = f"{held[0].name} has the lowest score within the guards, {number(held[0].best, 3)}"
    blunt = [row for row in held if row.sharpens is False]
    if blunt and held[0].sharpens:
        said += (
            f"; of the losses that cannot cure blur, {blunt[0].name} comes nearest, with "
            f"{number(blunt[0].best, 3)}"
        )
    return f"{said}."


def guards_sentence(report: Report) -> str:
    """Return which guards were broken."""
    broken = [row for row in report.guards if row.broken_by]
    if not report.complete:
        return "No trial is complete, so no guard was looked at."
    if not broken:
        return "Every complete trial holds every guard."
    named = [f"{row.name} ({count(row.broken_by, 'trial')})" for row in broken]
    return f"Guards that were broken: {listed(named)}. A trial that breaks one cannot win."
