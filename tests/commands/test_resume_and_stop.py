"""Sweeps that are stopped, killed and resumed from the command line, as a person does it."""

import json
import os
import signal
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from fieldsharp.storage.database import open_database
from fieldsharp.storage.maintenance.backup import copy_database
from fieldsharp.storage.study_lock import StudyLock
from fieldsharp.sweep.command_line import main
from tests.commands.background import (
    LIMIT_S,
    count_logged_epochs,
    in_the_background,
    wait_for_epochs,
)

# One worker: what the sampler chooses depends on which trials have ended by then.
SWEEP = ("--trials", "3", "--workers", "1", "--set", "data.train_every=1")
EPOCHS = ("--set", "training.epochs=6", "--set", "recovery.free_space_mb=0")


def _background(folder: Path, *arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return in_the_background(folder, *arguments, "--storage", _url(folder))


def _outcomes(folder: Path) -> list[Any]:
    """Return all that does not depend on the clock, of every trial."""
    storage = open_database(f"sqlite:///{folder / 'x.db'}", "read")
    trials = optuna.load_study(study_name="tiny", storage=storage).get_trials(deepcopy=False)
    return [
        (
            trial.number,
            trial.params,
            trial.value,
            trial.intermediate_values,
            trial.user_attrs["record"]["judgement"],
        )
        for trial in trials
        if trial.state is TrialState.COMPLETE
    ]


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'x.db'}"


def _status(folder: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert main(["status", "tiny", "--storage", _url(folder), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.outside
def test_a_sweep_that_is_stopped_killed_and_resumed_ends_as_one_that_never_was(
    tiny_yaml: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    start = ("start", str(tiny_yaml), *SWEEP, *EPOCHS)
    with _background(whole, *start) as undisturbed:
        said = undisturbed.communicate(timeout=LIMIT_S)[1]
        assert undisturbed.returncode == 0, said

    with _background(broken, *start) as first:
        wait_for_epochs(broken, 3, first)
        # Else it might be done by the time that it is asked to stop.
        os.kill(first.pid, signal.SIGSTOP)
        coordinator = _status(broken, capsys)["coordinator"]
        assert (coordinator["pid"], coordinator["alive"]) == (first.pid, True)
        for again in (start, ("resume", "tiny")):
            assert main([*again, "--storage", _url(broken)]) == 2
            said = capsys.readouterr().err
            assert f"study 'tiny' is being run by process {first.pid}" in said
        os.kill(first.pid, signal.SIGCONT)
        assert main(["stop", "tiny", "--storage", _url(broken)]) == 0
        said = capsys.readouterr().out
        assert "study 'tiny' is stopped; go on with python run_sweep.py resume tiny" in said
        said = first.communicate(timeout=LIMIT_S)[1]
        assert first.returncode == 3, said
        assert "Traceback" not in said
    coordinator = _status(broken, capsys)["coordinator"]
    assert (coordinator["pid"], coordinator["alive"]) == (None, False)
    assert _status(broken, capsys)["states"]["RUNNING"] == 0
    stopped_at = count_logged_epochs(broken)
    assert stopped_at < 14, "the first was to be stopped early"

    with _background(broken, "resume", "tiny") as second:
        # In the middle of a trial of six epochs, past where the first came to: else this one might
        # be killed before it has begun, or with nothing to go on with.
        wait_for_epochs(broken, 8 if stopped_at < 8 else 14, second)
        os.kill(second.pid, signal.SIGKILL)
        second.wait(LIMIT_S)
    coordinator = _status(broken, capsys)["coordinator"]
    assert (coordinator["pid"], coordinator["alive"]) == (second.pid, False)
    assert "is gone without an orderly end; go on with python run_sweep.py" in coordinator["note"]

    with _background(broken, "resume", "tiny") as third:
        said = third.communicate(timeout=LIMIT_S)[1]
        assert third.returncode == 0, said
    assert "goes on after epoch" in said
    assert len(_outcomes(whole)) == 3
    assert _outcomes(broken) == _outcomes(whole)
    assert _status(broken, capsys)["coordinator"]["note"] == "finished"


def test_a_study_that_is_being_run_is_refused_before_the_data_are_looked_at(
    tiny_yaml: Path, tmp_path: Path, finished_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    copy_database(finished_url, tmp_path / "x.db")
    gone = ("--trials", "9", "--set", f"data.path={tmp_path / 'nowhere.nc'}")
    refused = f"study 'tiny' is being run by process {os.getpid()}"
    with StudyLock(_url(tmp_path), "tiny"):
        assert _status(tmp_path, capsys)["coordinator"]["alive"]
        for again in (("start", str(tiny_yaml), *gone), ("resume", "tiny")):
            assert main([*again, "--storage", _url(tmp_path)]) == 2
            assert refused in capsys.readouterr().err
    assert main(["start", str(tiny_yaml), *gone, "--storage", _url(tmp_path)]) == 2
    assert "nowhere.nc" in capsys.readouterr().err, "nobody runs it, so the data are looked at"


def test_a_study_that_nobody_runs_has_nothing_to_stop(
    finished_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stop", "tiny", "--storage", finished_url]) == 0
    assert "study 'tiny' is not being run, there is nothing to stop" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["stop", "resume", "status"])
def test_an_unknown_study_is_refused_with_the_nearest(
    command: str, finished_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "tinny", "--storage", finished_url]) == 2
    assert "there is no study 'tinny': did you mean 'tiny'?" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["stop", "resume", "status"])
def test_a_database_that_is_not_there_is_refused_and_not_made(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'none.db'}"
    assert main([command, "tiny", "--storage", url]) == 2
    assert "there is no database at" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
