"""What notes say of the baseline's references, which need no training, in Markdown."""

from fieldsharp.objectives.guards import broken
from fieldsharp.sweep.dashboard.views.markdown import code, plain
from fieldsharp.sweep.pictures.members.names import ENSEMBLE_NAMES
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.trial_records import TrialRecord


def references_table(record: TrialRecord, summary: DataSummary) -> str:
    """Return the table of the baseline under each sharpener."""
    unit = f" [{plain(summary.units)}]" if summary.units else ""
    per_cell = f" [{plain(summary.units)} {summary.per}]" if summary.units else f" [{summary.per}]"
    of_members = bool(record.member_references)
    kind = "reference" if of_members else "sharpener"
    lines = [
        "What needs no training; figures of ensembles are those of single members:"
        if of_members
        else "What sharpeners make of it, without any training:",
        f"| {kind} | score | gradient{per_cell} | peak{unit} | RMSE{unit} | breaks guards |\n"
        "|---|---|---|---|---|---|",
    ]
    for one in record.references:
        m = one.judgement.overall
        numbers = (one.score, m["gradient"], m["peak"], m["rmse"])
        guards = ", ".join(code(guard.name) for guard in broken(one.guards)) or "none"
        cells = " | ".join(f"{value:.4g}" for value in numbers)
        lines[1] += f"\n| {code(one.name)} | {cells} | {guards} |"
    return "\n\n".join(lines)


def reference_in_words(name: str) -> str:
    """Return what needs no training, as the subject of a sentence."""
    if name in ENSEMBLE_NAMES:
        return f"the {ENSEMBLE_NAMES[name]}, each member by itself"
    return f"the baseline with {code(name)}"
