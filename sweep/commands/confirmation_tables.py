"""The tables of a confirmation on a terminal: the comparison, and the test of the winner."""

from rich.table import Table

from fieldsharp.objectives.leads.intervals import Interval
from fieldsharp.objectives.leads.lead import AS_IT_IS, Lead
from fieldsharp.objectives.ranking import TIE
from fieldsharp.sweep.study.confirmation.over_seeds import OverSeeds, Spread
from fieldsharp.sweep.study.confirmation.records import Confirmation, Tested, TestedForecast
from fieldsharp.sweep.study.confirmation.result_in_words import title


def comparison(confirmation: Confirmation) -> Table:
    """Return the trials and the references on the split that they were compared on."""
    has_leads = bool(confirmation.over_baseline)
    words = ("configuration", "sharpener")
    figures = ("held score", "gradient", "peak", "rmse / baseline", "feasible")
    of_lead = ("lead", "chance") if has_leads else ()
    table = _table(("trial", *words, *figures, *of_lead), words)
    bands = confirmation.gradient, confirmation.peak
    targets = [f"{band.low:.4g} to {band.high:.4g}" for band in bands]
    table.add_row("", "target", "", "", *targets, "", "")
    for trial in confirmation.trials:
        names = str(trial.trial), trial.configuration, trial.sharpening
        lead = _lead(confirmation.lead(trial.trial)) if has_leads else []
        table.add_row(*names, *_figures(trial), *lead)
        if trial.trial == confirmation.baseline:
            for reference in confirmation.references:
                table.add_row("", "baseline", reference.name, *_figures(reference))
    return table


def winner_on_test_split(confirmation: Confirmation, tested: Tested) -> Table:
    """Return baseline, best reference and winner on the test split, with the winner's leads."""
    number = confirmation.best if tested.winner is not None else None
    trial = confirmation.for_trial(number) if number is not None else None
    leads = {one.reference: one for one in tested.leads}
    of_members = next((one for one in tested.leads if one.members is not None), None)
    figures = ("gradient", "peak", "rmse / baseline", "held score", "feasible")
    of_lead = ("lead of the trial", "chance") if leads else ()
    table = _table(("forecast", *figures, *of_lead), ("forecast",))

    def add(name: str, one: TestedForecast, lead: Lead | None) -> None:
        table.add_row(name, *_tested(one), *(_lead(lead) if leads else ()))

    add("baseline", tested.baseline, of_members or leads.get(AS_IT_IS))
    if tested.reference is not None:
        name = f"baseline under {tested.sharpener}"
        add(name, tested.reference, leads.get(tested.sharpener))
    if tested.winner is not None and trial is not None:
        add(title(trial), tested.winner, None)
    return table


def _table(headings: tuple[str, ...], words: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        is_text = heading in words
        table.add_column(heading, justify="left" if is_text else "right", no_wrap=not is_text)
    return table


def _figures(found: OverSeeds) -> list[str]:
    return [
        *map(_cell, (found.held_score, found.gradient, found.peak)),
        _ratio(found),
        _feasible(found),
    ]


def _tested(found: TestedForecast) -> list[str]:
    """Return shares with intervals; where there are none, as of an ensemble, means."""
    shares = [_cell(found.gradient), _cell(found.peak), _ratio(found)]
    if found.intervals is not None:
        first = found.intervals[0]
        shares = [_share(one) for one in (first.gradient, first.peak, first.rmse)]
    return [*shares, _cell(found.held_score), _feasible(found)]


def _ratio(found: OverSeeds) -> str:
    return "-" if found.rmse_over_baseline is None else f"{found.rmse_over_baseline:.3f}"


def _feasible(found: OverSeeds) -> str:
    return f"{found.feasible}/{len(found.outcomes)}"


def _cell(figure: Spread | None) -> str:
    if figure is None:
        return "-"
    error = "" if figure.error is None else f" +- {figure.error:.2g}"
    return f"{figure.mean:.4g}{error}"


def _share(one: Interval) -> str:
    if one.low is None or one.high is None or one.low == one.high:  # the baseline's own RMSE
        return f"{one.value:.2f}"
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def _lead(lead: Lead | None) -> list[str]:
    """Return the lead that counts and its chance: in score, where that is level in RMSE."""
    if lead is None:
        return ["", ""]
    if lead.members is not None:
        return [f"{100 * lead.members.crps:+.1f} % crps", _chance(lead.score_chance)]
    if abs(lead.score) <= TIE:
        return [f"{100 * lead.rmse:+.1f} % rmse", _chance(lead.rmse_chance)]
    return [f"{lead.score:+.3g}", _chance(lead.score_chance)]


def _chance(chance: float | None) -> str:
    return "can't be told" if chance is None else f"{chance:.2g}"
