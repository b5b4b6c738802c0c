"""Confirming from the command line, with real worker processes."""

import json
import time
from pathlib import Path

import pytest

from fieldsharp.model.registry import SHARPENERS
from fieldsharp.storage.study_lock import StudyLock
from fieldsharp.sweep.command_line import main
from tests.sweep.wide_guards import WIDE

pytestmark = pytest.mark.outside

STORAGE = "sqlite:///x.db"


def test_a_study_is_confirmed_once_and_shown_as_often_as_asked(
    tiny_yaml: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    guards = [f"--set=objective.guards.{name}={limit}" for name, limit in WIDE.items()]
    start = ["start", str(tiny_yaml), "--trials", "2", "--workers", "1", "--storage", STORAGE]
    assert main([*start, *guards]) == 0
    confirm = ["confirm", "tiny", "--top", "1", "--seeds", "2", "--storage", STORAGE]
    with StudyLock(STORAGE, "tiny"):
        assert main(confirm) == 2
    assert "study 'tiny' is being run by process" in capsys.readouterr().err

    assert main([*confirm, "--json", "--workers", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seeds"] == [1001, 1002]
    assert found["baseline"] == 0
    assert found["winner"] in (0, 1)
    baseline, trial = found["trials"]
    assert [baseline["trial"], trial["trial"]] == [0, 1]
    assert [baseline["configuration"], trial["configuration"]] == [
        "baseline",
        "plan 0: weight 0.05, last step",
    ]
    assert [baseline["feasible"], trial["feasible"]] == [2, 2]
    assert [one["name"] for one in found["references"]] == list(SHARPENERS)
    assert baseline["sharpening"] == "none"
    assert trial["sharpening"] in ("none", *SHARPENERS)
    assert all(len(one["outcomes"]) == 2 for one in found["references"])
    for name in ("score", "gradient", "peak", "rmse"):
        values = [outcome[name] for outcome in trial["outcomes"]]
        assert trial[name]["mean"] == pytest.approx(sum(values) / 2)
        assert trial[name]["error"] == pytest.approx(abs(values[0] - values[1]) / 2)

    began = time.monotonic()
    assert main(confirm) == 0
    assert time.monotonic() - began < 5, "nothing is left to train"
    shown = capsys.readouterr().out
    assert "study tiny on the validation split, seeds 1001, 1002" in shown
    assert "plan 0: weight 0.05, last step" in shown
    assert shown.count("2/2") >= 2
    assert all(name in shown for name in SHARPENERS)
    assert found["sentence"] in shown
    assert main(["status", "tiny", "--storage", STORAGE]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("verdict: ")]
    assert len(told) == 1
    assert told[0] in shown.splitlines()

    assert main(["confirm", "timy", "--storage", STORAGE]) == 2
    assert "there is no study 'timy': did you mean 'tiny'?" in capsys.readouterr().err
    assert main(["confirm", "tiny", "--top", "0", "--storage", STORAGE]) == 2
