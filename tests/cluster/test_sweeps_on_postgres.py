"""Whole sweeps on a PostgreSQL server, which is restarted, crashes and stays away meanwhile."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from fieldsharp.core.checkout import PROJECT
from fieldsharp.storage.database import open_database
from fieldsharp.storage.location.paths import files_folder
from fieldsharp.storage.study_lock import study_lock_owner
from tests.commands.background import in_the_background
from tests.postgres import Server, database_of, shows_password

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
LIMIT_S = 120.0
# Epochs of half a second: what happens to the server then meets trials at work.
SLOW_TRIALS = (
    *("--set", "data.train_every=1", "--set", "training.epochs=6"),
    *("--set", "recovery.free_space_mb=0"),
)
QUICK_TRIALS = ("--set", "data.train_every=4", "--set", "training.epochs=2")


class Place:
    """A folder to work in, and a database."""

    def __init__(self, folder: Path, server: Server, url: str) -> None:
        self.folder = folder
        self.server = server
        self.url = url
        self._database = database_of(url)
        self._environment = {**os.environ, "SWEEP_STORAGE": url}

    def begun(self, *arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
        """Run a command beside the test."""
        return in_the_background(self.folder, *arguments, env=self._environment)

    def start(self, study: str, *arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
        start = ("start", "tiny.yaml", "--study", study, "--workers", "1", *SLOW_TRIALS)
        return self.begun(*start, *arguments)

    def said(self, *arguments: str, code: int = 0) -> str:
        """Run a command to its end and return what it said."""
        done = subprocess.run(
            [sys.executable, str(PROJECT / "run_sweep.py"), *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert not shows_password(said)
        return said

    def epochs(self) -> int:
        """Return how many epochs are told."""
        counted = (
            "SELECT CASE WHEN to_regclass('trial_intermediate_values') IS NULL THEN 0 ELSE 1 END"
        )
        if self.server.say(counted, self._database) == "0":
            return 0
        return int(
            self.server.say("SELECT count(*) FROM trial_intermediate_values", self._database)
        )

    def wait_for_epochs(self, count: int) -> None:
        _wait(lambda: self.epochs() >= count)

    def all_is_told(self, study: str, trials: int) -> None:
        """Check that every trial is complete with every epoch, and nothing left in the spool."""
        storage = open_database(self.url, "read")
        found = optuna.load_study(study_name=study, storage=storage).get_trials(deepcopy=False)
        done = [trial for trial in found if trial.state is not TrialState.WAITING]
        assert [trial.state.name for trial in done] == ["COMPLETE"] * trials
        for trial in done:
            assert len(trial.intermediate_values) == 6
            assert trial.user_attrs["record"]["judgement"]
        assert list(files_folder(self.url).glob("*/spool/*")) == []
        assert not study_lock_owner(self.url, study).died


@pytest.fixture
def place(tmp_path: Path, tiny_folder: Path, postgres_server: Server, postgres_url: str) -> Place:
    for name in ("plumes.nc", "tiny.yaml"):
        shutil.copy(tiny_folder / name, tmp_path)
    return Place(tmp_path, postgres_server, postgres_url)


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _ended(process: subprocess.Popen[str]) -> str:
    said = process.communicate(timeout=LIMIT_S)[1]
    assert not shows_password(said)
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    ("how", "away_s"), [("fast", 60.0), ("immediate", 3.0)], ids=["restart of 60 s", "crash"]
)
def test_two_sweeps_on_one_server_lose_nothing_when_it_is_started_again(
    place: Place, how: str, away_s: float
) -> None:
    with place.start("a", "--trials", "3") as one, place.start("b", "--trials", "3") as other:
        place.wait_for_epochs(6)
        place.server.stop(how)
        time.sleep(away_s)
        assert one.poll() is None
        assert other.poll() is None
        place.server.start()
        _wait(lambda: study_lock_owner(place.url, "a").pid == one.pid)
        for process in (one, other):
            said = _ended(process)
            assert process.returncode == 0, said
            (waited,) = re.findall(r"the database answers again after (\d+) s", said)
            assert int(waited) <= away_s + 10
            assert len(re.findall("it is waited for, for up to 600 s", said)) == 1
    for study in ("a", "b"):
        place.all_is_told(study, 3)


def test_a_coordinator_that_is_killed_while_the_server_is_away_is_gone_on_with(
    place: Place,
) -> None:
    with place.start("a", "--trials", "3") as killed:
        place.wait_for_epochs(4)
        place.server.stop("immediate")
        time.sleep(2.0)  # epochs go on, and a result comes into the spool perhaps
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    place.server.start()
    status = json.loads(place.said("status", "a", "--json"))
    assert status["coordinator"]["alive"] is False
    place.said("resume", "a")
    place.all_is_told("a", 3)


def test_a_server_that_stays_away_ends_a_sweep_which_is_resumed(place: Place) -> None:
    patience = ("--set", "recovery.patience=2s")
    with place.start("a", "--trials", "3", *patience) as given_up:
        place.wait_for_epochs(3)
        place.server.stop()
        try:
            said = _ended(given_up)
            again = place.said("resume", "a", code=1)
        finally:
            place.server.start()
        assert given_up.returncode == 1
        assert "cannot be used at the moment" in said.splitlines()[-1]
        assert "see that its disk or its server can be reached, then run the same" in again
    place.said("resume", "a")
    place.all_is_told("a", 3)


def test_one_coordinator_runs_a_study_and_another_command_stops_it(place: Place) -> None:
    with place.start("a", "--trials", "1000", *QUICK_TRIALS) as running:
        place.wait_for_epochs(1)
        said = place.said("start", "tiny.yaml", "--study", "a", code=2)
        assert f"study 'a' is being run by process {running.pid}; wait for it to end" in said
        assert f"process {running.pid}" in place.said("resume", "a", code=2)
        assert f"is being run by process {running.pid}" in place.said("confirm", "a", code=2)
        assert "study 'a' is stopped" in place.said("stop", "a")
        _ended(running)
        assert running.returncode == 3
    done = json.loads(place.said("status", "a", "--json"))["states"]["COMPLETE"]
    place.said("resume", "a", "--trials", str(done + 1))
    assert "score" in place.said("export", "a", "-o", "best.yaml")
    place.said("confirm", "a", "--top", "1", "--seeds", "1")
    place.said("report", "a", "-o", "report.html")
    for written in ("best.yaml", "report.html"):
        assert not shows_password((place.folder / written).read_text(encoding="utf-8"))
