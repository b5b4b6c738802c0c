"""What the pages ask for, answered."""

import io
import json
import shutil
from pathlib import Path

import pytest
from optuna.artifacts import get_all_artifact_meta

from fieldsharp.storage.database import open_database
from fieldsharp.storage.location.paths import series_folder
from fieldsharp.sweep.dashboard.http.responses import WsgiApp
from fieldsharp.sweep.dashboard.views.routes import make_app
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.artifacts import PICTURES
from fieldsharp.sweep.study.lookup import load_study, study_config
from fieldsharp.sweep.study.shared_data import shared_keys


def _ask(url: str, path: str) -> tuple[str, dict[str, str], bytes]:
    return _answer(make_app(open_database(url, "read"), url), path)


def _answer(
    app: WsgiApp, path: str, query: str = "", method: str = "GET"
) -> tuple[str, dict[str, str], bytes]:
    answered: list[tuple[str, dict[str, str]]] = []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
    }
    body = app(environ, lambda status, headers, _=None: answered.append((status, dict(headers))))
    content = b"".join(body)
    close = getattr(body, "close", None)
    if close is not None:
        close()
    return *answered[-1], content


def test_the_page_gets_pictures_and_is_told_where_there_is_none(own_url: str) -> None:
    study = load_study(open_database(own_url, "read"), "tiny")
    metas = get_all_artifact_meta(study.trials[1], storage=study._storage)
    number = next(meta.artifact_id for meta in metas if meta.filename == "spectra.png")
    status, headers, content = _ask(own_url, f"/artifacts/1/{study.trials[1]._trial_id}/{number}")
    assert (status, headers["Content-Type"]) == ("200 OK", "image/png")
    assert content.startswith(b"\x89PNG")
    status, _, content = _ask(own_url, f"/artifacts/1/2/{number[:-2]}99")
    assert status == "404 Not Found"
    assert b"was removed" in content


def test_the_page_of_a_study_is_our_own_and_others_are_the_stock_ones(own_url: str) -> None:
    status, headers, content = _ask(own_url, "/api/studies/1")
    assert (status, headers["Content-Type"]) == ("200 OK", "application/json")
    assert int(headers["Content-Length"]) == len(content)
    assert json.loads(content)["note"]["body"].startswith("## Verdict")
    of_one = [name for name, kind in PICTURES.items() if not kind.of_members]
    assert len(of_one) == len(json.loads(content)["trials"][0]["artifacts"])
    assert _ask(own_url, "/api/studies/77")[0].startswith("404")
    assert _ask(own_url, "/api/studies")[0].startswith("200")


def test_a_table_can_be_saved(own_url: str) -> None:
    status, headers, content = _ask(own_url, "/csv/1")
    assert (status, headers["Content-Type"]) == ("200 OK", "text/csv; charset=utf-8")
    assert headers["Content-Disposition"] == "attachment; filename=tiny.csv"
    assert content.startswith(b"trial,state,feasible,")


def test_a_table_of_no_study_is_not_there(own_url: str) -> None:
    assert _ask(own_url, "/csv/99")[0].startswith("404")


@pytest.mark.parametrize("becomes", ["another", "nothing"])
def test_a_database_that_is_not_the_one_opened_is_not_shown(own_url: str, becomes: str) -> None:
    path = Path(own_url.removeprefix("sqlite:///"))
    app = make_app(open_database(own_url, "read"), own_url)
    assert _answer(app, "/api/studies")[0] == "200 OK"
    path.rename(path.with_suffix(".aside"))
    if becomes == "another":
        shutil.copy(path.with_suffix(".aside"), path)
    for asked in ("/api/studies", "/api/studies/1", "/csv/1"):
        status, _, content = _answer(app, asked)
        assert status == "503 Service Unavailable"
        assert b"start it again" in content


@pytest.mark.parametrize("after", ["abc", "-1", "9" * 5000, "%D9%A3", ""])
def test_what_is_no_number_is_refused(own_url: str, after: str) -> None:
    app = make_app(open_database(own_url, "read"), own_url)
    status, _, content = _answer(app, "/api/studies/1", query=f"after={after}")
    if after:
        assert status == "400 Bad Request"
        assert b"after must be" in content
    else:
        assert status == "200 OK"


@pytest.mark.parametrize("where", ["99/2", "1/99", "99"])
def test_a_picture_under_a_wrong_address_is_not_there(own_url: str, where: str) -> None:
    study = load_study(open_database(own_url, "read"), "tiny")
    number = get_all_artifact_meta(study.trials[1], storage=study._storage)[0].artifact_id
    assert _ask(own_url, f"/artifacts/{where}/{number}")[0] == "404 Not Found"


def test_a_finished_trial_keeps_its_artifacts(own_url: str) -> None:
    study = load_study(open_database(own_url, "read"), "tiny")
    number = get_all_artifact_meta(study.trials[1], storage=study._storage)[0].artifact_id
    trial = study.trials[1]._trial_id
    app = make_app(open_database(own_url, "write"), own_url)
    path = f"/api/artifacts/1/{trial}/{number}"
    status, _, content = _answer(app, path, method="DELETE")
    assert status == "409 Conflict"
    assert b"finished trial" in content
    assert _answer(app, f"/artifacts/1/{trial}/{number}")[0] == "200 OK"


def test_the_data_of_a_deleted_study_are_removed(own_url: str, tiny_facts: DataSummary) -> None:
    study = load_study(open_database(own_url, "read"), "tiny")
    (used,) = shared_keys(study_config(study), tiny_facts)
    for key in (used, "unused"):
        (series_folder(own_url) / key).mkdir(parents=True)
    app = make_app(open_database(own_url, "write"), own_url)

    assert _answer(app, "/api/studies/2", method="DELETE")[0] == "404 Not Found"
    assert (series_folder(own_url) / used).exists()
    assert _answer(app, "/api/studies/1", method="DELETE")[0].startswith("20")

    assert [path.name for path in series_folder(own_url).iterdir() if path.is_dir()] == []
