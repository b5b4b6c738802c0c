"""Requests of a hostile user, sent to a dashboard that listens: none fails, none does damage."""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice

import pytest
from optuna.artifacts import get_all_artifact_meta

from fieldsharp.storage.database import open_database
from fieldsharp.storage.study_lock import StudyLock
from fieldsharp.sweep.dashboard.server import Dashboard
from fieldsharp.sweep.study.lookup import load_study
from tests.sweep.dashboard.serving import ask, serving

DEEP = b"[" * 100_000 + b"]" * 100_000
PICTURE = "{picture}"
IDS = ("01", "%31", "%D9%A1", "-1", "99", "9" * 20, "1%2f", "1%00", "1/", "1%0a", "1;")
BODIES = (
    None,
    b"",
    b"{}",
    b"null",
    b"[]",
    DEEP,
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"study_name": "\\ud800", "directions": ["minimize"]}',
    b'{"body": {}, "version": []}',
    b'{"user_attrs": {"a": 1e999}}',
    b'{"state": "complete", "values": ["nan"]}',
    b'{"file": "data:,%", "filename": 5}',
)
READ = (
    "/api/studies/{id}",
    "/api/studies/{id}?after=0",
    "/api/studies/1?after=99999999999999999999",
    "/api/studies/1?z=1;after=x",
    "/api/studies/1?after=",
    "/api/studies/{id}/param_importances",
    "/api/studies/{id}/plot/contour",
    "/api/studies/1/plot/../rename",
    "/csv/{id}",
    "/csv/1?trial_ids=99999999999999999999,-1,x,%00",
    "/artifacts/{id}/2/" + PICTURE,
    "/artifacts/1/{id}/" + PICTURE,
    "/artifacts/1/" + PICTURE,
    "/artifacts/1/2/" + "f" * 5000,
    "/static/../../etc/passwd",
    "/static/" + "a" * 5000,
    "/dashboard/%2e%2e/{id}",
    "/favicon.ico",
    "/incompatible-rdb-schema",
    "/api/nothing",
)
CHANGE = (
    ("DELETE", "/api/studies/{id}"),
    ("POST", "/api/studies/{id}/rename"),
    ("PUT", "/api/studies/{id}/note"),
    ("PUT", "/api/studies/1/{id}/note"),
    ("POST", "/api/studies/{id}/preference"),
    ("PUT", "/api/studies/{id}/preference_feedback_component"),
    ("DELETE", "/api/studies/1/preference/{id}"),
    ("POST", "/api/studies/1/{id}/skip"),
    ("POST", "/api/trials/{id}/tell"),
    ("POST", "/api/trials/{id}/user-attrs"),
    ("POST", "/api/artifacts/{id}"),
    ("POST", "/api/artifacts/1/{id}"),
    ("DELETE", "/api/artifacts/{id}/2/" + PICTURE),
    ("DELETE", "/api/artifacts/1/{id}/" + PICTURE),
    ("DELETE", "/api/artifacts/1/" + PICTURE),
    ("POST", "/incompatible-rdb-schema/"),
    ("POST", "/api/llm/trial_filter_query"),
    ("POST", "/api/studies"),
    ("PATCH", "/api/studies/{id}"),
    ("delete", "/api/studies/{id}"),
)


def _requests() -> Iterator[tuple[str, str, bytes | None]]:
    """Yield some hundred: every path with an odd id, every change with an odd body."""
    for number, path in enumerate(READ):
        for odd in (IDS[number % len(IDS)], IDS[(number + 5) % len(IDS)], "1"):
            for method in ("GET", "HEAD", "OPTIONS"):
                yield method, path.replace("{id}", odd), None
        yield "GET", path.replace("{id}", "1"), DEEP
    for number, (method, path) in enumerate(CHANGE):
        for odd in (IDS[number % len(IDS)], IDS[(number + 4) % len(IDS)]):
            yield method, path.replace("{id}", odd), BODIES[number % len(BODIES)]
        for body in BODIES:
            if method.upper() != "DELETE":
                yield method, path.replace("{id}", "1"), body


def _send(
    dashboard: Dashboard, url: str, caplog: pytest.LogCaptureFixture, every: int = 1
) -> set[int]:
    """Send each request, or one of so many, and return the statuses."""
    study = load_study(open_database(url, "read"), "tiny")
    picture = get_all_artifact_meta(study.trials[1], storage=study._storage)[0].artifact_id
    caplog.set_level(logging.WARNING)
    statuses = set()
    for method, form, body in islice(_requests(), 0, None, every):
        path = form.replace(PICTURE, picture)
        headers = {"X-HTTP-Method-Override": "DELETE"}
        reply = ask(dashboard, path, method, token=dashboard.token, body=body, headers=headers)
        assert reply.status < 500, f"{method} {path[:100]} {(body or b'')[:60]!r}"
        assert b"Traceback" not in reply.body
        assert b"root:" not in reply.body
        statuses.add(reply.status)
    assert caplog.text == ""
    return statuses


def _dump(url: str) -> str:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return "\n".join(connection.iterdump())


def test_none_fails_and_none_changes_anything_where_writing_is_not_allowed(
    own_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = _dump(own_url)
    with serving(own_url) as dashboard:
        assert {200, 400, 403, 404} <= _send(dashboard, own_url, caplog, every=5)
    assert _dump(own_url) == before


def test_none_fails_and_none_changes_a_trial_of_a_sweep_that_runs(
    own_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    storage = open_database(own_url, "write")
    storage.create_new_trial(1)
    before = repr(storage.get_all_trials(1))
    with StudyLock(own_url, "tiny"), serving(own_url, allow_write=True) as dashboard:
        assert {200, 400, 404, 409} <= _send(dashboard, own_url, caplog, every=5)
        summaries = json.loads(ask(dashboard, "/api/studies", token=dashboard.token).body)
    assert repr(open_database(own_url, "read").get_all_trials(1)) == before
    assert [study["study_name"] for study in summaries["study_summaries"]] == ["tiny"]


def test_none_fails_where_a_study_at_rest_may_be_changed(
    own_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    finished = repr(open_database(own_url, "read").get_all_trials(1))
    with serving(own_url, allow_write=True) as dashboard:
        assert {200, 400, 404, 409} <= _send(dashboard, own_url, caplog)
    assert repr(open_database(own_url, "read").get_all_trials(1)) == finished
