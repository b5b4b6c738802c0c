"""What `confirm` and `status` show of a confirmation, in this process."""

import json
from pathlib import Path

import pytest

from fieldsharp.storage.database import open_database
from fieldsharp.storage.maintenance.backup import copy_database
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.study.confirmation.records import Confirmation, write_confirmation
from fieldsharp.sweep.study.lookup import load_study
from tests.sweep.study.confirmation.seed_runs import confirmation_with_references

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def storage(finished_url: str, tmp_path: Path) -> str:
    copy_database(finished_url, tmp_path / "x.db")
    return f"sqlite:///{tmp_path / 'x.db'}"


def _confirm(storage: str, found: Confirmation, patch: pytest.MonkeyPatch, *more: str) -> None:
    patch.setattr("fieldsharp.sweep.engine.confirm.confirm_study", lambda *_: found)
    assert main(["confirm", "tiny", "--storage", storage, *more]) == 0


def test_references_stand_below_the_baseline(
    storage: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    _confirm(storage, confirmation_with_references(), monkeypatch)
    shown = capsys.readouterr().out
    rows = [line.split() for line in shown.splitlines()]
    assert rows[1][:4] == ["trial", "configuration", "sharpener", "seeds"]
    assert [row[:3] for row in rows[3:5]] == [
        ["0", "baseline", "none"],
        ["baseline", "inflate", "1"],
    ]
    assert " ".join(rows[5]) == "baseline quantile 1 0.075 0.6931 2 10.5 1.300 0/1"
    assert " ".join(rows[6]) == "4 words of t4 unsharp 1 0 0 2 10.5 1.000 1/1"
    assert "is a reference, without any further training" in shown
    assert "\ntrial 4 under unsharp wins\nverdict: " in shown


def test_without_references_it_is_said_why(
    storage: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    old = confirmation_with_references().model_copy(update={"references": []})
    _confirm(storage, old, monkeypatch)
    shown = capsys.readouterr().out
    assert "not shown under sharpeners: none could be fitted, or an earlier version" in shown
    assert "reference" not in shown


def test_the_json_has_every_reference(
    storage: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    _confirm(storage, confirmation_with_references(), monkeypatch, "--json")
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found["references"]] == ["inflate", "quantile"]
    assert found["references"][0]["held_score"]["mean"] == pytest.approx(0.22314, abs=1e-5)
    assert [trial["sharpening"] for trial in found["trials"]] == ["none", "unsharp"]


def test_the_status_has_the_score_of_every_trial_and_reference(
    storage: str, capsys: Captured
) -> None:
    study = load_study(open_database(storage, "write"), "tiny")
    write_confirmation(study, storage, confirmation_with_references())
    assert main(["status", "tiny", "--storage", storage]) == 0
    assert (
        "held scores on the test split: baseline 0.6931, baseline under inflate 0.2231, baseline "
        "under quantile 0.6931 (cannot win), trial 4 under unsharp 0\n"
    ) in capsys.readouterr().out
