"""What `confirm` and `status` show of a confirmation, in this process."""

import json
from pathlib import Path

import pytest

from fieldsharp.objectives.leads.lead import MembersLead
from fieldsharp.storage.database import open_database
from fieldsharp.storage.maintenance.backup import copy_database
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.study.confirmation.records import Confirmation, write_confirmation
from fieldsharp.sweep.study.lookup import load_study
from tests.sweep.report.measured_figures import a_confirmation
from tests.sweep.study.confirmation.seed_runs import confirmation_with_references, lead

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
    assert shown.startswith("study tiny on the validation split, seeds 1; mean +- standard error")
    assert rows[1] == [
        *("trial", "configuration", "sharpener", "held", "score", "gradient", "peak"),
        *("rmse", "/", "baseline", "feasible"),
    ]
    assert [row[:3] for row in rows[3:5]] == [
        ["0", "baseline", "none"],
        ["baseline", "inflate", "0.2231"],
    ]
    assert " ".join(rows[5]) == "baseline quantile 0.6931 2 10.5 1.300 0/1"
    assert " ".join(rows[6]) == "4 words of t4 unsharp 0 2 10.5 1.000 1/1"
    assert "is a reference, without any further training" in shown
    assert "\ntrial 4 under unsharp wins\nverdict: " in shown


def test_the_comparison_has_leads_and_the_test_has_intervals(
    storage: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    found = a_confirmation(readings=2).model_copy(
        update={"over_baseline": [lead(4, 0.25, 0.0123)], "sentence": "trial 4 wins"}
    )
    _confirm(storage, found, monkeypatch)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "the lead is that over the baseline" in lines[0]
    assert lines[1].endswith("feasible lead chance")
    row = next(line for line in lines if line.startswith("4 words of t4"))
    assert row.endswith("2/2 +0.25 0.012")
    start = next(n for n, line in enumerate(lines) if line.startswith("the winner on the test"))
    assert "12 independent blocks of windows" in lines[start]
    assert lines[start].endswith("the test split was read for 2 winners by now")
    shares = "1.25 (1.00 to 1.50)"
    assert lines[start + 1 : start + 6] == [
        "forecast gradient peak rmse / baseline held score feasible lead of the trial chance",
        f"baseline {' '.join(['1.00 (0.75 to 1.25)'] * 3)} 1 +- 0.5 2/2 +0.1 0.01",
        f"baseline under inflate {' '.join([shares] * 3)} 1.25 +- 0.5 2/2 +0.05 0.2",
        f"trial 4 {' '.join(['1.50 (1.25 to 1.75)'] * 3)} 1.5 +- 0.5 2/2",
        "trial 4 wins",
    ]


def test_a_lead_that_cannot_be_told_and_one_of_members_are_named(
    storage: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    members = MembersLead(crps=0.05, variogram=0.02)
    found = a_confirmation(
        leads=[lead(4, 0.0, 0.01, reference="dressed", members=members)], reference=None
    ).model_copy(update={"over_baseline": [lead(4, 0.0005, None, rmse=0.031)]})
    _confirm(storage, found, monkeypatch)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert any(line.endswith("2/2 +3.1 % rmse can't be told") for line in lines)
    assert any(line.endswith("2/2 +5.0 % crps 0.01") for line in lines)


def test_an_earlier_version_compared_on_the_test_split(
    storage: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    old = confirmation_with_references().model_copy(update={"part": "test", "best": None})
    _confirm(storage, old, monkeypatch)
    shown = capsys.readouterr().out
    assert shown.startswith("study tiny on the test split, seeds 1; mean")
    assert "the winner on the test split" not in shown


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
        "held scores on the validation split: baseline 0.6931, baseline under inflate 0.2231, "
        "baseline under quantile 0.6931 (cannot win), trial 4 under unsharp 0\n"
    ) in capsys.readouterr().out
