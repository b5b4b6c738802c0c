"""The whole way on small data, with real worker processes; and ends that come too early."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import xarray as xr
from optuna.trial import TrialState

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.command_line import main
from tests.commands.background import in_the_background

STORAGE = "sqlite:///x.db"
LIMIT_S = 180.0
# An epoch of a second: a signal then meets a trial at work.
SLOW_TRIALS = ["--set", "data.train_every=1", "--set", "training.epochs=12"]


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert main(arguments) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.outside
def test_from_start_to_evaluate(
    tiny_yaml: Path,
    plume_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    start = ["start", str(tiny_yaml), "--study", "1e3", "--storage", STORAGE]
    budget = ["--trials", "8", "--workers", "2"]
    assert main([*start, *budget]) == 0
    assert "python run_sweep.py export 1e3 --storage" in capsys.readouterr().out

    status = _json(capsys, "status", "1e3", "--storage", STORAGE, "--json")
    assert status["study"] == "1e3"
    none = dict.fromkeys(("RUNNING", "PRUNED", "FAIL", "WAITING", "PAUSED"), 0)
    assert status["states"] == {"COMPLETE": 8, **none}
    best = status["best"]
    assert {"trial", "score", "gradient", "peak", "rmse", "params"} <= best.keys()
    assert set(best["params"]) == {
        "gradient_weight",
        "loss_variant",
        "multi_step",
        "learning_rate",
        "warmup_fraction",
    }
    assert set(status["targets"]) == {"gradient", "peak"}

    assert main(["export", "1e3", "--storage", STORAGE, "-o", "best.yaml"]) == 0
    assert main(["train", "best.yaml", "-o", "run"]) == 0
    metrics = json.loads(Path("run/metrics.json").read_text())
    assert metrics == pytest.approx(best["metrics"], rel=1e-5)

    assert main(["predict", "run", "--steps", "3", "-o", "f.nc"]) == 0
    with (
        xr.open_dataset("f.nc", engine="h5netcdf") as found,
        xr.open_dataset(plume_file, engine="h5netcdf") as truth,
    ):
        assert found["plume"].attrs["units"] == truth["plume"].attrs["units"]
        assert found["plume"].shape == (3, 24, 24)
        last = truth["time"].values[-1]
        assert found["time"].values[0] == last + np.timedelta64(1, "h")

    after = str(last - np.timedelta64(2, "h"))
    assert main(["predict", "run", "--steps", "3", "--after", after, "-o", "past.nc"]) == 0
    found_metrics = _json(capsys, "evaluate", "past.nc", str(plume_file), "--json")
    names = {"gradient", "gradient_observed", "peak", "peak_observed", "rmse", "correlation"}
    assert names <= found_metrics.keys()
    assert found_metrics["frames"] == 2

    # The same command again has nothing to do, and starts no worker for it.
    began = time.monotonic()
    assert main([*start, *budget]) == 0
    assert time.monotonic() - began < 5
    assert _json(capsys, "status", "--storage", STORAGE, "--json") == [status]
    assert main([*start, "--set", "training.batch_size=4"]) == 2
    assert "training.batch_size is 8 there and 4 here" in capsys.readouterr().err


def test_an_export_to_the_screen_is_the_file(
    finished_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for form in ("yaml", "json", "py"):
        path = tmp_path / f"best.{form}"
        assert main(["export", "tiny", "--storage", finished_url, "-o", str(path)]) == 0
        capsys.readouterr()
        for screen in ([], ["-o", "-"]):
            command = ["export", "tiny", "--storage", finished_url, "--format", form, *screen]
            assert main(command) == 0
            assert capsys.readouterr().out == path.read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_an_export_that_does_not_fit_is_a_failure(
    finished_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "tiny", "--storage", finished_url, "-o", "/dev/full"]) == 1
    assert "cannot write /dev/full (No space left on device)" in capsys.readouterr().err


def test_a_person_can_read_status_and_evaluation(
    finished_url: str, plume_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--storage", finished_url]) == 0
    shown = capsys.readouterr().out
    assert "study tiny: 8 complete; budget 8 trials" in shown
    assert "plume [ug m-3]" in shown
    assert main(["evaluate", str(plume_file), str(plume_file)]) == 0
    shown = capsys.readouterr().out
    assert "plume: 150 frames" in shown
    assert "ug m-3 per cell" in shown


def _sweep(
    config: Path, folder: Path, trials: int
) -> AbstractContextManager[subprocess.Popen[str]]:
    options = ["--storage", STORAGE, "--trials", str(trials), *SLOW_TRIALS]
    return in_the_background(folder, "start", str(config), *options)


def _wait_for_first_epoch(folder: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = sqlite3.connect(f"file:{folder / 'x.db'}?mode=ro", uri=True)
        except sqlite3.OperationalError:
            connection = None
        if connection is not None:
            try:
                found = connection.execute("SELECT count(*) FROM trial_intermediate_values")
                if found.fetchone()[0]:
                    return
            except sqlite3.OperationalError:
                pass  # its tables are being made
            finally:
                connection.close()
        time.sleep(0.1)
    raise AssertionError(f"no epoch was written; it ended with {process.poll()}")


def _trials(folder: Path) -> list[optuna.trial.FrozenTrial]:
    storage = open_database(f"sqlite:///{folder / 'x.db'}", "read")
    return optuna.load_study(study_name="tiny", storage=storage).get_trials()


def _finish(config: Path, folder: Path, trials: int) -> list[optuna.trial.FrozenTrial]:
    with _sweep(config, folder, trials) as process:
        said = process.communicate(timeout=2 * LIMIT_S)[1]
    assert process.returncode == 0, said
    found = _trials(folder)
    finished = [trial.number for trial in found if trial.state is TrialState.COMPLETE]
    assert finished == list(range(trials))
    return found


def _worker_pids(coordinator: int) -> list[int]:
    children = Path(f"/proc/{coordinator}/task/{coordinator}/children")
    return [int(pid) for pid in children.read_text().split()]


@pytest.mark.parametrize(
    ("number", "to_group"),
    [
        pytest.param(signal.SIGTERM, False, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, True, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, True, marks=pytest.mark.slow),
    ],
    ids=["SIGTERM", "SIGTERM to the group", "Ctrl-C"],
)
def test_a_sweep_that_is_stopped_goes_on_with_the_same_command(
    tiny_yaml: Path, tmp_path: Path, number: int, to_group: bool, request: pytest.FixtureRequest
) -> None:
    with _sweep(tiny_yaml, tmp_path, 3) as process:
        _wait_for_first_epoch(tmp_path, process)
        (os.killpg if to_group else os.kill)(process.pid, number)
        said = process.communicate(timeout=LIMIT_S)[1]
    assert process.returncode == 3, said
    assert said.splitlines()[-1].startswith("stopped: study 'tiny' was stopped with ")
    assert "Traceback" not in said
    stopped = _trials(tmp_path)
    states = {trial.state for trial in stopped}
    assert TrialState.WAITING in states
    assert not states & {TrialState.RUNNING, TrialState.FAIL}
    begun = {trial.number: trial.params for trial in stopped if trial.params}
    if to_group:
        return
    finished = _finish(tiny_yaml, tmp_path, 3)
    assert {trial.number: trial.params for trial in finished if trial.number in begun} == begun


@pytest.mark.slow
def test_a_killed_sweep_goes_on_with_the_same_command(tiny_yaml: Path, tmp_path: Path) -> None:
    with _sweep(tiny_yaml, tmp_path, 3) as process:
        _wait_for_first_epoch(tmp_path, process)
        workers = _worker_pids(process.pid)
        assert len(workers) >= 2
        os.kill(process.pid, signal.SIGKILL)
        process.wait(LIMIT_S)
    assert TrialState.RUNNING in {trial.state for trial in _trials(tmp_path)}
    deadline = time.monotonic() + LIMIT_S
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < deadline, "workers outlive their coordinator"
        time.sleep(0.2)
    finished = _finish(tiny_yaml, tmp_path, 3)[:3]
    assert max(trial.user_attrs["spec"]["attempt"] for trial in finished) == 2


@pytest.mark.slow
def test_an_early_ctrl_c_is_no_failure(tiny_yaml: Path, tmp_path: Path) -> None:
    """Workers that still import torch must not turn Ctrl-C into a failed baseline."""
    with _sweep(tiny_yaml, tmp_path, 3) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "trial 0: started" in line:
                break
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=LIMIT_S)[1]
    assert process.returncode == 3, said
    assert "Traceback" not in said
    assert {trial.state for trial in _trials(tmp_path)} == {TrialState.WAITING}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_stop_before_the_first_trial_is_orderly_too(
    tiny_yaml: Path, tmp_path: Path, number: int
) -> None:
    with _sweep(tiny_yaml, tmp_path, 3) as process:
        time.sleep(1.5)  # torch is being loaded, or data read
        os.kill(process.pid, number)
        said = process.communicate(timeout=LIMIT_S)[1]
    assert process.returncode == 3, said
    assert said.splitlines()[-1].startswith("stopped: ")
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_second_start_of_a_running_study_is_refused(tiny_yaml: Path, tmp_path: Path) -> None:
    with _sweep(tiny_yaml, tmp_path, 3) as process:
        _wait_for_first_epoch(tmp_path, process)
        with _sweep(tiny_yaml, tmp_path, 3) as second:
            said = second.communicate(timeout=LIMIT_S)[1]
        assert second.returncode == 2
        assert f"study 'tiny' is being run by process {process.pid}" in said
        assert process.poll() is None
        process.terminate()
        process.communicate(timeout=LIMIT_S)
