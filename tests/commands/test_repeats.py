"""Leaders that get further seeds at the end of a sweep, with real worker processes."""

import json
import re
from pathlib import Path

import pytest

from fieldsharp.sweep.command_line import main
from tests.sweep.wide_guards import WIDE

pytestmark = pytest.mark.outside

STORAGE = "sqlite:///x.db"


def test_a_sweep_ends_with_further_seeds_of_its_leaders_and_says_what_they_tell(
    tiny_yaml: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO")
    guards = [f"--set=objective.guards.{name}={limit}" for name, limit in WIDE.items()]
    start = ["start", str(tiny_yaml), "--trials", "3", "--workers", "2", "--storage", STORAGE]
    assert main([*start, *guards, "--set=search.repeats=auto"]) == 0
    logged = caplog.text
    capsys.readouterr()
    assert "training the leaders with other seeds, 0 of 3 trainings done" in logged
    assert main(["status", "tiny", "--json", "--storage", STORAGE]) == 0
    status = json.loads(capsys.readouterr().out)
    found = status["repeats"]
    assert found["seeds"][0] == 2001
    assert found["sentence"] in logged
    assert status["states"]["COMPLETE"] == 3, "no trial of the budget"
    assert main(["status", "tiny", "--storage", STORAGE]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^leaders: with \d further seeds? ", shown, re.MULTILINE)

    caplog.clear()
    assert main(["resume", "tiny", "--storage", STORAGE]) == 0
    assert "seed 2001 done" not in caplog.text, "nothing is trained twice"
