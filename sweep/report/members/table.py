"""The table of a report on the members of an ensemble, by lead."""

from fieldsharp.objectives.members.scores import MembersScores
from fieldsharp.sweep.pictures.members.names import ensemble_name
from fieldsharp.sweep.pictures.number_scale import number_scale
from fieldsharp.sweep.report.formatting import number, ratio
from fieldsharp.sweep.report.members.sentences import skill_over
from fieldsharp.sweep.report.members_comparison import MembersComparison
from fieldsharp.sweep.report.model import share, shares_of_observed
from fieldsharp.sweep.report.sentences import capital
from fieldsharp.sweep.report.tables import Table


def members_table(found: MembersComparison, units: str) -> Table:
    """Return CRPS, skill, spread, error of the mean and sharpness, over all leads and at each."""
    result, references = found.result, found.references
    every = [one.overall.crps for one in (result, *references.values())]
    scale = number_scale(every)
    best = found.best_reference

    def row(name: str, lead: int | None) -> list[str]:
        scores = _at(result.overall, result.by_lead, lead)
        of_references = {
            reference: _at(one.overall, one.by_lead, lead) for reference, one in references.items()
        }
        judged, baseline = found.record.judgement, found.baseline.judgement
        values = judged.overall if lead is None else judged.at(lead)
        beside = baseline.overall if lead is None else baseline.at(lead)
        of_gradient, of_peak = shares_of_observed(values, found.targets.peak.offset)
        skill = None if best is None else skill_over(scores.crps, of_references[best].crps)
        return [
            name,
            number(scores.crps * scale.factor),
            *(number(one.crps * scale.factor) for one in of_references.values()),
            *([] if best is None else [ratio(skill)]),
            ratio(scores.spread_over_error),
            ratio(share(scores.rmse_of_mean_without_sampling, beside["rmse"])),
            ratio(of_gradient),
            ratio(of_peak),
        ]

    leads = [row(_lead_name(found, lead), lead) for lead in range(len(result.by_lead))]
    units_shown = scale.units(units)
    headings = ["", f"CRPS{units_shown} of {found.name}"]
    headings += [f"CRPS of the {ensemble_name(name)}" for name in references]
    headings += [] if best is None else [f"skill over the {ensemble_name(best)}"]
    headings += ["spread over error", "RMSE of the mean over baseline's"]
    headings += ["gradient per member over observed", "peak per member over observed"]
    return Table(
        caption=f"{capital(found.name)}, its members judged together, validation split",
        headings=headings,
        rows=[row("all leads", None), *leads],
        bold_row=0,
    )


def _at(overall: MembersScores, by_lead: list[MembersScores], lead: int | None) -> MembersScores:
    return overall if lead is None else by_lead[lead]


def _lead_name(found: MembersComparison, lead: int) -> str:
    observed = found.observed
    shown = dict(zip(observed.leads, observed.ahead, strict=True)) if observed is not None else {}
    return shown.get(lead + 1, f"lead {lead + 1}")
