"""Which changes are allowed: none, or those that do not disturb a running sweep."""

import re

from optuna.storages import RDBStorage

from fieldsharp.core.printable import printable
from fieldsharp.core.program_name import program_elsewhere
from fieldsharp.storage.optuna_adapter.internals import id_of_study
from fieldsharp.storage.study_lock import study_lock_owner
from fieldsharp.sweep.dashboard.http.request_paths import parse_request_path
from fieldsharp.sweep.dashboard.http.responses import READING, Environ, Response, data

_BESIDE_A_SWEEP = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"PUT /api/studies/\d+(/\d+)?/note",
        r"(POST|DELETE) /api/artifacts/.*",
        r"POST /api/studies",  # a new one
        r"POST /api/llm/.*",  # changes nothing
    )
)
"""Changes of data that no coordinator reads or writes."""

_UPGRADE = "/incompatible-rdb-schema"


def refuse_writes(environ: Environ) -> Response | None:
    """Return a refusal for every method that could change something."""
    if environ.get("REQUEST_METHOD") in READING:
        return None
    reason = "this dashboard is read-only; start it with --allow-write to change something"
    return data("403 Forbidden", reason)


class WritePolicy:
    """Refuses changes of a study whose coordinator runs, since that alone may write to it.

    A change that is not of one study, and not known to be harmless, is refused while any runs.
    """

    def __init__(self, storage: RDBStorage, url: str) -> None:
        self._storage = storage
        self._url = url

    def check(self, environ: Environ) -> Response | None:
        """Return a refusal for a change that would damage a sweep or the tables."""
        method = environ.get("REQUEST_METHOD", "")
        path = environ.get("PATH_INFO", "").rstrip("/")
        if method in READING:
            return None
        if path == _UPGRADE:
            reason = (
                f"tables are upgraded by {program_elsewhere()} storage upgrade, which keeps a copy"
            )
            return data("403 Forbidden", reason)
        if any(pattern.fullmatch(f"{method} {path}") for pattern in _BESIDE_A_SWEEP):
            return None
        address = parse_request_path(method, path)
        wanted = address.study if address else None
        for study in self._storage.get_all_studies():
            if wanted in (None, id_of_study(study)):
                owner = study_lock_owner(self._url, study.study_name)
                if owner.alive:
                    return data(
                        "409 Conflict",
                        f"study {printable(study.study_name)!r} is being run by process "
                        f"{owner.pid or 'unknown'}, which alone may change it; wait for it to "
                        f"end, or stop it with {program_elsewhere()} stop",
                    )
        return None
