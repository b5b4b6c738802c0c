"""The pages: those of the Optuna dashboard, and in front what a forecast is judged by."""

import json
import re
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from optuna.storages import BaseStorage, RDBStorage, get_storage
from optuna_dashboard import wsgi

from storage.database import database_file
from sweep.dashboard.picture_store import PictureStore
from sweep.dashboard.study_detail import StudyDetails

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_STUDY = re.compile(r"/api/studies/(\d{1,18})/?")
_TABLE = re.compile(r"/csv/(\d{1,18})/?")
_ARTIFACT = re.compile(r"/artifacts/(\d{1,18})/(?:(\d{1,18})/)?([0-9a-fA-F-]+)/?")
_REMOVED = re.compile(r"/api/artifacts/\d{1,18}/(\d{1,18})/[0-9a-fA-F-]+/?")
_NUMBER = re.compile(r"[0-9]{1,9}")
_FILES_OF_PAGES = ("/static/", "/favicon.ico")
FINISHED = "a finished trial takes no changes, and keeps its pictures and files"
NO_NUMBER = "after must be the number of a trial"
GONE = "this artifact is gone, or what it is drawn from is"
REPLACED = (
    "the database was removed, or another put in its place, since this dashboard was started; "
    "start it again"
)


def make_app(storage: RDBStorage, storage_url: str) -> WsgiApp:
    """Return what answers every request that was let in.

    Args:
        storage: The open database.
        storage_url: Its address; files of the studies stand beside it.
    """
    remembering = get_storage(storage)  # finished trials are read once
    details = StudyDetails(remembering, storage_url)
    # A person needs a second to open the link; a thousand trials need two to be read.
    threading.Thread(target=details.read_ahead, name="read ahead", daemon=True).start()
    store = PictureStore(remembering, storage_url)
    stock: WsgiApp = wsgi(remembering, artifact_store=store)
    opened = database_file(storage_url)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, query = environ.get("PATH_INFO", ""), parse_qs(environ.get("QUERY_STRING", ""))
        headers = [("Content-Type", "application/json")]
        body: bytes | None = None
        # An open file is read on after it was removed: what it holds is nobody's any more.
        if database_file(storage_url) != opened and not path.startswith(_FILES_OF_PAGES):
            return _say(start_response, "503 Service Unavailable", REPLACED)
        if environ["REQUEST_METHOD"] != "GET":
            removed = _REMOVED.fullmatch(path)
            if removed and _is_finished(remembering, int(removed[1])):
                return _say(start_response, "409 Conflict", FINISHED)
            return stock(environ, start_response)
        if found := _ARTIFACT.fullmatch(path):
            # For what is not there the stock one fails, whichever part of the address is wrong.
            if not (_is_there(remembering, found[1], found[2]) and store.has(found[3])):
                return _say(start_response, "404 Not Found", GONE)
        elif found := _STUDY.fullmatch(path):
            after = query.get("after", ["0"])[-1]
            if not _NUMBER.fullmatch(after):
                return _say(start_response, "400 Bad Request", NO_NUMBER)
            body = details.detail(int(found[1]), int(after))
        elif found := _TABLE.fullmatch(path):
            body = _table(details, int(found[1]), query)
            if body is not None:
                name = _file_name(remembering, found[1])
                headers = [
                    ("Content-Type", "text/csv; charset=utf-8"),
                    ("Content-Disposition", f"attachment; filename={name}"),
                ]
        if body is None:
            return stock(environ, start_response)
        start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
        return [body]

    return app


def _is_there(storage: BaseStorage, study: str, trial: str | None) -> bool:
    if all(found._study_id != int(study) for found in storage.get_all_studies()):
        return False
    try:
        return trial is None or storage.get_trial(int(trial)) is not None
    except KeyError:
        return False


def _is_finished(storage: BaseStorage, trial_id: int) -> bool:
    try:
        return storage.get_trial(trial_id).state.is_finished()
    except KeyError:
        return False


def _table(details: StudyDetails, study_id: int, query: dict[str, list[str]]) -> bytes | None:
    wanted = ",".join(query.get("trial_ids", [])).split(",")
    numbers = {int(text) for text in map(str.strip, wanted) if _NUMBER.fullmatch(text)}
    text = details.csv(study_id, numbers or None)
    return None if text is None else text.encode()


def _file_name(storage: BaseStorage, study: str) -> str:
    """Return what a table is saved as, in the letters that a header is sent in."""
    name = "".join(c for c in storage.get_study_name_from_id(int(study)) if c.isprintable())
    return f"{name}.csv".encode().decode("latin-1")


def _say(start_response: Callable[..., Any], status: str, sentence: str) -> list[bytes]:
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps({"reason": sentence}).encode()]
