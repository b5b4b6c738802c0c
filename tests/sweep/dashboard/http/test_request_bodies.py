"""Odd bodies are refused in a sentence by every route that takes one, and change nothing."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.dashboard.http.responses import WsgiApp
from fieldsharp.sweep.dashboard.views.routes import make_app
from tests.sweep.dashboard.asking import ask_app

DEEP = 100_000
FILE = "data:text/plain;base64,YQ=="
TAKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "/api/studies": ("POST", {"study_name": "new", "directions": ["minimize"]}),
    "/api/studies/1/rename": ("POST", {"study_name": "renamed"}),
    "/api/studies/1/note": ("PUT", {"body": "x", "version": 1}),
    "/api/studies/1/{trial}/note": ("PUT", {"body": "x", "version": 1}),
    "/api/studies/1/preference": (
        "POST",
        {"mode": "ChooseWorst", "candidates": [0, 1], "clicked": 1},
    ),
    "/api/studies/1/preference_feedback_component": (
        "PUT",
        {"output_type": "artifact", "artifact_key": "a"},
    ),
    "/api/trials/{trial}/tell": ("POST", {"state": "Complete", "values": [1.0]}),
    "/api/trials/{trial}/user-attrs": ("POST", {"user_attrs": {"a": [1, {"b": None}]}}),
    "/api/artifacts/1": ("POST", {"file": FILE, "filename": "a.txt"}),
    "/api/artifacts/1/{trial}": ("POST", {"file": FILE, "filename": "a.txt"}),
}
"""Every route that takes a body, with one that it takes."""

NO_JSON = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"5",
    b'"text"',
    b"\xff\xfe\xff",
    b"{'a': 1}",
    b"[" * DEEP + b"]" * DEEP,
    b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    b'{"user_attrs":' + b"[" * 50 + b"]" * 50 + b"}",
    b'{"study_name":' + b"[" * 900 + b"]" * 900 + b"}",
    b'{"version": ' + b"9" * 5000 + b"}",
    b'{"version": NaN}',
    b'{"version": Infinity}',
    b'{"version": 1e999}',
    b'{"body": "\\ud800"}',
    b'{"\\udfff": 1}',
    b'{"body": "a\\u0000b"}',
]
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("/api/studies", {"study_name": 5}),
    ("/api/studies", {"study_name": ["a"]}),
    ("/api/studies", {"study_name": ""}),
    ("/api/studies", {"study_name": "x" * 201}),
    ("/api/studies", {"study_name": "a\x1b[2J"}),
    ("/api/studies", {"directions": []}),
    ("/api/studies", {"directions": ["sideways"]}),
    ("/api/studies", {"directions": "minimize"}),
    ("/api/studies", {"directions": [1]}),
    ("/api/studies", {"directions": ["minimize"] * 101}),
    ("/api/studies/1/rename", {"study_name": None}),
    ("/api/studies/1/rename", {"study_name": {}}),
    ("/api/studies/1/note", {"version": "1"}),
    ("/api/studies/1/note", {"version": 2**63}),
    ("/api/studies/1/note", {"version": True}),
    ("/api/studies/1/note", {"body": 5}),
    ("/api/studies/1/note", {"body": {"a": 1}}),
    ("/api/studies/1/preference", {"candidates": 5}),
    ("/api/studies/1/preference", {"candidates": [None]}),
    ("/api/studies/1/preference", {"clicked": [1]}),
    ("/api/studies/1/preference", {"mode": []}),
    ("/api/studies/1/preference_feedback_component", {"output_type": []}),
    ("/api/studies/1/preference_feedback_component", {"artifact_key": 5}),
    ("/api/trials/{trial}/tell", {"state": 5}),
    ("/api/trials/{trial}/tell", {"state": "waiting"}),
    ("/api/trials/{trial}/tell", {"values": 5}),
    ("/api/trials/{trial}/tell", {"values": ["nan"]}),
    ("/api/trials/{trial}/tell", {"values": []}),
    ("/api/trials/{trial}/tell", {"values": [1.0, 2.0]}),
    ("/api/trials/{trial}/user-attrs", {"user_attrs": [1]}),
    ("/api/trials/{trial}/user-attrs", {"user_attrs": {}}),
    ("/api/trials/{trial}/user-attrs", {"user_attrs": {"a" * 513: 1}}),
    ("/api/artifacts/1", {"file": 5}),
    ("/api/artifacts/1", {"file": "text"}),
    ("/api/artifacts/1", {"file": "data:text/plain;base64"}),
    ("/api/artifacts/1", {"file": "data:text/plain;base64,a"}),
    ("/api/artifacts/1", {"filename": 5}),
    ("/api/artifacts/1/{trial}", {"filename": None}),
    ("/api/artifacts/1/{trial}", {"file": "data:text/plain;base64,\u00e9"}),
]


def _dump(url: str) -> str:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return "\n".join(connection.iterdump())


@pytest.fixture
def running(own_copy: str) -> int:
    """Id of a trial that is not finished."""
    return open_database(own_copy, "write").create_new_trial(1)


@pytest.fixture
def app(own_copy: str, running: int) -> WsgiApp:
    assert running
    return make_app(open_database(own_copy, "write"), own_copy)


def test_a_body_that_is_no_json_object_within_limits_is_refused_everywhere(
    app: WsgiApp, own_copy: str, running: int
) -> None:
    before = _dump(own_copy)
    for path, (method, _) in TAKEN.items():
        for body in NO_JSON:
            said = ask_app(app, path.format(trial=running), method, body)
            assert said.status == 400, f"{method} {path} {body[:60]!r}"
            assert len(json.loads(said.body)["reason"]) < 500
    for body in NO_JSON[1:]:
        for path in ("/api/studies/1", "/api/studies/1/preference/abc"):
            assert ask_app(app, path, "DELETE", body).status == 400, body[:60]
    assert _dump(own_copy) == before


def test_a_body_of_another_form_than_its_route_takes_is_refused(
    app: WsgiApp, own_copy: str, running: int
) -> None:
    before = _dump(own_copy)
    for path, change in WRONG:
        method, taken = TAKEN[path]
        said = ask_app(app, path.format(trial=running), method, {**taken, **change})
        assert said.status == 400, f"{path} {change}"
        assert json.loads(said.body)["reason"].isprintable()
    for path, (method, taken) in TAKEN.items():
        for name in taken.keys() - {"filename", "artifact_key"}:
            less = {key: value for key, value in taken.items() if key != name}
            assert ask_app(app, path.format(trial=running), method, less).status == 400, path
        form = ask_app(app, path.format(trial=running), method, taken, content_type="text/plain")
        assert form.status == 400
        assert b"Content-Type: application/json" in form.body
    assert _dump(own_copy) == before


def test_what_the_pages_send_is_taken(app: WsgiApp, running: int) -> None:
    for path, (method, body) in sorted(TAKEN.items(), key=lambda item: "tell" in item[0]):
        if "rename" not in path:
            said = ask_app(app, path.format(trial=running), method, body)
            assert said.status in (201, 204), f"{path} {said.body!r}"
    assert ask_app(app, "/api/studies/1/rename", "POST", {"study_name": "renamed"}).status == 201
    assert ask_app(app, "/api/studies/2", "DELETE").status == 204
