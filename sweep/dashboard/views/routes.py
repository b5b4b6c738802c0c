"""The pages: those of the Optuna dashboard, and in front what a forecast is judged by."""

import io
import re
import threading
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any
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
    data,
)
from fieldsharp.sweep.dashboard.views.artifact_store import PictureArtifactStore
from fieldsharp.sweep.dashboard.views.study_payload import StudyPayload

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_SHOWN_STUDY = re.compile(r"[A-Z]+ /api/studies/\d+", re.ASCII)
_TABLE = re.compile(r"[A-Z]+ /csv/\d+", re.ASCII)
_PLOT = re.compile(r"[A-Z]+ /api/studies/\d+/plot/.*", re.ASCII)
_TOLD_OF_TRIAL = re.compile(r"POST /api/trials/\d+/(tell|user-attrs)", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}")
_FILES_OF_PAGES = ("/static/", "/favicon.ico")
FINISHED = "a finished trial takes no changes, and keeps its pictures and files"
NOT_FOUND = "there is nothing at this address; ids are written without leading zeros or signs"
NO_PLOTS = (
    "plots are drawn by the page itself; plotly, which would draw them here, is not installed"
)
NO_NUMBER = "after must be the number of a trial"
GONE = "this artifact is gone, or what it is drawn from is"
REPLACED = (
    "the database or its log was removed, replaced, or is written to by another of its names since "
    "this dashboard was started; start it again"
)


def make_app(storage: RDBStorage, storage_url: str) -> WsgiApp:
    """Return what answers every request that was let in.

    Args:
        storage: The open database.
        storage_url: Its address; files of the studies stand beside it.
    """
    remembering = get_storage(storage)  # finished trials are read once
    details = StudyPayload(remembering, storage_url)
    # A person needs a second to open the link; a thousand trials need two to be read.
    threading.Thread(target=details.read_ahead, name="read ahead", daemon=True).start()
    store = PictureArtifactStore(remembering, storage_url)
    stock: WsgiApp = wsgi(remembering, artifact_store=store)
    opened = OpenedFiles(storage_url)

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path, query = environ.get("PATH_INFO", ""), parse_qs(environ.get("QUERY_STRING", ""))
        headers = [("Content-Type", "application/json")]
        body: bytes | None = None
        # An open file is read on after it was removed: what it holds is nobody's any more.
        if not path.startswith(_FILES_OF_PAGES) and _is_lost(opened):
            return data("503 Service Unavailable", REPLACED)(environ, start_response)
        address = parse_request_path(environ["REQUEST_METHOD"], path)
        if address is None:
            return data("404 Not Found", NOT_FOUND)(environ, start_response)
        lacking = missing(address, storage, remembering)
        if lacking is not None:
            return data("404 Not Found", lacking)(environ, start_response)
        if environ["REQUEST_METHOD"] not in READING:
            refusal, environ = _checked_change(address, environ, storage)
            return (refusal or stock)(environ, start_response)
        # What the application reads of a body it takes for part of the query.
        environ = {**environ, "CONTENT_LENGTH": "0", "wsgi.input": io.BytesIO()}
        if address.artifact is not None:
            # For what is not there the stock one fails.
            if not store.has(address.artifact):
                return data("404 Not Found", GONE)(environ, start_response)
        elif _PLOT.fullmatch(address.route) and find_spec("plotly") is None:
            return data("404 Not Found", NO_PLOTS)(environ, start_response)
        elif _SHOWN_STUDY.fullmatch(address.route):
            after = query.get("after", ["0"])[-1]
            if not _NUMBER.fullmatch(after):
                return data("400 Bad Request", NO_NUMBER)(environ, start_response)
            environ["QUERY_STRING"] = f"after={after}"
            assert address.study is not None, "its route has one"
            body = details.detail(address.study, int(after))
        elif _TABLE.fullmatch(address.route):
            assert address.study is not None, "its route has one"
            body = _table(details, address.study, query)
            if body is not None:
                name = _file_name(remembering, address.study)
                headers = [
                    ("Content-Type", "text/csv; charset=utf-8"),
                    ("Content-Disposition", f"attachment; filename={name}"),
                ]
        if body is None:
            return stock(environ, start_response)
        start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return app


def _is_lost(opened: OpenedFiles) -> bool:
    try:
        opened.require_current()
    except StorageUnavailable:  # it cannot be looked at for now, which tells nothing
        return False
    except FieldsharpError:
        return True
    return False


def _checked_change(
    address: RequestPath, environ: Environ, storage: RDBStorage
) -> tuple[Response | None, Environ]:
    """Return the refusal of a change, and the request with its body read."""
    is_told = _TOLD_OF_TRIAL.fullmatch(address.route) is not None
    if is_told or address.artifact is not None:
        trial = None if address.trial is None else storage.get_trial(address.trial)
        if trial is not None and trial.state.is_finished():
            return data("409 Conflict", FINISHED), environ
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    wrong = wrong_body(address, environ.get("CONTENT_TYPE", ""), body)
    if wrong is None and address.trial is not None and is_told:
        study = study_of_trial(address.trial, storage)
        objectives = 0 if study is None else len(storage.get_study_directions(study))
        wrong = wrong_values(body, objectives)
    if wrong is not None:
        return data("400 Bad Request", wrong), environ
    return None, {**environ, "wsgi.input": io.BytesIO(body)}


def _table(details: StudyPayload, study_id: int, query: dict[str, list[str]]) -> bytes | None:
    wanted = ",".join(query.get("trial_ids", [])).split(",")
    numbers = {int(text) for text in map(str.strip, wanted) if _NUMBER.fullmatch(text)}
    text = details.csv(study_id, numbers or None)
    return None if text is None else text.encode()


def _file_name(storage: BaseStorage, study: int) -> str:
    """Return what a table is saved as, in the letters that a header is sent in."""
    name = "".join(c for c in storage.get_study_name_from_id(study) if c.isprintable())
    return f"{name}.csv".encode().decode("latin-1")
