"""What the note of a trial says of its members, in Markdown."""

from collections.abc import Mapping, Sequence

from fieldsharp.objectives.members.scores import MembersScores
from fieldsharp.sweep.dashboard.views.markdown import plain
from fieldsharp.sweep.pictures.members.names import ensemble_name
from fieldsharp.sweep.pictures.members.rank_histogram import chance_in_words
from fieldsharp.sweep.study.trial_records import TrialRecord


def members_note(record: TrialRecord, baseline: TrialRecord | None, units: str) -> list[str]:
    """Return a table of what members are judged by, and a sentence on ranks; else nothing.

    Args:
        record: Of the trial, of one variable alone.
        baseline: The same of the baseline; None before it is complete.
        units: Of the field.
    """
    own = record.members.get(record.sharpener)
    if own is None:
        return []
    ensembles = {"this trial": own.overall}
    if baseline is not None:
        ensembles |= {ensemble_name(n): one.overall for n, one in baseline.members.items()}
    scores = own.overall
    return [
        f"**{scores.members} members judged together**, {scores.windows} windows:",
        _table(ensembles, baseline, units),
        f"The rank histogram of its members is {chance_in_words(scores)}."
        if scores.flatness_chance is not None
        else f"Of its rank histogram: {chance_in_words(scores)}.",
    ]


def _table(ensembles: Mapping[str, MembersScores], baseline: TrialRecord | None, units: str) -> str:
    unit = f" [{plain(units)}]" if units else ""
    crps = ensembles["this trial"].crps
    rows: list[tuple[str, Sequence[float | None]]] = [
        (f"fair CRPS{unit}", [one.crps for one in ensembles.values()]),
        (
            "skill of its CRPS over the other",
            [
                None if name == "this trial" or not one.crps else 1.0 - crps / one.crps
                for name, one in ensembles.items()
            ],
        ),
        ("spread / error of the mean", [one.spread_over_error for one in ensembles.values()]),
    ]
    rmse = baseline.metrics["rmse"] if baseline is not None else 0.0
    if rmse:
        shares = [one.rmse_of_mean_without_sampling / rmse for one in ensembles.values()]
        rows.append(("RMSE of the mean / baseline's", shares))
    lines = [f"| validation split | {' | '.join(ensembles)} |", "|---" * (1 + len(ensembles)) + "|"]
    for label, values in rows:
        cells = ["" if value is None else f"{value:.4g}" for value in values]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)
