"""The tables of a confirmation: the comparison of the trials, and the test of the winner."""

from collections.abc import Sequence

from fieldsharp.objectives.leads.intervals import Interval
from fieldsharp.objectives.leads.lead import AS_IT_IS, Lead
from fieldsharp.sweep.pictures.number_scale import number_scale
from fieldsharp.sweep.report.formatting import (
    UNKNOWN,
    count,
    number,
    ratio,
    signed_number,
    signed_percent,
)
from fieldsharp.sweep.report.measured import MeasuredFigure, MeasuredSplit
from fieldsharp.sweep.report.model import Report
from fieldsharp.sweep.report.tables import Table, band_in_words, metric_headings
from fieldsharp.sweep.study.confirmation.over_seeds import OverSeeds, Spread

PLUS_MINUS = "\N{PLUS-MINUS SIGN}"


def comparison(report: Report) -> Table | None:
    """Return the trials with new seeds on the split that they were compared on.

    None before confirm was run.
    """
    confirmed = report.confirmation
    if confirmed is None:
        return None
    gradient = number_scale([confirmed.gradient.high])
    peak = number_scale([confirmed.peak.high])
    bands = [
        f"{number(band.low * scale.factor)} to {number(band.high * scale.factor)}"
        for band, scale in ((confirmed.gradient, gradient), (confirmed.peak, peak))
    ]

    def figures(found: OverSeeds) -> list[str]:
        return [
            _spread(found.score),
            _spread(found.held_score),
            _spread(found.gradient, gradient.factor),
            _spread(found.peak, peak.factor),
            number(found.rmse_over_baseline, 4),
            f"{found.feasible} of {len(found.outcomes)}",
        ]

    rows = [["target", "", "", "", "", *bands, "", ""]]
    bold_row = None
    for trial in confirmed.trials:
        if trial.trial == confirmed.winner:
            bold_row = len(rows)
        name, is_baseline = f"trial {trial.trial}", trial.trial == confirmed.baseline
        if is_baseline:
            name += " (baseline)"
        rows.append([name, trial.configuration, trial.sharpening, *figures(trial)])
        if is_baseline:
            rows += [
                ["baseline", "without any further training", reference.name, *figures(reference)]
                for reference in confirmed.references
            ]
    headings = ["", "configuration", "sharpener", "score", "held score"]
    headings += [
        f"gradient{gradient.units(report.units, f' {report.per}')}",
        f"peak{peak.units(report.units)}",
        "RMSE over baseline's",
        "seeds that break no guard",
    ]
    seeds = count(len(confirmed.seeds), "new seed")
    caption = f"{confirmed.part.capitalize()} split, {seeds}: mean {PLUS_MINUS} standard error"
    return Table(caption, headings, rows, text_columns=[1, 2], bold_row=bold_row)


def comparison_leads(report: Report) -> Table | None:
    """Return the leads of the compared trials; None where they are not known."""
    confirmed = report.confirmation
    if confirmed is None:
        return None
    return _leads([*confirmed.over_baseline, *confirmed.over_reference], "validation")


def tested_leads(report: Report) -> Table | None:
    """Return the leads of the tested trial on the test split; None where none was tested."""
    return _leads(report.tested.leads, "test") if report.tested is not None else None


def tested_scores(report: Report) -> Table | None:
    """Return the scores that were measured on the test split; None where nothing was."""
    found = report.tested
    if found is None:
        return None
    rows = [
        [one.name, _spread(one.score), _spread(one.held_score), f"{one.feasible} of {one.seeds}"]
        for one in found.forecasts
    ]
    headings = ["", "score", "held score", "seeds that break no guard"]
    caption = f"Test split, {count(found.seeds, 'new seed')}: mean {PLUS_MINUS} standard error"
    return Table(caption, headings, rows, bold_row=_winner(found))


def tested_metrics(report: Report) -> Table | None:
    """Return the metrics that were measured on the test split; None where nothing was."""
    found = report.tested
    if found is None:
        return None
    bands, forecasts = found.bands, found.forecasts
    gradient = number_scale([bands.gradient.high])
    peak = number_scale([bands.peak.high])
    error = number_scale([one.rmse.mean for one in forecasts if one.rmse.mean is not None])
    observed, rows = found.observed, []
    if observed:
        known = [observed["gradient"] * gradient.factor, observed["peak"] * peak.factor]
        rows.append(["observed", *(f"{number(value)} (1)" for value in known), *[""] * 5])
    wanted = [
        band_in_words(bands.gradient.band(), gradient.factor, observed.get("gradient")),
        band_in_words(bands.peak.band(), peak.factor, observed.get("peak")),
    ]
    rows.append(["target", *wanted, *[""] * 5])
    first = len(rows)
    rows += [
        [
            one.name,
            _figure(one.gradient, gradient.factor),
            _figure(one.peak, peak.factor),
            _figure(one.rmse, error.factor),
            ratio(one.skill),
            ratio(one.correlation),
            _spread(one.score),
            "; ".join(one.faults) if one.faults else "none broken",
        ]
        for one in forecasts
    ]
    winner, windows = _winner(found), report.windows.get("test")
    of_windows = f", {count(windows, 'window')}" if windows is not None else ""
    return Table(
        caption=f"Test split{of_windows}, mean over {count(found.seeds, 'new seed')}, shares with "
        "95 % intervals",
        headings=metric_headings(report, gradient, peak, error),
        rows=rows,
        text_columns=[7],
        bold_row=first + winner if winner is not None else None,
    )


def _winner(found: MeasuredSplit) -> int | None:
    """Return the index of the winner among the forecasts that were measured."""
    return next((i for i, one in enumerate(found.forecasts) if one.is_winner), None)


def _figure(figure: MeasuredFigure, factor: float) -> str:
    """Return the mean, and its share with the interval."""
    if figure.share is None:
        return number(figure.mean)
    mean = figure.mean * factor if figure.mean is not None else None
    return f"{number(mean)} ({_share(figure.share)})"


def _share(one: Interval) -> str:
    if one.low is None or one.high is None or one.low == one.high:  # the baseline's own RMSE
        return ratio(one.value)
    return f"{ratio(one.value)}, {ratio(one.low)} to {ratio(one.high)}"


def _leads(leads: Sequence[Lead], split: str) -> Table | None:
    if not leads:
        return None
    of_members = any(one.members is not None for one in leads)
    rows = []
    for one in leads:
        over = "baseline" if one.reference == AS_IT_IS else f"baseline + {one.reference}"
        figures = [signed_number(one.score), signed_percent(one.rmse)]
        if one.members is not None:
            over = "every ensemble without training"
            figures = [signed_percent(one.members.crps), signed_percent(one.members.variogram)]
        chances = [_chance(one.score_chance), _chance(one.rmse_chance)]
        rows.append(
            [
                f"trial {one.trial}",
                over,
                *(cell for pair in zip(figures, chances, strict=True) for cell in pair),
                _certainty(one),
            ]
        )
    names = ("CRPS", "variogram score") if of_members else ("held score", "RMSE")
    headings = ["", "ahead of", *(x for name in names for x in (f"in {name}", "chance"))]
    return Table(
        f"Leads on the {split} split, above 0 where the trial is better",
        [*headings, "more than chance"],
        rows,
        text_columns=[1, 6],
    )


def _chance(chance: float | None) -> str:
    return UNKNOWN if chance is None else number(chance, 2)


def _certainty(lead: Lead) -> str:
    if lead.provisional:
        return "can't be told"
    return "yes" if lead.more_than_chance and not lead.is_behind else "no"


def _spread(spread: Spread | None, factor: float = 1.0) -> str:
    if spread is None:
        return UNKNOWN
    if spread.error is None:
        return number(spread.mean * factor)
    return f"{number(spread.mean * factor)} {PLUS_MINUS} {number(spread.error * factor, 2)}"
