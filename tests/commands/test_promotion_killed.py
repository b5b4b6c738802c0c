"""A sweep with promotion as a person runs it, killed again and again."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.command_line import main
from tests.commands.background import LIMIT_S, in_the_background, wait_for_epochs

TRIALS, EPOCHS = 12, 4
KILLS = 3
SWEEP = (
    *("--trials", str(TRIALS), "--workers", "2"),
    *("--set", f"training.epochs={EPOCHS}", "--set", "training.schedule=schedule_free"),
    *("--set", "search.presets=baseline", "--set", "recovery.free_space_mb=0"),
    *("--set", "budget.stop_on_nothing_to_fix=false", "--set", "data.train_every=1"),
)


@pytest.mark.outside
def test_killed_again_and_again_it_leaves_none_paused_and_trains_no_epoch_twice(
    tiny_yaml: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    start = ("start", str(tiny_yaml), *SWEEP, "--storage", url)
    paused = 0
    for kill in range(KILLS):
        with in_the_background(tmp_path, *start) as sweep:
            wait_for_epochs(tmp_path, 6 * (kill + 1), sweep)
            os.kill(sweep.pid, signal.SIGKILL)
            sweep.wait(LIMIT_S)
        paused = max(paused, _states(url, capsys)["PAUSED"])
    with in_the_background(tmp_path, *start) as sweep:
        said = sweep.communicate(timeout=LIMIT_S)[1]
        assert sweep.returncode == 0, said
    assert "Traceback" not in said
    assert paused > 0, "none was ever paused"
    states = _states(url, capsys)
    assert states["PAUSED"] == states["WAITING"] == states["RUNNING"] == states["FAIL"] == 0
    assert states["COMPLETE"] + states["PRUNED"] == TRIALS
    for trial in _trials(url):
        trained = list(trial.intermediate_values)
        assert trained == list(range(len(trained))), "its epoch numbers run on"
        ends = {EPOCHS} if trial.state.name == "COMPLETE" else {1, 2}
        assert len(trained) in ends
        assert trial.user_attrs["record"]["epochs"] == len(trained)


def _trials(url: str) -> list[FrozenTrial]:
    storage = open_database(url, "read")
    return optuna.load_study(study_name="tiny", storage=storage).get_trials(deepcopy=False)


def _states(url: str, capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert main(["status", "tiny", "--storage", url, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["states"]
