"""Writing down what a trial came to, before Optuna is told: a finished trial takes no more."""

import json
from collections.abc import Mapping, Sequence

from optuna.study import Study
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.trial import FrozenTrial

from fieldsharp.objectives.guards import broken
from fieldsharp.storage.optuna_adapter.attributes import set_trial_attributes
from fieldsharp.sweep.study import trial_records
from fieldsharp.sweep.study.files.artifacts import Picture, artifact_attributes
from fieldsharp.sweep.study.trial_records import TrialRecord, trial_spec


def write_outcome(
    study: Study,
    identity: str,
    trial: FrozenTrial,
    record: TrialRecord,
    pictures: Sequence[Picture],
    more: Mapping[str, object] | None = None,
) -> None:
    """Write an outcome with a running trial, in place of an earlier one.

    Args:
        study: Of the trial.
        identity: Of the study.
        trial: Running.
        record: What it came to.
        pictures: Which there can be.
        more: Further user attributes.
    """
    shown: dict[str, object] = {
        name: record.metrics[name] for name in trial_records.SHOWN if name in record.metrics
    }
    wrong = broken(record.guards)
    if wrong or trial_records.GUARDS_BROKEN in trial.user_attrs:
        words = "; ".join(f"{guard.name}: {guard.words}" for guard in wrong)
        shown[trial_records.GUARDS_BROKEN] = words
    kept = {
        trial_records.SCORE: record.score,
        trial_records.RECORD: json.loads(record.model_dump_json()),
    }
    # As Trial.set_constraint does, which reads the whole trial back for each of them.
    constraints = {f"{_CONSTRAINTS_KEY}:{g.name}": g.violation for g in record.guards}
    spec = trial_spec(trial)
    artifacts = artifact_attributes(identity, spec, pictures) if spec else {}
    set_trial_attributes(
        study, trial._trial_id, {**shown, **kept, **(more or {})}, {**constraints, **artifacts}
    )
