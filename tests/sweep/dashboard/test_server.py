"""The dashboard over real HTTP on loopback."""

import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fields.errors import ConfigError
from storage.backup import copy_database
from storage.database import open_database
from sweep.dashboard.server import Dashboard
from sweep.study.studies import load_study


@contextmanager
def _serving(url: str, *, allow_write: bool = False) -> Iterator[str]:
    dashboard = Dashboard(url, "127.0.0.1", 0, allow_write=allow_write)
    thread = threading.Thread(target=dashboard.serve)
    thread.start()
    try:
        yield dashboard.address
    finally:
        dashboard._server.stop()
        thread.join(10)
        assert not thread.is_alive()


def _get(address: str, path: str) -> Any:
    with urllib.request.urlopen(address + path, timeout=10) as response:  # noqa: S310 - loopback
        return json.loads(response.read())


def _send(address: str, path: str, method: str, body: bytes | None = None) -> int:
    request = urllib.request.Request(  # noqa: S310 - loopback
        address + path, method=method, data=body, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - loopback
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.fixture
def own_copy(finished_url: str, tmp_path: Path) -> str:
    copy_database(finished_url, tmp_path / "x.db")
    return f"sqlite:///{tmp_path / 'x.db'}"


def test_the_study_and_its_trials_are_served(finished_url: str) -> None:
    with _serving(finished_url) as address:
        assert address.startswith("http://127.0.0.1:")
        studies = _get(address, "api/studies")["study_summaries"]
        assert [study["study_name"] for study in studies] == ["tiny"]
        detail = _get(address, f"api/studies/{studies[0]['study_id']}?after=0")
        assert [trial["number"] for trial in detail["trials"]] == list(range(8))
        assert all(trial["state"] == "Complete" for trial in detail["trials"])


def test_nothing_can_be_changed_unless_it_was_allowed(own_copy: str) -> None:
    with _serving(own_copy) as address:
        assert _send(address, "api/studies/1", "DELETE") == 403
        note = json.dumps({"body": "x", "version": 1}).encode()
        assert _send(address, "api/studies/1/note", "PUT", note) == 403
        assert _send(address, "api/studies", "POST", b"{}") == 403
    load_study(open_database(own_copy, "read"), "tiny")


def test_where_it_was_allowed_a_study_can_be_deleted(own_copy: str) -> None:
    with _serving(own_copy, allow_write=True) as address:
        assert _send(address, "api/studies/1", "DELETE") in (200, 204)
        assert _get(address, "api/studies")["study_summaries"] == []


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org", ""])  # noqa: S104
def test_a_host_the_network_can_reach_is_refused(finished_url: str, host: str) -> None:
    with pytest.raises(ConfigError, match=r"is not a loopback address; .* use 127.0.0.1"):
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
