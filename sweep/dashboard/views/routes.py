"""The WSGI application: Optuna's dashboard with its own routes for studies, CSV and pictures."""

import atexit
import io
import re
import threading
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import find_spec
from urllib.parse import parse_qs

from optuna.storages import BaseStorage, RDBStorage, get_storage
from optuna_dashboard import wsgi

from fieldsharp.core.errors import FieldsharpError, StorageUnavailable
from fieldsharp.storage.sqlite.opened_files import OpenedFiles
from fieldsharp.sweep.dashboard.http.request_bodies import wrong_body, wrong_values
from fieldsharp.sweep.dashboard.http.request_paths import (
    RequestPath,
    missing,
    parse_request_path,
    study_of_trial,
)
from fieldsharp.sweep.dashboard.http.responses import (
    READING,
    Environ,
    Response,
    StartResponse,
    WsgiApp,
    data,
)
from fieldsharp.sweep.dashboard.views.artifact_store import PictureArtifactStore
from fieldsharp.sweep.dashboard.views.study_payload import StudyPayload
from fieldsharp.sweep.study.shared_data import remove_unused_data

_STUDY = re.compile(r"[A-Z]+ /api/studies/\d+", re.ASCII)
_CSV = re.compile(r"[A-Z]+ /csv/\d+", re.ASCII)
_PLOT = re.compile(r"[A-Z]+ /api/studies/\d+/plot/.*", re.ASCII)
_TRIAL_UPDATE = re.compile(r"POST /api/trials/\d+/(tell|user-attrs)", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}")
_ASSETS = ("/static/", "/favicon.ico")
FINISHED = "a finished trial cannot be changed, nor its pictures and files removed"
NOT_FOUND = "the dashboard has no such path; ids are written without leading zeros or signs"
NO_PLOTS = (
    "the page draws its plots itself; plotly, which would draw them on the server, is not installed"
)
WRONG_AFTER = "after must be the number of a trial"
LONGEST_WAIT_S = 5.0
"""At the end of the process, for what is read ahead."""
GONE = "this artifact was removed, or the data it is drawn from were"
REPLACED = (
    "the database or its log was removed, replaced, or is written to by another of its names since "
    "this dashboard was started; start it again"
)


def make_app(storage: RDBStorage, storage_url: str) -> WsgiApp:
    """Return the application for requests that passed the checks."""
    cached = get_storage(storage)  # reads finished trials once
    payload = StudyPayload(cached, storage_url)
    # A person needs a second to open the link; reading a thousand trials takes two.
    reading = threading.Thread(target=payload.read_ahead, name="read ahead", daemon=True)
    reading.start()
    # A thread that the end of the interpreter finds in a library's own code aborts the process.
    atexit.register(reading.join, LONGEST_WAIT_S)
    store = PictureArtifactStore(cached, storage_url)
    stock: WsgiApp = wsgi(cached, artifact_store=store)
    opened_files = OpenedFiles(storage_url)

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path, query = environ.get("PATH_INFO", ""), parse_qs(environ.get("QUERY_STRING", ""))
        headers = [("Content-Type", "application/json")]
        body: bytes | None = None
        # A removed file can still be read while it is open, but its content is outdated.
        if not path.startswith(_ASSETS) and _was_replaced(opened_files):
            return data("503 Service Unavailable", REPLACED)(environ, start_response)
        address = parse_request_path(environ["REQUEST_METHOD"], path)
        if address is None:
            return data("404 Not Found", NOT_FOUND)(environ, start_response)
        missing_id = missing(address, storage, cached)
        if missing_id is not None:
            return data("404 Not Found", missing_id)(environ, start_response)
        if environ["REQUEST_METHOD"] not in READING:
            refusal, environ = _checked_change(address, environ, storage)
            answer = (refusal or stock)(environ, start_response)
            if address.route.startswith("DELETE") and _STUDY.fullmatch(address.route):
                with suppress(FieldsharpError):  # the next start removes them
                    remove_unused_data(storage, storage_url)
            return answer
        # The application would read a body as part of the query.
        environ = {**environ, "CONTENT_LENGTH": "0", "wsgi.input": io.BytesIO()}
        if address.artifact is not None:
            # Optuna's own route fails for a missing artifact.
            if not store.has(address.artifact):
                return data("404 Not Found", GONE)(environ, start_response)
        elif _PLOT.fullmatch(address.route) and find_spec("plotly") is None:
            return data("404 Not Found", NO_PLOTS)(environ, start_response)
        elif _STUDY.fullmatch(address.route):
            after = query.get("after", ["0"])[-1]
            if not _NUMBER.fullmatch(after):
                return data("400 Bad Request", WRONG_AFTER)(environ, start_response)
            environ["QUERY_STRING"] = f"after={after}"
            assert address.study is not None, "its route has one"
            body = payload.detail(address.study, int(after))
        elif _CSV.fullmatch(address.route):
            assert address.study is not None, "its route has one"
            body = _csv(payload, address.study, query)
            if body is not None:
                name = _file_name(cached, address.study)
                headers = [
                    ("Content-Type", "text/csv; charset=utf-8"),
                    ("Content-Disposition", f"attachment; filename={name}"),
                ]
        if body is None:
            return stock(environ, start_response)
        start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return app


def _was_replaced(opened_files: OpenedFiles) -> bool:
    try:
        opened_files.require_current()
    except StorageUnavailable:  # the files cannot be examined for now
        return False
    except FieldsharpError:
        return True
    return False


def _checked_change(
    address: RequestPath, environ: Environ, storage: RDBStorage
) -> tuple[Response | None, Environ]:
    """Return the refusal of a change, if any, and the request with its body read."""
    is_update = _TRIAL_UPDATE.fullmatch(address.route) is not None
    if is_update or address.artifact is not None:
        trial = None if address.trial is None else storage.get_trial(address.trial)
        if trial is not None and trial.state.is_finished():
            return data("409 Conflict", FINISHED), environ
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    wrong = wrong_body(address, environ.get("CONTENT_TYPE", ""), body)
    if wrong is None and address.trial is not None and is_update:
        study = study_of_trial(address.trial, storage)
        objectives = 0 if study is None else len(storage.get_study_directions(study))
        wrong = wrong_values(body, objectives)
    if wrong is not None:
        return data("400 Bad Request", wrong), environ
    return None, {**environ, "wsgi.input": io.BytesIO(body)}


def _csv(payload: StudyPayload, study_id: int, query: dict[str, list[str]]) -> bytes | None:
    listed = ",".join(query.get("trial_ids", [])).split(",")
    numbers = {int(text) for text in map(str.strip, listed) if _NUMBER.fullmatch(text)}
    text = payload.csv(study_id, numbers or None)
    return None if text is None else text.encode()


def _file_name(storage: BaseStorage, study: int) -> str:
    """Return the file name of a CSV, its UTF-8 bytes as Latin-1, as WSGI sends headers."""
    name = "".join(c for c in storage.get_study_name_from_id(study) if c.isprintable())
    return f"{name}.csv".encode().decode("latin-1")
