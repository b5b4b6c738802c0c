"""A dashboard that really listens, and what can be asked of it."""

import http.client
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fieldsharp.sweep.dashboard.server import Dashboard


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def serving(url: str, *, allow_write: bool = False, **options: Any) -> Iterator[Dashboard]:
    """Yield a dashboard on a free port, answering."""
    dashboard = Dashboard(url, "127.0.0.1", 0, allow_write=allow_write, **options)
    thread = threading.Thread(target=dashboard.serve)
    thread.start()
    try:
        yield dashboard
    finally:
        dashboard.close()
        thread.join(10)
        assert not thread.is_alive()


def place(dashboard: Dashboard) -> tuple[str, int]:
    """Return the host and the port."""
    parts = urlsplit(dashboard.address)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def ask(
    dashboard: Dashboard,
    path: str,
    method: str = "GET",
    *,
    token: str | None = None,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Ask as a script does.

    Args:
        dashboard: Which.
        path: With its query.
        method: Of HTTP.
        token: Sent as a header.
        body: Said to be JSON.
        headers: Further ones.
    """
    sent = dict(headers or {})
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    if body is not None:
        sent["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection(*place(dashboard), timeout=60)
    try:
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        return Reply(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def send_raw(dashboard: Dashboard, request: bytes, timeout_s: float = 10.0) -> bytes:
    """Send bytes as they are; return what comes back until the other side closes, or is silent."""
    with socket.create_connection(place(dashboard), timeout=timeout_s) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while chunk := connection.recv(65536):
            found += chunk
        return found
