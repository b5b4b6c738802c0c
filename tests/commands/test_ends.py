"""Ends of a real sweep: its exit code tells what became of the work, and nothing is left alive."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from optuna.trial import TrialState

from fieldsharp.core.checkout import PROJECT
from fieldsharp.storage.database import open_database
from fieldsharp.storage.study_lock import study_lock_owner
from fieldsharp.sweep.study.lookup import load_study
from tests.commands.background import in_the_background, wait_for_epochs

pytestmark = pytest.mark.slow
STORAGE = "sqlite:///x.db"
LIMIT_S = 120.0
SLOW_TRIALS = ("--set", "data.train_every=1", "--set", "training.epochs=12")


def _states(folder: Path) -> set[TrialState]:
    study = load_study(open_database(f"sqlite:///{folder / 'x.db'}", "read"), "tiny")
    return {trial.state for trial in study.get_trials(deepcopy=False)}


@pytest.mark.parametrize("count", [10, 30, 200])
@pytest.mark.parametrize("to_group", [True, False], ids=["group", "coordinator"])
def test_many_signals_within_a_second_stop_a_sweep_in_an_orderly_way(
    tiny_yaml: Path, tmp_path: Path, count: int, to_group: bool
) -> None:
    start = ("start", str(tiny_yaml), "--storage", STORAGE, "--trials", "50", *SLOW_TRIALS)
    with in_the_background(tmp_path, *start) as process:
        wait_for_epochs(tmp_path, 1, process)
        rng = random.Random(count)
        for _ in range(count):
            if process.poll() is None:
                number = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
                (os.killpg if to_group else os.kill)(process.pid, number)
            time.sleep(1.0 / count)
        said = process.communicate(timeout=LIMIT_S)[1]
    assert process.returncode == 3, said
    assert "Traceback" not in said
    assert "go on with python run_sweep.py resume tiny" in said.splitlines()[-1]
    assert not _states(tmp_path) & {TrialState.RUNNING, TrialState.FAIL}
    assert not study_lock_owner(f"sqlite:///{tmp_path / 'x.db'}", "tiny").alive


@pytest.mark.parametrize("streams", ["| true", "2>&1 | true", "<&- >&- 2>&-", "2>&-"])
def test_a_sweep_is_completed_though_nobody_reads_what_it_says(
    tiny_yaml: Path, tmp_path: Path, streams: str
) -> None:
    start = (str(PROJECT / "run_sweep.py"), "start", str(tiny_yaml), "--storage", STORAGE)
    script = f'"$@" {streams}; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", script, "bash", sys.executable, *start, "--trials", "2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stderr
    assert "ignored" not in done.stderr
    assert TrialState.COMPLETE in _states(tmp_path)
    for file in tmp_path.rglob("*"):
        assert file.suffix == ".yaml" or not file.is_file() or b" INFO " not in file.read_bytes()
