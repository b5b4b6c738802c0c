"""The dashboard over real HTTP on loopback."""

import json
import socket
from pathlib import Path

import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.secret_variables import TOKEN_VARIABLE
from fieldsharp.storage.database import open_database
from fieldsharp.storage.study_lock import StudyLock
from fieldsharp.sweep.dashboard.server import Dashboard
from fieldsharp.sweep.study.lookup import load_study
from tests.sweep.dashboard.serving import ask, serving

NOTE = json.dumps({"body": "x", "version": 1}).encode()


def test_the_study_and_its_trials_are_served(dashboard: Dashboard) -> None:
    assert dashboard.address.startswith("http://127.0.0.1:")
    found = json.loads(ask(dashboard, "/api/studies", token=dashboard.token).body)
    studies = found["study_summaries"]
    assert [study["study_name"] for study in studies] == ["tiny"]
    path = f"/api/studies/{studies[0]['study_id']}?after=0"
    detail = json.loads(ask(dashboard, path, token=dashboard.token).body)
    assert [trial["number"] for trial in detail["trials"]] == list(range(8))
    assert all(trial["state"] == "Complete" for trial in detail["trials"])


def test_nothing_can_be_changed_unless_it_was_allowed(own_copy: str) -> None:
    with serving(own_copy) as dashboard:
        for path, method, body in (
            ("/api/studies/1", "DELETE", None),
            ("/api/studies/1/note", "PUT", NOTE),
            ("/api/studies", "POST", b"{}"),
            ("/incompatible-rdb-schema", "POST", b""),
            ("/api/studies/1", "PROPFIND", None),
        ):
            reply = ask(dashboard, path, method, token=dashboard.token, body=body)
            assert reply.status == 403
            assert "--allow-write" in json.loads(reply.body)["reason"]
    load_study(open_database(own_copy, "read"), "tiny")


def test_where_it_was_allowed_a_study_can_be_deleted(own_copy: str) -> None:
    with serving(own_copy, allow_write=True) as dashboard:
        token = dashboard.token
        assert ask(dashboard, "/api/studies/1", "DELETE", token=token).status in (200, 204)
        assert json.loads(ask(dashboard, "/api/studies", token=token).body) == {
            "study_summaries": []
        }


def test_what_would_damage_a_running_sweep_waits_and_notes_do_not(own_copy: str) -> None:
    with serving(own_copy, allow_write=True) as dashboard, StudyLock(own_copy, "tiny"):
        rename = b'{"study_name": "other"}'
        for path, method, body in (
            ("/api/studies/1", "DELETE", None),
            ("/api/studies/1/", "DELETE", None),
            ("/api/studies/\u0661", "DELETE", None),  # 1 too, for who reads it
            ("/api/studies/1/rename", "POST", rename),
            ("/api/trials/1/tell", "POST", b'{"state": "fail"}'),
            ("/api/trials/1/user-attrs", "POST", b'{"user_attrs": {"a": 1}}'),
            ("/api/studies/1/preference", "POST", b"{}"),
        ):
            encoded = path.replace("\u0661", "%D9%A1")
            reply = ask(dashboard, encoded, method, token=dashboard.token, body=body)
            assert reply.status == 409, path
            assert "'tiny' is being run by process" in json.loads(reply.body)["reason"]
        assert (
            ask(dashboard, "/api/studies/1/note", "PUT", token=dashboard.token, body=NOTE).status
            == 204
        )
        made = b'{"study_name": "new", "directions": ["minimize"]}'
        assert (
            ask(dashboard, "/api/studies", "POST", token=dashboard.token, body=made).status == 201
        )
        # Nobody runs the new one.
        assert ask(dashboard, "/api/studies/2", "DELETE", token=dashboard.token).status == 204
    load_study(open_database(own_copy, "read"), "tiny")


def test_tables_are_never_upgraded_in_place(own_copy: str) -> None:
    with serving(own_copy, allow_write=True) as dashboard:
        reply = ask(dashboard, "/incompatible-rdb-schema", "POST", token=dashboard.token, body=b"")
        assert reply.status == 403
        assert "run_sweep.py storage upgrade" in json.loads(reply.body)["reason"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org", ""])  # noqa: S104
def test_a_host_the_network_can_reach_is_refused_without_tls(finished_url: str, host: str) -> None:
    said = r"is not a loopback address; .* give --certfile and --keyfile, or use 127.0.0.1"
    with pytest.raises(ConfigError, match=said):
        Dashboard(finished_url, host, 0, allow_write=False)


@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket")  # left open by cheroot
def test_a_taken_port_is_refused(finished_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} .*; choose another with --port"):
            Dashboard(finished_url, "127.0.0.1", port, allow_write=False)


@pytest.mark.parametrize("allow_write", [False, True])
def test_a_database_that_is_not_there_is_not_made(storage_url: str, allow_write: bool) -> None:
    with pytest.raises(ConfigError, match="there is no database at"):
        Dashboard(storage_url, "127.0.0.1", 0, allow_write=allow_write)
    assert not Path(storage_url.removeprefix("sqlite:///")).exists()


def test_a_token_of_ones_own_leaves_the_environment_and_keeps_link_and_cookie(
    finished_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    token = "0123456789-abcdefgh_~.XYZ"  # noqa: S105
    monkeypatch.setenv(TOKEN_VARIABLE, token)
    with serving(finished_url) as dashboard:
        assert TOKEN_VARIABLE not in os.environ
        assert dashboard.link == f"{dashboard.address}?token={token}"
        assert ask(dashboard, "/api/meta", token=token).status == 200


@pytest.mark.parametrize("token", ["", "short", "with a space and long enough to be one"])
def test_a_token_that_is_easily_guessed_or_fits_no_link_is_refused(
    finished_url: str, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, token)
    said = f"must have at least 24 characters, .*, found {len(token)} characters"
    with pytest.raises(ConfigError, match=said) as raised:
        Dashboard(finished_url, "127.0.0.1", 0, allow_write=False)
    assert token == "" or token not in str(raised.value)


def test_no_two_dashboards_share_a_token(dashboard: Dashboard, own_copy: str) -> None:
    with serving(own_copy) as other:
        assert other.token != dashboard.token
        assert len(other.token) >= 40
        assert ask(other, "/api/meta", token=dashboard.token).status == 401
