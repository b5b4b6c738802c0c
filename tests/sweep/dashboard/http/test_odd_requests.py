"""Requests no browser sends, byte for byte."""

import logging
import socket
import time
from pathlib import Path

import pytest

from fieldsharp.sweep.dashboard.http import server, timeouts
from fieldsharp.sweep.dashboard.security.middleware import MAX_BODY_BYTES
from fieldsharp.sweep.dashboard.server import Dashboard
from tests.sweep.dashboard.serving import ask, place, send_raw, serving

LIMIT_S = 60.0


def _send(dashboard: Dashboard, line: str, *headers: str, body: bytes = b"") -> tuple[int, bytes]:
    """Return status and reply; the token is sent, and a right host unless one is given."""
    host, port = place(dashboard)
    lines = [line, f"Authorization: Bearer {dashboard.token}", *headers, "Connection: close"]
    if not any(header.lower().startswith("host") for header in headers):
        lines.insert(1, f"Host: {host}:{port}")
    reply = send_raw(dashboard, "\r\n".join([*lines, "", ""]).encode("latin-1") + body)
    return int(reply.split(b" ", 2)[1]), reply


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET http://evil.example/dashboard HTTP/1.1", 400),
        ("GET //evil.example/dashboard HTTP/1.1", 400),
        ("GET dashboard HTTP/1.1", 400),
        ("get /dashboard HTTP/1.1", 400),
        ("GET /dashboard", 400),
        ("GET /dashboard HTTP/9.9", 505),
        ("CONNECT evil.example:443 HTTP/1.1", 405),
        ("GET /%64ashboard HTTP/1.1", 200),
        ("GET /dashboard/%0d%0aSet-Cookie:a HTTP/1.1", 400),
        ("GET /static/%00 HTTP/1.1", 400),
        ("GET /static/../index.html HTTP/1.1", 403),
        ("GET /static/%2e%2e/index.html HTTP/1.1", 403),
        ("GET /static/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd HTTP/1.1", 404),
        ("GET /static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd HTTP/1.1", 403),
        ("GET /static//etc/passwd HTTP/1.1", 404),
        ("GET /%ff%fe HTTP/1.1", 400),
        ("POST /incompatible-rdb-schema%ff HTTP/1.1", 400),
        ("DELETE /api/studies/1 HTTP/1.1", 403),
        ("DELETE /api/studies/1/ HTTP/1.1", 403),
        ("DELETE http://127.0.0.1/api/studies/1 HTTP/1.1", 400),
        ("GET /" + 70_000 * "a" + " HTTP/1.1", 414),
    ],
)
def test_an_odd_request_line(dashboard: Dashboard, line: str, status: int) -> None:
    found, reply = _send(dashboard, line)
    assert found == status
    assert b"root:" not in reply
    assert b"Set-Cookie" not in reply


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (["Host: {here}", "Host: evil.example"], 400),
        (["Host: evil.example", "Host: {here}"], 400),
        (["Host: {here}", "host: {here}"], 400),
        (["Host:"], 421),
        (["Host: evil.example", "X-Forwarded-Host: {here}"], 421),
        (["Host_: {here}"], 421),
        (["Host: {here}@evil.example"], 421),
        (["Host: {here}, evil.example"], 421),
        (["Host: {HERE}"], 200),
        (["Host: {here}", " evil.example"], 400),
        (["Host : {here}"], 400),
        (["Content-Length: -1"], 400),
        (["Content-Length: 1_0"], 400),
        (["Content-Length: many"], 400),
        (["Content-Length: 0", "Content-Length: 5"], 400),
        (["Content_Length: 5"], 200),
        (["Transfer-Encoding: chunked"], 411),
        (["Transfer-Encoding: chunked", "Content-Length: 5"], 411),
        (["Transfer-Encoding: gzip, chunked"], 501),
        (["Authorization: Bearer other"], 400),
        (["No colon"], 400),
        (["A: \x01"], 400),
        ([f"A{number}: 1" for number in range(200)], 400),
        (["A: " + 70_000 * "a"], 413),
    ],
    ids=lambda value: str(value)[:50],
)
def test_odd_headers(dashboard: Dashboard, headers: list[str], status: int) -> None:
    here = f"{place(dashboard)[0]}:{place(dashboard)[1]}"
    given = [header.replace("{here}", here).replace("{HERE}", here.upper()) for header in headers]
    assert _send(dashboard, "GET /api/meta HTTP/1.1", *given)[0] == status


def test_a_request_without_a_host_is_refused_in_old_http_too(dashboard: Dashboard) -> None:
    line = f"GET /api/meta HTTP/1.0\r\nAuthorization: Bearer {dashboard.token}\r\n\r\n"
    assert b" 421 " in send_raw(dashboard, line.encode())


def test_what_follows_a_refused_body_is_no_request(own_copy: str) -> None:
    inner = b"DELETE /api/studies/1 HTTP/1.1\r\n\r\n"
    with serving(own_copy, allow_write=True) as dashboard:
        for headers in (["Transfer-Encoding: chunked"], ["Content-Length: 40000000"]):
            host, port = place(dashboard)
            lines = ["POST /api/studies HTTP/1.1", f"Host: {host}:{port}", *headers]
            request = "\r\n".join([*lines, "", ""]).encode() + inner
            assert send_raw(dashboard, request).count(b"HTTP/1.1 ") == 1


def test_a_body_that_is_too_large_is_not_read(own_copy: str) -> None:
    with serving(own_copy, allow_write=True) as dashboard:
        length = f"Content-Length: {MAX_BODY_BYTES + 1}"
        assert _send(dashboard, "POST /api/studies HTTP/1.1", length)[0] == 413
        # Without the token nothing is said about sizes.
        assert ask(dashboard, "/api/studies", "POST", body=100_000 * b"x").status == 401


def test_clients_that_say_nothing_hold_no_thread(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeouts, "GRACE_S", 1000.0)  # whoever held a thread would hold it for good
    silent = [socket.create_connection(place(dashboard)) for _ in range(2 * server.THREADS)]
    try:
        assert ask(dashboard, "/api/meta", token=dashboard.token).status == 200
    finally:
        for connection in silent:
            connection.close()


def test_a_client_that_dawdles_is_left(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeouts, "GRACE_S", 0.4)
    with socket.create_connection(place(dashboard), timeout=10) as connection:
        deadline = time.monotonic() + LIMIT_S
        while _takes(connection):
            assert time.monotonic() < deadline
            time.sleep(0.1)  # in time for a limit on single reads


def _takes(connection: socket.socket) -> bool:
    try:
        connection.sendall(b"G")
    except ConnectionError:
        return False
    return True


class _Working:
    """Time that passes as it does, and by as much as we say we have worked."""

    worked_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.worked_s


def test_a_client_that_keeps_up_may_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    working = _Working()
    monkeypatch.setattr(timeouts, "time", working)
    monkeypatch.setattr(timeouts, "GRACE_S", LIMIT_S)
    monkeypatch.setattr(timeouts, "RATE_BYTES_S", 1000.0)
    kept = timeouts.Timeouts()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        reader = kept.makefile(ours, "rb", 10)
        for _ in range(5):
            theirs.sendall(100 * b"x")
            assert reader.read(100) == 100 * b"x"
            working.worked_s += LIMIT_S  # our own work, not waiting
        assert 0.0 < kept.left_s <= LIMIT_S + 0.5
        monkeypatch.setattr(timeouts, "GRACE_S", 0.05)
        with pytest.raises(TimeoutError):
            reader.read(1)
        assert kept.left_s <= 0
        with pytest.raises(TimeoutError):
            kept.makefile(ours, "wb", 10).write(b"x")
        reader.close()


def test_a_failure_is_told_in_a_sentence_without_the_query(
    own_copy: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with serving(own_copy) as dashboard:
        Path(own_copy.removeprefix("sqlite:///")).write_bytes(b"no database any more" * 500)
        reply = ask(dashboard, "/api/studies/1?after=0", token=dashboard.token)
    assert reply.status == 500
    assert b"Traceback" not in reply.body
    said = "the dashboard cannot answer GET /api/studies/1; --debug shows why"
    assert [record.getMessage() for record in caplog.records] == [said]
