"""Attributes of a study in which its confirmation is stored."""

import json
from collections.abc import Mapping

from optuna.study import Study

from fieldsharp.fields.settings import Settings
from fieldsharp.storage.database import require_database
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.storage.optuna_adapter.transaction import one_transaction


def write_attributes(study: Study, url: str, values: Mapping[str, Settings]) -> None:
    """Store values, all of them or none; only while the study's lock is held."""
    require_database(url)
    with database_errors(url), one_transaction(study):
        for name, value in values.items():
            study.set_user_attr(name, json.loads(value.model_dump_json()))
