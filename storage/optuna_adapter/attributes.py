"""Writes all attributes of a trial at once, where Optuna writes them one by one.

The outcome of a trial has two dozen of them. Optuna reads the trial and queries the database twice
for each.
"""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.study import Study

from fieldsharp.storage.optuna_adapter.transaction import database_of


def set_trial_attributes(
    study: Study, trial_id: int, user: Mapping[str, Any], system: Mapping[str, Any]
) -> None:
    """Write attributes of a running trial; they replace those of the same names.

    Args:
        study: Of the trial.
        trial_id: Optuna's number of the trial in the database.
        user: Attributes for people and programs.
        system: Attributes for Optuna.

    Raises:
        UpdateFinishedTrialError: If the trial is finished.
        StorageInternalError: If the database refuses.
    """
    storage = database_of(study)
    with _create_scoped_session(storage.scoped_session) as session:
        state: Any = models.TrialModel.find_or_raise_by_id(trial_id, session).state
        storage.check_trial_is_updatable(trial_id, state)
        for model, attributes in (
            (models.TrialUserAttributeModel, user),
            (models.TrialSystemAttributeModel, system),
        ):
            if not attributes:
                continue
            former = sqlalchemy.and_(model.trial_id == trial_id, model.key.in_(list(attributes)))
            session.execute(sqlalchemy.delete(model).where(former))
            session.execute(
                sqlalchemy.insert(model),
                [
                    {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
                    for key, value in attributes.items()
                ],
            )
