"""Says in plain words why a tracker cannot be written to.

Its package raises the errors of what it uses, often as the text of another error: requests and
urllib3 for a server, SQLAlchemy and SQLite for a file.
"""

import re
import sqlite3
from collections.abc import Iterator
from urllib.parse import urlsplit

LOG_IN = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
_STATUS = re.compile(r"(?:too many|error code) (\d{3})\b")
_NO_JSON = "not in a valid JSON format"


def reason(error: Exception, address: str) -> str:
    """Return why an attempt failed, as a person would say it; else the error's own words.

    Args:
        error: Of the attempt.
        address: Of the server, where there is one.
    """
    server = f"the server {_without_secrets(address)}"
    for cause in _causes(error):
        words = _of_server(cause, server)
        if words is None and isinstance(cause, sqlite3.Error):
            words = f"its database: {cause}"
        if words is None and isinstance(cause, OSError) and cause.filename is not None:
            words = f"{cause.filename} cannot be written: {cause.strerror}"
        if words is not None:
            return words
    return " ".join(str(error).split()) or type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it was made of, the outermost first."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        found = waiting.pop(0)
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [found.__cause__, found.__context__, *found.args]
        waiting += [getattr(found, name, None) for name in ("reason", "orig")]


def _of_server(error: BaseException, server: str) -> str | None:
    """Return what a server did wrong, by the kind of error: those of urllib3 have telling names."""
    kind = type(error).__name__
    if kind == "NameResolutionError":
        return f"{server} is not known by that name"
    if isinstance(error, ConnectionRefusedError):
        return f"{server} refuses connections: is it running?"
    if kind in ("ReadTimeoutError", "ConnectTimeoutError", "ReadTimeout", "ConnectTimeout"):
        return f"{server} does not answer"
    if kind == "SSLError":
        return f"the certificate of {server} is not accepted: {error}"
    text = str(error)
    if _NO_JSON in text:
        return f"{server} does not answer as MLflow does: is the address right?"
    if (status := _STATUS.search(text)) is not None:
        refused = f"; {LOG_IN}" if status[1] in ("401", "403") else ""
        return f"{server} answers with error {status[1]}{refused}"
    return None


def _without_secrets(address: str) -> str:
    parts = urlsplit(address)
    return (
        f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else "of the tracker"
    )
