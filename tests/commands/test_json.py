"""What a script reads from each command."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from fieldsharp.storage.maintenance.backup import copy_database
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.commands.printing import say_json


@pytest.fixture
def url(tmp_path: Path, finished_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    copy_database(finished_url, tmp_path / "x.db")
    return "sqlite:///x.db"


def _said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_sweep_ends_with_where_it_stands(
    url: str, tiny_yaml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = _said(capsys, "status", "tiny", "--storage", url)
    assert _said(capsys, "start", str(tiny_yaml), "--storage", url) == status
    assert _said(capsys, "start", str(tiny_yaml), "--storage", url, "--quiet") == status
    assert _said(capsys, "resume", "tiny", "--storage", url) == status


def test_wrong_use_prints_no_json(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume", "tinny", "--storage", url, "--json"]) == 2
    assert main(["start", "nowhere.yaml", "--storage", url, "--json"]) == 2
    assert capsys.readouterr().out == ""


def test_a_study_that_is_not_run_is_not_stopped(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _said(capsys, "stop", "tiny", "--storage", url)
    assert (said["study"], said["was_run"]) == ("tiny", False)
    assert "there is nothing to stop" in said["note"]


def test_from_an_export_to_a_forecast(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    best = _said(capsys, "status", "tiny", "--storage", url)["best"]
    export = _said(capsys, "export", "tiny", "--storage", url, "-o", "best.yaml")
    assert (export["trial"], export["score"]) == (best["trial"], best["score"])
    assert (export["output"], export["format"]) == ("best.yaml", "yaml")
    train = _said(capsys, "train", "best.yaml", "-o", "run")
    assert train["metrics"] == json.loads(Path("run/metrics.json").read_text())
    assert train["output"] == "run"
    assert train["largest_difference"] < 1e-5
    assert train["largest_difference_of"] in train["metrics"]
    predict = _said(capsys, "predict", "run", "--steps", "3", "-o", "f.nc")
    assert {k: predict[k] for k in ("output", "frames", "variable", "units")} == {
        "output": "f.nc",
        "frames": 3,
        "variable": "plume",
        "units": "ug m-3",
    }
    assert predict["first"] < predict["last"]


def test_an_export_to_the_screen_has_nothing_to_say_beside_it(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "tiny", "--storage", url, "--json"]) == 2
    assert "add -o FILE, or for an export in JSON --format json" in capsys.readouterr().err


def test_the_database_is_looked_after(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    backup = _said(capsys, "storage", "backup", "--storage", url)["backup"]
    assert Path(backup).is_file()
    upgraded = _said(capsys, "storage", "upgrade", "--storage", url)
    assert upgraded["former"] == upgraded["current"]
    assert upgraded["backup"] is None
    restored = _said(capsys, "storage", "restore", "--storage", url)
    assert (restored["database"], restored["backup"]) == ("x.db", backup)
    assert Path(restored["aside"]).is_file()


def test_json_has_no_number_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"a": [math.nan, 1.5, (math.inf, "x")], 3: None})
    said = capsys.readouterr().out
    assert json.loads(said, parse_constant=pytest.fail) == {
        "a": [None, 1.5, [None, "x"]],
        "3": None,
    }
