"""The installed commands in any folder: what stands in it is never taken for a module of ours."""

import json
import sys
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from tests.packaging.installed import Installed

OURS = ("core", "data", "fields", "model", "objectives", "storage", "sweep", "fieldsharp")
OTHERS = ("config", "numpy", "optuna", "queue", "random", "select", "signal", "torch", "yaml")
TRAP = "raise SystemExit('a file of the working folder was imported')\n"
TINY = (
    *(
        "start",
        "--quiet",
        "--json",
        "--trials",
        "1",
        "--workers",
        "1",
        "--set",
        "predictor.width=4",
    ),
    *("--set", "training.length=fixed", "--set", "training.epochs=1"),
    *("--set", "data.train_every=40", "--set", "data.score_every=40"),
)


@pytest.fixture
def traps(tmp_path: Path) -> Path:
    """A folder with files and folders by the names of our modules and of others."""
    for name in OTHERS:
        (tmp_path / f"{name}.py").write_text(TRAP)
    for name in OURS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(TRAP)
    return tmp_path


def _ways(installed: Installed) -> dict[str, list[str | Path]]:
    return {
        "fieldsharp": [installed.command],
        "python -m fieldsharp": [installed.python, "-m", "fieldsharp"],
        "python run_sweep.py": [sys.executable, PROJECT / "run_sweep.py"],
    }


@pytest.mark.outside
@pytest.mark.parametrize("way", ["fieldsharp", "python -m fieldsharp", "python run_sweep.py"])
def test_files_of_the_working_folder_are_not_imported(
    way: str, installed: Installed, traps: Path
) -> None:
    if way == "python -m fieldsharp":  # of that name Python itself takes the user's
        (traps / "fieldsharp/__init__.py").unlink()
        (traps / "fieldsharp").rmdir()
    done = installed.run(*_ways(installed)[way], "storage", "check", cwd=traps)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "there is no database at sweeps.db" in done.stderr


@pytest.mark.slow
def test_a_sweep_in_an_empty_folder_has_the_quickstart_and_writes_its_database_there(
    installed: Installed, tmp_path: Path
) -> None:
    done = installed.run(installed.command, *TINY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["states"]["COMPLETE"] == 1
    assert (tmp_path / "sweeps.db").is_file()
    shown = installed.run(installed.command, "status", "--json", cwd=tmp_path)
    assert [one["study"] for one in json.loads(shown.stdout)] == ["quickstart"]
    exported = installed.run(
        installed.command, *("export", "quickstart", "--trial", "0"), cwd=tmp_path
    )
    assert "train it with: fieldsharp train THIS_FILE" in exported.stdout
    assert "git_commit: unknown" in exported.stdout, "of no repository around the package"
    assert "fieldsharp: 0.1.0" in exported.stdout


PREDICTOR = """\
from torch import nn
import beside

class Net(nn.Module):
    def __init__(self, shape, width):
        super().__init__()
        self.gain = nn.Parameter(beside.gain())

    def forward(self, history_BTCHW):
        return self.gain * history_BTCHW[:, -1:].expand(-1, 3, -1, -1, -1)
"""


@pytest.mark.slow
def test_a_plug_in_is_found_in_the_working_folder_and_nothing_else_there(
    installed: Installed, traps: Path
) -> None:
    (traps / "model/__init__.py").write_text(PREDICTOR)
    (traps / "beside.py").write_text("import torch\n\ndef gain():\n    return torch.ones(1)\n")
    own = ("--set", "plugins=[model]", "--set", "predictor.name=model:Net")
    done = installed.run(installed.command, *TINY, *own, cwd=traps)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["states"]["COMPLETE"] == 1, done.stderr


SCRIPT = """\
import os, signal, sys
import data, fieldsharp, model
assert (data.MINE, fieldsharp.MINE, model.MINE) == (1, 1, 1)
assert not os.environ.get("PYTHONSAFEPATH"), "modules beside a script would not be found"
print("rmse 1.0 gradient 2.0 peak 3.0")
"""
SWEEP = """\
study: script
trainer:
  command: [python, train.py]
  given: {gradient_weight: 0.5}
  patterns: {gradient: 'gradient (\\S+)', peak: 'peak (\\S+)', rmse: 'rmse (\\S+)'}
training: {epochs: 1}
objective: {targets: {gradient: 2.5, peak: 3.5}}
search: {sampler: random, space: {gradient_weight: {low: 0.1, high: 1.0}}}
budget: {trials: 1}
workers: {count: 1}
"""


@pytest.mark.slow
def test_a_script_imports_its_own_modules_by_the_names_of_ours(
    installed: Installed, traps: Path
) -> None:
    project = traps / "project"
    for name in ("data", "fieldsharp", "model"):
        (project / name).mkdir(parents=True)
        (project / name / "__init__.py").write_text("MINE = 1\n")
    (project / "train.py").write_text(SCRIPT)
    (project / "sweep.yaml").write_text(SWEEP)
    done = installed.run(
        installed.command, "start", "project/sweep.yaml", "--quiet", "--json", cwd=traps
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["states"]["COMPLETE"] == 1, done.stderr
