"""Asks the application behind the door, without a socket."""

import io
import json
from dataclasses import dataclass
from typing import Any

from fieldsharp.sweep.dashboard.http.responses import WsgiApp


@dataclass(frozen=True)
class Said:
    status: int
    headers: dict[str, str]
    body: bytes


def ask_app(
    app: WsgiApp,
    path: str,
    method: str = "GET",
    body: Any = None,
    *,
    query: str = "",
    content_type: str = "application/json",
) -> Said:
    """Return what an application answers.

    Args:
        app: Which.
        path: As text; it is carried as WSGI has it.
        method: Of HTTP.
        body: Bytes as they are, anything else as JSON; None sends no body.
        query: Of the address.
        content_type: Of the body.
    """
    content = (
        body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    )
    answered: list[tuple[str, dict[str, str]]] = []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path.encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(content)),
        "CONTENT_TYPE": content_type if content else "",
        "HTTP_ACCEPT_ENCODING": "identity",
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": io.StringIO(),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
    }
    parts = app(environ, lambda status, headers, _=None: answered.append((status, dict(headers))))
    found = b"".join(parts)
    close = getattr(parts, "close", None)
    if close is not None:
        close()
    status, headers = answered[-1]
    return Said(int(status.split()[0]), headers, found)


def _as_json(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()
