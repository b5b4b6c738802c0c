"""The pages: those of the Optuna dashboard, and in front what a forecast is judged by."""

import json
import re
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from optuna.storages import RDBStorage, get_storage
from optuna_dashboard import wsgi

from storage.database import database_file
from sweep.dashboard.picture_store import PictureStore
from sweep.dashboard.study_detail import StudyDetails

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_STUDY = re.compile(r"/api/studies/(\d{1,18})/?")
_TABLE = re.compile(r"/csv/(\d{1,18})/?")
_ARTIFACT = re.compile(r"/artifacts/(?:\d{1,18}/){1,2}([0-9a-fA-F-]+)/?")
_FILES_OF_PAGES = ("/static/", "/favicon.ico")
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
        kind, body = "application/json", None
        # An open file is read on after it was removed: what it holds is nobody's any more.
        if database_file(storage_url) != opened and not path.startswith(_FILES_OF_PAGES):
            return _say(start_response, "503 Service Unavailable", REPLACED)
        if environ["REQUEST_METHOD"] != "GET":
            return stock(environ, start_response)
        if found := _ARTIFACT.fullmatch(path):
            if not store.has(found[1]):  # for which the stock one fails
                return _say(start_response, "404 Not Found", GONE)
        elif found := _STUDY.fullmatch(path):
            after = query.get("after", ["0"])[-1]
            body = details.detail(int(found[1]), int(after)) if after.isdecimal() else None
        elif found := _TABLE.fullmatch(path):
            kind, body = "text/csv; charset=utf-8", _table(details, int(found[1]), query)
        if body is None:
            return stock(environ, start_response)
        headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]

    return app


def _table(details: StudyDetails, study_id: int, query: dict[str, list[str]]) -> bytes | None:
    wanted = ",".join(query.get("trial_ids", [])).split(",")
    numbers = {int(text) for text in wanted if text.strip().isdecimal()}
    text = details.csv(study_id, numbers or None)
    return None if text is None else text.encode()


def _say(start_response: Callable[..., Any], status: str, sentence: str) -> list[bytes]:
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps({"reason": sentence}).encode()]
