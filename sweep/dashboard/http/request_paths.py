"""Parses request paths, and checks that the database has the ids in them.

The application accepts an id in several forms: with leading zeros, a sign, digits of other
scripts, slashes at the end. Here each path has one form, and every other is not found.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from optuna.storages import BaseStorage, RDBStorage

from fieldsharp.storage.optuna_adapter.internals import artifact_attribute, id_of_study

LARGEST_ID = 2**63 - 1
_DASHBOARD_ARTIFACTS = "dashboard:artifacts:"
_STUDY, _TRIAL = (rf"(?P<{name}>0|[1-9][0-9]{{0,18}})" for name in ("study", "trial"))
_ARTIFACT = r"(?P<artifact>[0-9a-fA-F-]{1,200})"
_STUDY_ROUTES = (
    "rename|note|param_importances|preference|preference_feedback_component"
    r"|plot/[a-z_]{1,40}|preference/[0-9A-Za-z-]{1,64}"
)
_PATHS = tuple(
    re.compile(pattern)
    for pattern in (
        r"[^ ]+ /?",
        r"[^ ]+ /(dashboard(/.*)?|static/.*|favicon\.ico|incompatible-rdb-schema)",
        r"[^ ]+ /api/(meta|studies|llm/[a-z_]{1,40})",
        rf"[^ ]+ /api/studies/{_STUDY}(/({_STUDY_ROUTES}))?",
        rf"[^ ]+ /api/studies/{_STUDY}/{_TRIAL}/(skip|note)",
        rf"[^ ]+ /api/trials/{_TRIAL}/(tell|user-attrs)",
        rf"[^ ]+ /csv/{_STUDY}",
        rf"[^ ]+ (/api)?/artifacts/{_STUDY}/{_TRIAL}/{_ARTIFACT}",
        rf"POST /api/artifacts/{_STUDY}(/{_TRIAL})?",
        rf"(?!POST )[^ ]+ (/api)?/artifacts/{_STUDY}/{_ARTIFACT}",
    )
)


@dataclass(frozen=True)
class RequestPath:
    """Method and path of a request, with the ids in it.

    Attributes:
        route: Method and path, in the form the patterns accept.
        artifact: Id of the artifact in the path, of the trial if there is one, else of the study.
    """

    route: str
    study: int | None = None
    trial: int | None = None
    artifact: str | None = None


def parse_request_path(method: str, path: str) -> RequestPath | None:
    """Return the parsed path of a request, None where the dashboard has no such path.

    ``path`` is as WSGI carries it: the bytes as Latin-1.
    """
    try:
        route = f"{method.upper()} {path.encode('latin-1').decode()}"
    except UnicodeError:
        return None
    match = next(filter(None, (pattern.fullmatch(route) for pattern in _PATHS)), None)
    if match is None:
        return None
    given = match.groupdict()
    study, trial = (None if given.get(n) is None else int(given[n]) for n in ("study", "trial"))
    if max(study or 0, trial or 0) > LARGEST_ID:
        return None
    return RequestPath(route, study, trial, given.get("artifact"))


def missing(path: RequestPath, storage: RDBStorage, cached: BaseStorage) -> str | None:
    """Return which id of a path the database does not have, None where it has every one.

    ``cached`` is the same database, with finished trials cached in memory.
    """
    study, trial, artifact = path.study, path.trial, path.artifact
    try:
        if study is not None:
            storage.get_study_name_from_id(study)
    except KeyError:
        return f"there is no study with the id {study}"
    try:
        if trial is not None:
            number = storage.get_trial_number_from_id(trial)
            if study is not None and trial != storage.get_trial_id_from_study_id_trial_number(
                study, number
            ):
                raise KeyError
    except KeyError:
        return f"there is no trial with the id {trial} in this study"
    if artifact is None:
        return None
    keys = (artifact_attribute(artifact), f"{_DASHBOARD_ARTIFACTS}{trial}:{artifact}")
    assert study is not None, "no path has an artifact alone"
    with suppress(KeyError):  # removed meanwhile
        if trial is not None and _is_artifact(cached.get_trial(trial).system_attrs, keys[0]):
            return None
        study_attributes = cached.get_study_system_attrs(study)
        if _is_artifact(study_attributes, keys[0] if trial is None else keys[1]):
            return None
    return "this artifact was removed"


def study_of_trial(trial: int, storage: RDBStorage) -> int | None:
    """Return the id of the study that a trial belongs to, None where there is no such trial."""
    for study in storage.get_all_studies():
        with suppress(KeyError):
            number = storage.get_trial_number_from_id(trial)
            found = id_of_study(study)
            if trial == storage.get_trial_id_from_study_id_trial_number(found, number):
                return found
    return None


def _is_artifact(attributes: Mapping[str, Any], key: str) -> bool:
    """Return whether an attribute describes an artifact; that of a removed one is null."""
    try:
        described = json.loads(attributes[key])
        types = described["mimetype"], described.get("encoding") or ""
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return False
    return all(isinstance(text, str) and text.isprintable() for text in types)
