"""The pages: those of the Optuna dashboard, and in front what a forecast is judged by."""

import re
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from optuna.storages import RDBStorage, get_storage
from optuna_dashboard import wsgi

from sweep.dashboard.picture_store import PictureStore
from sweep.dashboard.study_detail import StudyDetails

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_STUDY = re.compile(r"/api/studies/(\d{1,18})/?")
_ARTIFACT = re.compile(r"/artifacts/(?:\d{1,18}/){1,2}([0-9a-fA-F-]+)/?")
NOT_THERE = b"this artifact is gone, or what it is drawn from is"


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

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        artifact = _ARTIFACT.fullmatch(path)
        if artifact is not None and not store.has(artifact[1]):  # for which the stock one fails
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [NOT_THERE]
        wanted = _STUDY.fullmatch(path)
        if wanted is not None and environ["REQUEST_METHOD"] == "GET":
            after = parse_qs(environ.get("QUERY_STRING", "")).get("after", ["0"])[-1]
            body = details.detail(int(wanted[1]), int(after)) if after.isdecimal() else None
            if body is not None:
                length = ("Content-Length", str(len(body)))
                start_response("200 OK", [("Content-Type", "application/json"), length])
                return [body]
        return stock(environ, start_response)

    return app
