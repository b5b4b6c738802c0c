"""The trials of a study as comma-separated values, with the attributes that its page shows."""

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial

from fieldsharp.core.printable import printable
from fieldsharp.storage.optuna_adapter.internals import FrozenStudy
from fieldsharp.sweep.dashboard.views.attributes import parse_trial, trial_attributes
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.frontier import StudyFrontier, study_frontier
from fieldsharp.sweep.study.lookup import OBJECTIVES
from fieldsharp.sweep.study.trial_records import FACTS, complete_baseline, is_feasible

_SIGNS = r"=+\-@\uff1d\uff0b\uff0d\uff20"
FORMULA = re.compile(rf"^(?=[{_SIGNS}\t\r\n])|(?<=[;\t\r\n])(?=[{_SIGNS}])")
"""Where a spreadsheet would take text, or text after a separator, for a formula."""


def study_csv(
    study: FrozenStudy, trials: Sequence[FrozenTrial], numbers: Collection[int] | None
) -> str:
    """Return the trials with these numbers, None for all, as comma-separated values with a header.

    Raises:
        ValidationError: If another version of this program wrote the study.
    """
    summary = DataSummary.model_validate(study.user_attrs[FACTS])
    bound = study_frontier(complete_baseline(trials))
    rows = [
        _row(study, trial, summary, bound)
        for trial in trials
        if numbers is None or trial.number in numbers
    ]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(map(_cell, columns))
    writer.writerows([_cell(row.get(name, "")) for name in columns] for row in rows)
    return text.getvalue()


def _row(
    study: FrozenStudy, trial: FrozenTrial, summary: DataSummary, bound: StudyFrontier | None
) -> Mapping[str, Any]:
    names = OBJECTIVES["score" if len(study.directions) == 1 else "pareto"]
    values = trial.values or []
    if len(values) != len(names):  # without values, or with those of another program
        values = [None] * len(names)
    return {
        "trial": trial.number,
        "state": trial.state.name.lower(),
        "feasible": "yes" if is_feasible(trial) else "no",
        **{f"minimised: {name}": value for name, value in zip(names, values, strict=True)},
        **trial.params,
        **trial_attributes(parse_trial(trial), summary, bound),
    }


def _cell(value: Any) -> Any:
    """Return a heading or a value, with text escaped that a spreadsheet would evaluate."""
    if value is None or isinstance(value, int | float):
        return value
    return FORMULA.sub("'", printable(str(value), keep="\t\r\n"))
