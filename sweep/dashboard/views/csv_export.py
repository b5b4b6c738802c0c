"""A study as a table for other programs: what its page shows of every trial, a row each."""

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial

from fieldsharp.core.printable import printable
from fieldsharp.storage.optuna_adapter.internals import FrozenStudy
from fieldsharp.sweep.dashboard.views.trial_attributes import attributes, read_trial
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.lookup import OBJECTIVES
from fieldsharp.sweep.study.trial_records import FACTS, is_feasible

_SIGNS = r"=+\-@\uff1d\uff0b\uff0d\uff20"
FORMULA = re.compile(rf"^(?=[{_SIGNS}\t\r\n])|(?<=[;\t\r\n])(?=[{_SIGNS}])")
"""Where a table program would take text, or what follows a separator in it, for a formula."""


def study_csv(
    study: FrozenStudy, trials: Sequence[FrozenTrial], numbers: Collection[int] | None
) -> str:
    """Return trials as comma-separated values, with a heading.

    Args:
        study: One of this program.
        trials: Of it.
        numbers: Those wanted; None for all.

    Raises:
        StudyError: If another version of this program wrote it.
    """
    facts = DataSummary.model_validate(study.user_attrs[FACTS])
    rows = [
        _row(study, trial, facts) for trial in trials if numbers is None or trial.number in numbers
    ]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(map(_cell, columns))
    writer.writerows([_cell(row.get(name, "")) for name in columns] for row in rows)
    return text.getvalue()


def _row(study: FrozenStudy, trial: FrozenTrial, facts: DataSummary) -> Mapping[str, Any]:
    names = OBJECTIVES["score" if len(study.directions) == 1 else "pareto"]
    values = trial.values or []
    if len(values) != len(names):  # of a trial that has none, or as another program wrote them
        values = [None] * len(names)
    return {
        "trial": trial.number,
        "state": trial.state.name.lower(),
        "feasible": "yes" if is_feasible(trial) else "no",
        **{f"minimised: {name}": value for name, value in zip(names, values, strict=True)},
        **trial.params,
        **attributes(read_trial(trial), facts),
    }


def _cell(value: Any) -> Any:
    """Return a heading or a value as a table program shows it, text as text."""
    if value is None or isinstance(value, int | float):
        return value
    return FORMULA.sub("'", printable(str(value), keep="\t\r\n"))
