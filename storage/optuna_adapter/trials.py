"""Reads and writes of single trials that Optuna's public interface does not offer.

``Study.ask`` and ``Study.tell`` know no paused trial, none that is put back into the queue, and
write attributes one by one: a finished trial has two dozen of them, and each write reads the trial
and queries the database twice.
"""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy
from optuna.distributions import BaseDistribution
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from fieldsharp.storage.optuna_adapter.internals import id_of_trial
from fieldsharp.storage.optuna_adapter.transaction import database_of


def read_trial(study: Study, number: int) -> FrozenTrial:
    """Return a trial as the database has it now.

    Raises:
        KeyError: If the study has no trial of that number.
    """
    storage = study._storage
    found = storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
    return storage.get_trial(found)


def create_trial(study: Study) -> Trial:
    """Return a new running trial; ``Study.ask`` would take a paused one for a queued one."""
    study._thread_local.cached_all_trials = None
    return Trial(study, study._storage.create_new_trial(study._study_id))


def open_trial(study: Study, trial: FrozenTrial) -> Trial:
    """Return a stored trial as one that parameters can be suggested for."""
    return Trial(study, trial._trial_id)


def suggest(trial: Trial, name: str, distribution: BaseDistribution) -> Any:
    """Return the value of a parameter: the queued one, else the sampler's choice."""
    return trial._suggest(name, distribution)


def last_read(trial: Trial) -> FrozenTrial:
    """Return a trial as it was when it was read or changed last, without a query."""
    return trial._cached_frozen_trial


def set_trial_state(study: Study, trial: Trial | FrozenTrial, state: TrialState) -> None:
    """Set the state of an unfinished trial.

    Raises:
        UpdateFinishedTrialError: If the trial is finished.
        StorageInternalError: If the database refuses.
    """
    study._storage.set_trial_state_values(trial._trial_id, state)


def set_trial_attribute(study: Study, trial: Trial | FrozenTrial, name: str, value: Any) -> None:
    """Set a user attribute of an unfinished trial.

    Raises:
        UpdateFinishedTrialError: If the trial is finished.
        StorageInternalError: If the database refuses.
    """
    study._storage.set_trial_user_attr(trial._trial_id, name, value)


def set_trial_attributes(
    study: Study, trial: Trial | FrozenTrial, user: Mapping[str, Any], system: Mapping[str, Any]
) -> None:
    """Write attributes of an unfinished trial at once, in place of those of the same names.

    Args:
        study: The study of the trial.
        trial: The trial.
        user: User attributes, read by people and programs.
        system: System attributes, read by Optuna.

    Raises:
        UpdateFinishedTrialError: If the trial is finished.
        StorageInternalError: If the database refuses.
    """
    storage, number = database_of(study), id_of_trial(trial)
    with _create_scoped_session(storage.scoped_session) as session:
        state: Any = models.TrialModel.find_or_raise_by_id(number, session).state
        storage.check_trial_is_updatable(number, state)
        for model, attributes in (
            (models.TrialUserAttributeModel, user),
            (models.TrialSystemAttributeModel, system),
        ):
            if not attributes:
                continue
            replaced = sqlalchemy.and_(model.trial_id == number, model.key.in_(list(attributes)))
            session.execute(sqlalchemy.delete(model).where(replaced))
            session.execute(
                sqlalchemy.insert(model),
                [
                    {"trial_id": number, "key": key, "value_json": json.dumps(value)}
                    for key, value in attributes.items()
                ],
            )


def set_step_score(study: Study, trial: Trial | FrozenTrial, step: int, score: float) -> None:
    """Set the intermediate value of a step; unlike ``Trial.report``, also in place of another.

    Raises:
        UpdateFinishedTrialError: If the trial is finished.
        StorageInternalError: If the database refuses.
    """
    study._storage.set_trial_intermediate_value(trial._trial_id, step, score)
