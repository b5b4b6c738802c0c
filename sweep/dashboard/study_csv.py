"""A study as a table for other programs: what its page shows of every trial, a row each."""

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial

from sweep.dashboard.readable import attributes, read_trial
from sweep.study.facts import StudyFacts
from sweep.study.records import FACTS, is_feasible
from sweep.study.studies import OBJECTIVES

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
"""With which a table program would take text for something to work out."""


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
    facts = StudyFacts.model_validate(study.user_attrs[FACTS])
    rows = [
        _row(study, trial, facts) for trial in trials if numbers is None or trial.number in numbers
    ]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _row(study: FrozenStudy, trial: FrozenTrial, facts: StudyFacts) -> Mapping[str, Any]:
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
    if isinstance(value, str) and value.startswith(FORMULA_SIGNS):
        return f"'{value}"
    return value
