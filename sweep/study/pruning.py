"""The score of a trial after an epoch, and what Optuna's pruner makes of it."""

import copy

from optuna.pruners import NopPruner
from optuna.study import Study


def write_score(study: Study, trial_id: int, epoch: int, score: float) -> bool:
    """Write a score down and return whether the trial should be pruned.

    Args:
        study: With its pruner.
        trial_id: Optuna's own number of the trial.
        epoch: From 0; one that was written before is written again.
        score: After it.
    """
    storage = study._storage
    # Not Trial.report: that ignores a step a first attempt has reported already. Nor
    # Trial.should_prune: that looks at a copy which knows only what Trial.report wrote.
    if isinstance(study.pruner, NopPruner):
        storage.set_trial_intermediate_value(trial_id, epoch, score)
        return False
    known = epoch in storage.get_trial(trial_id).intermediate_values
    storage.set_trial_intermediate_value(trial_id, epoch, score)
    if known:  # an attempt before this one was let go on from here, with what was known then
        return False
    so_far = copy.copy(storage.get_trial(trial_id))
    # Without what a former attempt reported of later epochs.
    steps = so_far.intermediate_values.items()
    so_far.intermediate_values = {step: v for step, v in steps if step <= epoch}
    return bool(study.pruner.prune(study, so_far))
