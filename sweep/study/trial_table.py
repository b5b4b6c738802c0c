"""The trials of a study as rows of plain values, for tables in Python."""

from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial

from fieldsharp.sweep.study.status.report import trained_values
from fieldsharp.sweep.study.trial_records import state_name, trial_record, trial_spec


def trial_table(trials: Sequence[FrozenTrial]) -> list[dict[str, Any]]:
    """Return a row for each trial; what is not known of it is left out.

    ``score``, ``gradient``, ``peak`` and ``rmse`` are of its last epoch, on the validation split
    and in physical units; ``values`` are what the sampler minimises; ``guards_broken`` are names.
    """
    return [_row(trial) for trial in trials]


def _row(trial: FrozenTrial) -> dict[str, Any]:
    spec, record = trial_spec(trial), trial_record(trial)
    row: dict[str, Any] = {
        "number": trial.number,
        "state": state_name(trial).lower(),
        "values": tuple(trial.values) if trial.values else None,
    }
    if record is not None:
        row |= {
            "score": record.score,
            **{name: record.metrics.get(name) for name in ("gradient", "peak", "rmse")},
            "feasible": record.feasible,
            "guards_broken": ", ".join(guard.name for guard in record.guards if not guard.ok),
            "sharpener": record.sharpener,
            "epochs": record.epochs,
            "seconds": record.seconds,
        }
    if spec is not None:
        row |= {"preset": spec.preset, **trained_values(trial, spec)}
    return row
