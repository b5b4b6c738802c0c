"""Writes the scores of a running trial, and its outcome: a finished one takes no attributes."""

import copy
import json
from collections.abc import Mapping, Sequence

from optuna.pruners import NopPruner
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial

from fieldsharp.objectives.guards import broken
from fieldsharp.objectives.per_variable import named
from fieldsharp.storage.optuna_adapter.internals import constraint_attribute
from fieldsharp.storage.optuna_adapter.trials import (
    read_trial,
    set_step_score,
    set_trial_attributes,
)
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
    """Write the outcome of a running trial, in place of an earlier one.

    ``pictures`` are those that can be drawn of it, ``more`` further user attributes.
    """
    metrics = record.metrics
    shown: dict[str, object] = {
        named(variable, name): metrics[named(variable, name)]
        for variable in ("", *record.judgement.others)
        for name in trial_records.SHOWN
        if named(variable, name) in metrics
    }
    violated = broken(record.guards)
    if violated or trial_records.GUARDS_BROKEN in trial.user_attrs:
        sentences = "; ".join(f"{guard.name}: {guard.words}" for guard in violated)
        shown[trial_records.GUARDS_BROKEN] = sentences
    results = {
        trial_records.SCORE: record.score,
        trial_records.VALUE: record.value,
        **({trial_records.ERROR: record.error} if record.variables else {}),
        trial_records.RECORD: json.loads(record.model_dump_json()),
    }
    # As Trial.set_constraint does, which reads the whole trial back for each of them.
    constraints = {constraint_attribute(g.name): g.violation for g in record.guards}
    spec = trial_spec(trial)
    artifacts = artifact_attributes(identity, spec, pictures) if spec else {}
    set_trial_attributes(
        study, trial, {**shown, **results, **(more or {})}, {**constraints, **artifacts}
    )


def write_score(study: Study, trial: Trial, epoch: int, score: float) -> bool:
    """Write the score of a running trial after an epoch and return whether to prune it.

    The epoch is counted from 0; one that was written before is written again.
    """
    # Not Trial.report: that ignores a step a former attempt has reported. Nor Trial.should_prune:
    # that reads a copy which has only what Trial.report wrote.
    if isinstance(study.pruner, NopPruner):
        set_step_score(study, trial, epoch, score)
        return False
    is_repeated = epoch in read_trial(study, trial.number).intermediate_values
    set_step_score(study, trial, epoch, score)
    if is_repeated:  # the pruner let a former attempt go on from here
        return False
    until_now = copy.copy(read_trial(study, trial.number))
    # Without what a former attempt reported of later epochs.
    steps = until_now.intermediate_values.items()
    until_now.intermediate_values = {step: v for step, v in steps if step <= epoch}
    return bool(study.pruner.prune(study, until_now))
