"""The first thing a person types, which must be quick."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT

COMMANDS = (
    *("start", "status", "confirm", "export", "train", "predict", "evaluate", "check", "dashboard"),
    "report",
    "storage",
)
HEAVY = ("torch", "optuna", "sqlalchemy", "xarray", "numpy", "arch")
LOADED_AFTER = """
import contextlib, io, json, sys
from fieldsharp.sweep.command_line import main
said = io.StringIO()
with contextlib.redirect_stdout(said):
    code = main(sys.argv[1:])
print(json.dumps({"code": code, "said": said.getvalue(), "modules": list(sys.modules)}))
"""


def test_help_lists_the_commands() -> None:
    done = subprocess.run(
        [sys.executable, "run_sweep.py", "--help"], cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stderr == ""
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert set(COMMANDS) <= set(listed)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], [], ["start", "--help"], ["report", "--help"], ["storage", "backup", "--help"]],
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED_AFTER, *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["code"] == 0
    assert "Usage: run_sweep.py" in found["said"]
    assert [name for name in HEAVY if name in found["modules"]] == []


@pytest.mark.parametrize("more", [[], ["--watch"]])
def test_status_does_not_wait_for_torch(more: list[str], tmp_path: Path) -> None:
    status = ["status", *more, "--storage", f"sqlite:///{tmp_path}/no.db"]
    done = subprocess.run(
        [sys.executable, "-c", LOADED_AFTER, *status],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["code"] == 2, "there is no database"
    assert "fieldsharp.sweep.study.status.state" in found["modules"], (
        "it came as far as it goes without one"
    )
    assert [
        name for name in ("torch", "xarray", "arch", "statsmodels") if name in found["modules"]
    ] == []
