"""Sentences of the report about its pictures and tables."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from fieldsharp.model.registry import NO_TERM
from fieldsharp.sweep.pictures.maps import Panel, ordinal
from fieldsharp.sweep.pictures.number_scale import number_scale
from fieldsharp.sweep.pictures.spectra import small_scales_db
from fieldsharp.sweep.report.charts.pareto import far_out, front
from fieldsharp.sweep.report.formatting import count, listed, number, percent, ratio
from fieldsharp.sweep.report.model import Report, TrialRow, share, shares_of_observed
from fieldsharp.sweep.study.files.previews import ForecastPreview, ObservedPreview

Field = npt.NDArray[np.float64]
ENOUGH_TRIALS = 100
"""Number of trials from which importance is not called rough."""


def name_of(report: Report, kind: str) -> str:
    """Return the name of a forecast in this report: the baseline, or the number of the trial."""
    if kind == "reference":
        found = report.without_training
        return f"baseline + {found.best_sharpener}" if found is not None else "sharpened baseline"
    if kind == "baseline" or report.chosen is None:
        return kind
    return f"trial {report.chosen.number}"


def subject(report: Report, kind: str) -> str:
    """Return the name of a forecast as the subject of a sentence."""
    name = name_of(report, kind)
    return name if kind == "forecast" else f"the {name}"


def capital(text: str) -> str:
    """Return a sentence with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def chosen_sentence(report: Report) -> str:
    """Return why the trial was chosen, and how far its score can be trusted."""
    chosen = report.chosen
    if chosen is None:
        return "No trial is complete yet."
    standing = chosen.standing.replace(f", {chosen.why}", "")  # avoids a repetition
    return f"Chosen: {chosen.why}; {standing}."


def metrics_sentence(report: Report) -> str:
    """Return a summary of the table of metrics of the validation split."""
    split = report.validation
    clauses = []
    for kind, result in split.results.items():
        metrics = result.metrics.overall
        gradient, peak = shares_of_observed(metrics, split.targets.peak.offset)
        clauses.append(
            f"{subject(report, kind)} has a gradient of {number(metrics['gradient'])} and a "
            f"peak of {number(metrics['peak'])}"
            if gradient is None
            else f"{subject(report, kind)} has {percent(gradient)} of the observed gradient and "
            f"{percent(peak)} of the peak's height above the mean"
        )
    if not clauses:
        return "No trial is complete yet, so there are no metrics to compare."
    end = ""
    rmse = {kind: result.metrics.overall["rmse"] for kind, result in split.results.items()}
    baseline = rmse.pop("baseline", None)
    if baseline is not None and rmse:
        ratios = [ratio(share(value, baseline)) for value in rmse.values()]
        end = f", at {listed(ratios)} times the baseline's RMSE"
    return f"On the validation split {listed(clauses)}{end}."


def map_title(observed: ObservedPreview, lead: int) -> str:
    """Return lead and valid time of maps."""
    time = observed.times[lead].replace("T", " ")
    return f"{observed.ahead[lead]}, valid {time}"


def map_alt(title: str, panel: Panel, observed: ObservedPreview, lead: int) -> str:
    """Return the alternative text of a map."""
    known = panel.values_HW[np.isfinite(panel.values_HW)]
    if not known.size:
        return f"Map, {title}, {observed.ahead[lead]}: no cell has a value."
    scale = number_scale(known)
    low, high = (scale.with_units(float(end), observed.units) for end in (known.min(), known.max()))
    return (
        f"Map of {observed.variable}, {title}, {observed.ahead[lead]}: from {low} to {high} over "
        f"{known.size} cells."
    )


def maps_sentence(
    report: Report, observed_HW: Field, forecasts: Mapping[str, Field], units: str
) -> str:
    """Return the standard deviation and the RMSE of the forecasts in the window shown."""
    valid_HW = np.isfinite(observed_HW)
    if not valid_HW.any():
        return "No cell of this window has a value."
    deviation = float(observed_HW[valid_HW].std())
    clauses = []
    for kind, values_HW in forecasts.items():
        rmse = float(np.sqrt(np.mean((values_HW[valid_HW] - observed_HW[valid_HW]) ** 2)))
        deviation_share = percent(share(float(values_HW[valid_HW].std()), deviation))
        clauses.append(
            f"{subject(report, kind)} has {deviation_share} of the observed standard deviation "
            f"and an RMSE of {number_scale([rmse]).with_units(rmse, units)}"
        )
    return f"In this window {listed(clauses)}."


def pictures_note(observed: ObservedPreview) -> str:
    """Return which window the maps show, and how they are drawn."""
    note = (
        "All pictures are of the validation split. The maps show one window: the one with the "
        "median observed gradient, chosen before any forecast was made. All values share one "
        "colour scale, all differences another."
    )
    if not observed.mask_HW.all():
        note += " Hatched cells are masked."
    if observed.every > 1:
        note += f" Every {ordinal(observed.every)} row and column is shown."
    return note


def spectrum_sentence(
    report: Report, observed: ObservedPreview, forecasts: Mapping[str, ForecastPreview], lead: int
) -> str:
    """Return the small-scale power of the forecasts relative to the observed."""
    clauses = []
    for kind, forecast in forecasts.items():
        db = small_scales_db(observed, forecast.power_LK, lead)
        if math.isfinite(db):
            less = "less" if db < 0 else "more"
            clauses.append(f"{subject(report, kind)} has {abs(db):.1f} dB {less} power")
    if not clauses:
        return "There is no power below four cells to compare."
    return f"Below four cells, {listed(clauses)} than observed {observed.ahead[lead]}."


def lead_sentence(
    report: Report,
    metric: str,
    lines: Mapping[str, Sequence[float]],
    observed: ObservedPreview,
    offset: float,
) -> str:
    """Return how gradient or peak changes with lead, as ratios to the observed."""
    reference = lines.get("observed", [])
    clauses = []
    for kind, values in lines.items():
        if kind == "observed" or not values or not reference:
            continue
        first = share(values[0] - offset, reference[0] - offset)
        last = share(values[-1] - offset, reference[-1] - offset)
        change = f"has {ratio(first)}"
        if len(values) > 1:
            change = f"changes from {ratio(first)} to {ratio(last)}"
        clauses.append(f"{subject(report, kind)} {change}")
    if not clauses:
        return "No metric is known by lead."
    quantity = "gradient" if metric == "gradient" else "peak above the mean"
    leads = observed.ahead[0]
    if observed.ahead[-1] != leads:
        leads = f"between {leads.removesuffix(' ahead')} and {observed.ahead[-1]}"
    return f"As a share of the observed {quantity}, {listed(clauses)} {leads}."


def score_sentence(report: Report) -> str:
    """Return the lowest score, the baseline's, and how many trials broke a guard."""
    complete = report.complete
    if not complete:
        return f"None of {count(len(report.trials), 'trial')} is complete."
    feasible = [trial for trial in complete if trial.feasible]
    infeasible = len(complete) - len(feasible)
    text = "Every complete trial breaks a guard."
    if feasible:
        best = min(feasible, key=lambda trial: (trial.score or 0.0, trial.number))
        text = "Of the trials that break no guard, "
        text += "the baseline" if best.is_baseline else f"trial {best.number}"
        text += f" has the lowest score, {number(best.score, 3)}"
        baseline = next((trial for trial in complete if trial.is_baseline), None)
        if baseline is not None and not best.is_baseline:
            text += f"; the baseline has {number(baseline.score, 3)}"
        text += "."
    return f"{text} {infeasible or 'None'} of {len(complete)} complete trials broke a guard."


def cost_sentence(report: Report) -> str:
    """Return the RMSE of the steepest forecast that breaks no guard."""
    feasible = _feasible(report)
    sharp = [p for p in feasible if p.gradient_share is not None and p.rmse_share is not None]
    if not sharp:
        return _none_feasible(report)
    steepest = max(sharp, key=lambda p: p.gradient_share or 0.0)
    text = (
        f"The steepest forecast that breaks no guard, of trial {steepest.number}, has "
        f"{ratio(steepest.gradient_share)} of the observed gradient at "
        f"{ratio(steepest.rmse_share)} times the baseline's RMSE."
    )
    beyond = far_out(report.trials)
    if beyond:
        text += f" Not shown: {count(beyond, 'trial')} with an RMSE above the chart."
    return text


def front_sentence(report: Report) -> str:
    """Return the ends of the Pareto front."""
    trials = front(report.trials)
    if not trials:
        return "Every complete trial breaks a guard, so there is no front."
    sharpest, surest = trials[0], trials[-1]
    if len(trials) == 1:
        return f"Trial {sharpest.number} alone is on the front: both its values are the lowest."
    return (
        f"{count(len(trials), 'trial')} are on the front, from trial {sharpest.number} (distance "
        f"{number(sharpest.sharpness, 2)}, {ratio(sharpest.rmse_share)} times the baseline's RMSE) "
        f"to trial {surest.number} ({number(surest.sharpness, 2)}, {ratio(surest.rmse_share)})."
    )


def slice_sentence(report: Report, name: str) -> str:
    """Return the values of one setting in the best trials."""
    feasible = [trial for trial in _feasible(report) if name in trial.params]
    if not feasible:
        return _none_feasible(report)
    best = sorted(feasible, key=lambda p: (p.score or 0.0, p.number))[:3]
    values = [_value(trial, name) for trial in best]
    if len(best) == 1:
        return f"The only trial that breaks no guard has {values[0]}."
    if len(set(values)) == 1:
        return f"Each of the best {len(best)} that break no guard has {values[0]}."
    return f"The best {len(best)} that break no guard have {listed(values)}."


def _none_feasible(report: Report) -> str:
    if all(trial.is_baseline for trial in report.complete):
        return "No trial besides the baseline is complete."
    return "Every trial besides the baseline breaks a guard."


def _feasible(report: Report) -> list[TrialRow]:
    return [trial for trial in report.complete if trial.feasible and not trial.is_baseline]


def _value(trial: TrialRow, name: str) -> str:
    value = trial.params[name]
    if isinstance(value, str):
        return f"\N{LEFT DOUBLE QUOTATION MARK}{value}\N{RIGHT DOUBLE QUOTATION MARK}"
    return number(value, 3) if isinstance(value, float) else str(value)


def importance_sentence(report: Report) -> str:
    """Return what the importance of settings means, or why it is unknown."""
    importance = report.importance
    if not importance.shares:
        return f"The importance of the settings is unknown: {importance.why_not}."
    first, value = next(iter(importance.shares.items()))
    trials = importance.trials
    text = (
        f"How much the {importance.best} best of {trials} trials differ from all of them in each "
        f"setting (PED-ANOVA); most in {first}, {percent(value)} of the sum. A trial that breaks a "
        "guard ranks below any other, and the baseline is left out. This shows which settings are "
        "worth searching further; the charts show which values are good."
    )
    if trials < ENOUGH_TRIALS:
        text += (
            f" With {trials} trials the estimate is rough, and a setting with many choices is "
            "rated too low, since each choice was tried only a few times."
        )
    if importance.constants:
        text += f" {capital(listed(list(importance.constants)))} had a single value."
    return text


def variants_sentence(report: Report) -> str:
    """Return the best loss, and the best of those that cannot cure blur."""
    rows = [row for row in report.variants if row.best is not None and row.name != NO_TERM]
    if not rows:
        return "No complete trial with a gradient term is feasible."
    text = f"{rows[0].name} has the lowest score of a feasible trial, {number(rows[0].best, 3)}"
    blunt = [row for row in rows if row.sharpens is False]
    if blunt and rows[0].sharpens:
        text += (
            f"; of the losses that cannot cure blur, {blunt[0].name} has the lowest, "
            f"{number(blunt[0].best, 3)}"
        )
    return f"{text}."


def guards_sentence(report: Report) -> str:
    """Return which guards were broken, and by how many trials."""
    broken = [row for row in report.guards if row.broken_by]
    if not report.complete:
        return "No trial is complete, so no guard was checked."
    if not broken:
        return "No complete trial breaks a guard."
    names = [f"{row.name} ({count(row.broken_by, 'trial')})" for row in broken]
    return f"Broken guards: {listed(names)}. A trial that breaks one cannot win."
