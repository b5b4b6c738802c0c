"""Ids in a path are read in one way, and belong together."""

import json
import re
import sqlite3
from contextlib import closing
from typing import Any

import optuna
import optuna_dashboard
import pytest
from optuna.artifacts import get_all_artifact_meta
from optuna.artifacts._upload import ARTIFACTS_ATTR_PREFIX

from fieldsharp.storage.database import open_database
from fieldsharp.storage.location.paths import artifacts_folder
from fieldsharp.sweep.dashboard.http.request_paths import LARGEST_ID, parse_request_path
from fieldsharp.sweep.dashboard.security.middleware import check_size
from fieldsharp.sweep.dashboard.views.routes import WsgiApp, make_app
from fieldsharp.sweep.study.lookup import load_study
from tests.sweep.dashboard.asking import ask_app

NOTE = {"body": "x", "version": 1}
UPLOAD = {"file": "data:text/plain;base64,YQ==", "filename": "a.txt"}


@pytest.fixture
def app(own_url: str) -> WsgiApp:
    return make_app(open_database(own_url, "write"), own_url)


@pytest.fixture
def picture(own_url: str) -> tuple[int, str]:
    """Ids of a finished trial and of a picture of it."""
    study = load_study(open_database(own_url, "read"), "tiny")
    metas = get_all_artifact_meta(study.trials[1], storage=study._storage)
    return study.trials[1]._trial_id, metas[0].artifact_id


def _dump(url: str) -> str:
    """Return everything that a database holds."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return "\n".join(connection.iterdump())


def _upload(app: WsgiApp, where: str) -> str:
    said = ask_app(app, f"/api/artifacts/{where}", "POST", UPLOAD)
    assert said.status == 201
    return str(json.loads(said.body)["artifact_id"])


def _add_running_trial(url: str) -> int:
    storage = open_database(url, "write")
    return storage.create_new_trial(1)


ODD_IDS = [
    "0{}",
    "00000000000000000{}",
    "000000000000000000000000{}",
    "+{}",
    "-{}",
    " {}",
    "{} ",
    "{}.0",
    "{}e0",
    "0x{}",
    "1_{}",
    "99999999999999999999",
    str(LARGEST_ID),
    str(LARGEST_ID + 1),
    "9" * 5000,
    "\u0661",
    "\uff11",
    "%31",
    "{}\n",
    "{}\r",
    "{}\t",
    "{}\x00",
    "{}/",
    "{}//",
    "/{}",
    "./{}",
    "../1/{}",
    "{};a",
    "{}?",
    "",
    "nan",
    "null",
]


def test_an_id_in_another_form_is_not_found_and_changes_nothing(
    app: WsgiApp, own_url: str, picture: tuple[int, str]
) -> None:
    before = _dump(own_url)
    for odd in ODD_IDS:
        for method, path, body in _requests(odd, *picture):
            said = ask_app(app, path, method, body)
            assert said.status == 404, f"{method} {path[:100]!r}"
            assert method == "HEAD" or json.loads(said.body)["reason"]
    assert _dump(own_url) == before


def _requests(odd: str, trial: int, artifact: str) -> tuple[tuple[str, str, Any], ...]:
    """Return requests of every kind with an id in an odd form."""
    of_study, of_trial = odd.format(1), odd.format(trial)
    return (
        ("GET", f"/api/studies/{of_study}", None),
        ("HEAD", f"/api/studies/{of_study}", None),
        ("DELETE", f"/api/studies/{of_study}", None),
        ("POST", f"/api/studies/{of_study}/rename", {"study_name": "x"}),
        ("PUT", f"/api/studies/{of_study}/note", NOTE),
        ("PUT", f"/api/studies/1/{of_trial}/note", NOTE),
        ("PUT", f"/api/studies/{of_study}/{trial}/note", NOTE),
        ("GET", f"/api/studies/{of_study}/param_importances", None),
        ("GET", f"/api/studies/{of_study}/plot/edf", None),
        ("POST", f"/api/studies/{of_study}/preference", {"mode": "ChooseWorst"}),
        ("POST", f"/api/studies/1/{of_trial}/skip", None),
        ("POST", f"/api/trials/{of_trial}/tell", {"state": "fail"}),
        ("POST", f"/api/trials/{of_trial}/user-attrs", {"user_attrs": {"a": 1}}),
        ("GET", f"/csv/{of_study}", None),
        ("HEAD", f"/csv/{of_study}", None),
        ("GET", f"/artifacts/{of_study}/{trial}/{artifact}", None),
        ("GET", f"/artifacts/1/{of_trial}/{artifact}", None),
        ("HEAD", f"/artifacts/1/{of_trial}/{artifact}", None),
        ("POST", f"/api/artifacts/{of_study}/{trial}", UPLOAD),
        ("POST", f"/api/artifacts/1/{of_trial}", UPLOAD),
        ("DELETE", f"/api/artifacts/{of_study}/{trial}/{artifact}", None),
        ("DELETE", f"/api/artifacts/1/{of_trial}/{artifact}", None),
        ("delete", f"/api/artifacts/1/{of_trial}/{artifact}", None),
    )


def test_a_path_in_another_form_does_not_reach_a_finished_trial(
    app: WsgiApp, own_url: str, picture: tuple[int, str]
) -> None:
    trial, artifact = picture
    before = _dump(own_url)
    for form in ("{}/", "{}//", "/{}", "//{}", "{}/.", "{}%2f", "{}\n", "{}#", "\udcff{}"):
        for path in (f"/api/artifacts/1/{trial}/{artifact}", f"/api/artifacts/1/{artifact}"):
            assert ask_app(app, form.format(path), "DELETE").status == 404
    assert ask_app(app, f"/api/artifacts/1/{trial}/{artifact}", "DELETE").status == 409
    assert _dump(own_url) == before


def test_an_artifact_belongs_to_the_trial_and_the_study_in_its_path(
    app: WsgiApp, own_url: str, picture: tuple[int, str]
) -> None:
    finished, drawn = picture
    running = _add_running_trial(own_url)
    made = {"study_name": "other", "directions": ["minimize"]}
    assert ask_app(app, "/api/studies", "POST", made).status == 201
    of_trial, of_study = _upload(app, f"1/{running}"), _upload(app, "1")
    right = {f"1/{running}/{of_trial}", f"1/{of_study}", f"1/{finished}/{drawn}"}
    wrong = {
        f"1/{of_trial}",
        f"2/{running}/{of_trial}",
        f"1/{finished}/{of_trial}",
        f"1/{running}/{of_study}",
        f"2/{of_study}",
        f"1/{running}/{drawn}",
        f"1/{drawn}",
        f"2/{finished}/{drawn}",
        f"1/{running}/{of_trial.upper()}",
    }
    for where in sorted(wrong):
        for method in ("GET", "HEAD"):
            assert ask_app(app, f"/artifacts/{where}", method).status == 404, where
        assert ask_app(app, f"/api/artifacts/{where}", "DELETE").status == 404, where
    for where in sorted(right):
        assert ask_app(app, f"/artifacts/{where}").status == 200, where
    assert ask_app(app, f"/api/artifacts/1/{running}/{of_trial}", "DELETE").status == 204
    assert ask_app(app, f"/api/artifacts/1/{of_study}", "DELETE").status == 204
    for where in (f"1/{running}/{of_trial}", f"1/{of_study}"):
        assert ask_app(app, f"/api/artifacts/{where}", "DELETE").status == 404


def test_what_a_database_says_of_an_artifact_is_not_trusted(app: WsgiApp, own_url: str) -> None:
    storage = open_database(own_url, "write")
    running = _add_running_trial(own_url)
    for number, described in enumerate(
        (
            "null",
            "{",
            "[]",
            "5",
            "{}",
            "[" * 5000,
            '{"mimetype": 5}',
            '{"mimetype": "text/html\\r\\nSet-Cookie: a"}',
            '{"mimetype": "text/html", "encoding": "a\\nb"}',
        )
    ):
        artifact = f"{number:032x}"
        artifacts_folder(own_url).mkdir(exist_ok=True)
        (artifacts_folder(own_url) / artifact).write_text("x")
        storage.set_trial_system_attr(running, f"{ARTIFACTS_ATTR_PREFIX}{artifact}", described)
        assert ask_app(app, f"/artifacts/1/{running}/{artifact}").status == 404, described


def test_a_trial_belongs_to_the_study_in_its_path(app: WsgiApp, own_url: str) -> None:
    made = {"study_name": "other", "directions": ["minimize"]}
    assert ask_app(app, "/api/studies", "POST", made).status == 201
    for method, path, body in (
        ("PUT", "/api/studies/2/1/note", NOTE),
        ("POST", "/api/studies/2/1/skip", None),
        ("POST", "/api/artifacts/2/1", UPLOAD),
    ):
        said = ask_app(app, path, method, body)
        assert said.status == 404
        assert b"no trial with the id 1 in this study" in said.body
    assert not any(artifacts_folder(own_url).glob("*"))


def test_a_finished_trial_is_told_nothing(app: WsgiApp, own_url: str) -> None:
    before = _dump(own_url)
    for route, body in (
        ("tell", {"state": "fail"}),
        ("tell", {"state": "complete", "values": [0.0]}),
        ("user-attrs", {"user_attrs": {"score": 0.0}}),
    ):
        assert ask_app(app, f"/api/trials/1/{route}", "POST", body).status == 409
    assert _dump(own_url) == before


def test_every_route_of_the_dashboard_has_a_known_address() -> None:
    stock: Any = optuna_dashboard.wsgi(optuna.storages.InMemoryStorage())
    for route in stock.routes:
        path = re.sub(r"<[^<]*>", "1", re.sub(r"<:re:[^<]*>", "", route.rule))
        address = parse_request_path(route.method, path.replace("plot/1", "plot/edf"))
        assert address is not None, route.rule
        assert (address.study is not None) == ("study_id" in route.rule), route.rule
        assert (address.trial is not None) == ("trial_id" in route.rule), route.rule
        assert (address.artifact is not None) == ("artifact_id" in route.rule), route.rule


def test_the_largest_id_is_looked_for_and_a_larger_one_is_none() -> None:
    address = parse_request_path("GET", f"/csv/{LARGEST_ID}")
    assert address is not None
    assert address.study == LARGEST_ID
    assert parse_request_path("GET", f"/csv/{LARGEST_ID + 1}") is None


@pytest.mark.parametrize("length", ["9" * 18, "9" * 19, "9" * 5000])
def test_a_length_of_any_number_of_digits_is_too_large(length: str) -> None:
    answer = check_size({"REQUEST_METHOD": "POST", "CONTENT_LENGTH": length})
    assert answer is not None
    assert answer.status.startswith("413")
