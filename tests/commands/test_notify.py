"""A command of the user's that is told how long work ended."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from optuna.trial import TrialState

from fieldsharp.core.errors import ConfigError, FieldsharpError, StoppedOnRequest, StorageError
from fieldsharp.core.secret_variables import SECRET_VARIABLES
from fieldsharp.storage.database import open_database
from fieldsharp.storage.maintenance.backup import copy_database
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.commands import notify
from fieldsharp.sweep.commands.notify import Findings, notifying
from fieldsharp.sweep.study.lookup import load_study
from tests.commands.terminals import PYTHON

PASSWORD = "hunter2-of-the-sweep"  # noqa: S105 - made up
ADDRESS = f"postgresql://ann:{PASSWORD}@h/db"
TELL = "env | grep ^SWEEP_ | sort > told"
KNOWN = Findings("promising", "trial 3 comes far", "3", "0.125")
LIMIT_S = 180.0


def _told(folder: Path) -> dict[str, str]:
    lines = (folder / "told").read_text().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SWEEP_STORAGE", raising=False)


def test_work_that_is_done_is_told_with_all_that_is_known(tmp_path: Path) -> None:
    with notifying(TELL, "the study", "sqlite:///x.db", lambda: KNOWN):
        assert not (tmp_path / "told").exists(), "not before the end"
    assert _told(tmp_path) == {
        "SWEEP_STUDY": "the study",
        "SWEEP_OUTCOME": "done",
        "SWEEP_EXIT_CODE": "0",
        "SWEEP_VERDICT": "promising",
        "SWEEP_REASON": "trial 3 comes far",
        "SWEEP_BEST_TRIAL": "3",
        "SWEEP_BEST_SCORE": "0.125",
        "SWEEP_STORAGE": "sqlite:///x.db",
    }


def test_the_command_inherits_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRET_VARIABLES:
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("ANOTHER", "is handed on")
    with notifying("env > told", "the study", ADDRESS, lambda: KNOWN):
        pass
    assert "hunter2" not in (tmp_path / "told").read_text()
    assert _told(tmp_path)["ANOTHER"] == "is handed on"


@pytest.mark.parametrize(
    ("error", "outcome", "code", "reason"),
    [
        (StoppedOnRequest("stopped with 3 done"), "stopped", "3", "stopped with 3 done"),
        (KeyboardInterrupt(), "stopped", "3", "interrupted; run the same command again"),
        (FieldsharpError("the baseline failed"), "failed", "1", "the baseline failed"),
        (ZeroDivisionError("oh"), "failed", "1", "unexpected ZeroDivisionError: oh"),
        (StorageError(f"no way to {ADDRESS} as {PASSWORD}"), "failed", "1", "no way to"),
    ],
)
def test_every_other_end_is_told_and_goes_on_its_way(
    error: BaseException, outcome: str, code: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(type(error)) as raised, notifying(TELL, "s", ADDRESS, lambda: KNOWN):
        raise error
    assert raised.value is error
    told = _told(tmp_path)
    assert (told["SWEEP_OUTCOME"], told["SWEEP_EXIT_CODE"]) == (outcome, code)
    assert told["SWEEP_REASON"].startswith(reason)
    assert told["SWEEP_STORAGE"] == "postgresql://ann:***@h/db"
    assert PASSWORD not in (tmp_path / "told").read_text()


def test_wrong_use_is_told_only_where_work_was_begun(tmp_path: Path) -> None:
    with pytest.raises(ConfigError), notifying(TELL, "s", ADDRESS, lambda: KNOWN):
        raise ConfigError("no")
    assert not (tmp_path / "told").exists()
    with suppress(ConfigError), notifying(TELL, "s", ADDRESS, lambda: KNOWN) as notification:
        notification.begin()
        raise ConfigError("its database is gone")
    assert _told(tmp_path)["SWEEP_EXIT_CODE"] == "2"
    assert _told(tmp_path)["SWEEP_OUTCOME"] == "failed"


def test_a_database_that_cannot_be_read_leaves_the_rest(tmp_path: Path) -> None:
    def look() -> Findings:
        raise StorageError("gone")

    with notifying(TELL, "s\x1b[2J\n", "sqlite:///x.db", look):
        pass
    told = _told(tmp_path)
    assert told["SWEEP_BEST_TRIAL"] == told["SWEEP_VERDICT"] == ""
    assert told["SWEEP_STUDY"] == r"s\x1b[2J\n"


def test_a_look_that_goes_wrong_takes_the_place_of_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def look() -> Findings:
        raise KeyError("objective")

    caplog.set_level(logging.DEBUG, logger=notify.__name__)  # whatever a test before this one set
    with pytest.raises(StoppedOnRequest), notifying(TELL, "s", "sqlite:///x.db", look):
        raise StoppedOnRequest("stopped with 3 done")
    assert _told(tmp_path)["SWEEP_EXIT_CODE"] == "3"
    assert _told(tmp_path)["SWEEP_REASON"] == "stopped with 3 done"
    assert "the findings of the study cannot be read (KeyError('objective'))" in caplog.text
    (tmp_path / "told").unlink()
    with notifying(TELL, "s", "sqlite:///x.db", look):
        pass
    assert _told(tmp_path)["SWEEP_OUTCOME"] == "done"


def test_a_command_that_fails_is_a_warning(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with notifying("echo said; echo wrong >&2; exit 7", "s", "sqlite:///x.db", lambda: KNOWN):
        pass
    assert "the command of --notify failed with exit code 7" in caplog.text
    found = capfd.readouterr()
    assert found.out == "", "that is for what we say"
    assert {"said", "wrong"} <= set(found.err.split())


def test_a_command_that_does_not_end_is_ended_with_all_it_started(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(notify, "LIMIT_S", 0.5)
    began = time.monotonic()
    with notifying("sleep 200 & echo $! > child; wait", "s", "sqlite:///x.db", lambda: KNOWN):
        pass
    assert time.monotonic() - began < 60
    assert "was ended: it took longer than" in caplog.text
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 60
    while Path(f"/proc/{child}/stat").exists() and time.monotonic() < deadline:
        if Path(f"/proc/{child}/stat").read_text().split()[2] == "Z":
            break  # dead, and whoever adopted it has yet to notice
        time.sleep(0.02)
    else:
        assert not Path(f"/proc/{child}/stat").exists()


@pytest.mark.parametrize("command", ["start", "resume", "confirm"])
def test_nothing_is_run_where_nothing_was_begun(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    what = "nowhere.yaml" if command == "start" else "tiny"
    storage = f"sqlite:///{tmp_path / 'none.db'}"
    assert main([command, what, "--storage", storage, "--notify", TELL]) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.outside
def test_a_sweep_that_is_stopped_tells_it_once_and_says_where_it_stands(
    tiny_yaml: Path, tmp_path: Path, finished_url: str
) -> None:
    copy_database(finished_url, tmp_path / "x.db")
    url = f"sqlite:///{tmp_path / 'x.db'}"
    more = ("--trials", "40", "--workers", "1", "--notify", f"{TELL}; echo once >> count")
    with subprocess.Popen(
        [*PYTHON, "start", str(tiny_yaml), "--json", "--storage", "sqlite:///x.db", *more],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + LIMIT_S
        while not _is_at_work(url):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does it: to the workers too
        said, logged = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 3, logged
    status = json.loads(said)
    assert (status["study"], status["budget"]) == ("tiny", 40)
    assert "stopped: study 'tiny' was stopped with" in logged
    told = _told(tmp_path)
    assert (told["SWEEP_OUTCOME"], told["SWEEP_EXIT_CODE"]) == ("stopped", "3")
    assert told["SWEEP_REASON"].startswith("study 'tiny' was stopped with")
    assert told["SWEEP_BEST_TRIAL"] == str(status["best"]["trial"])
    assert (tmp_path / "count").read_text() == "once\n"


@pytest.mark.outside
def test_an_error_nobody_expected_is_told(
    tiny_yaml: Path, tmp_path: Path, finished_url: str
) -> None:
    copy_database(finished_url, tmp_path / "x.db")
    broken = (
        "import sys\n"
        "from fieldsharp.sweep.engine.maintenance import Maintenance\n"
        "def burst(self):\n    raise ZeroDivisionError('burst')\n"
        "Maintenance.back_up = burst\n"
        "from fieldsharp.sweep.command_line import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    start = ("start", str(tiny_yaml), "--storage", "sqlite:///x.db", "--notify", TELL)
    done = subprocess.run(
        [sys.executable, "-c", broken, *start],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(PYTHON[1]).parent)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    told = _told(tmp_path)
    assert told["SWEEP_OUTCOME"] == "failed"
    assert told["SWEEP_REASON"].startswith("unexpected ZeroDivisionError: burst")


def _is_at_work(url: str) -> bool:
    study = load_study(open_database(url, "read"), "tiny")
    return any(trial.state is TrialState.RUNNING for trial in study.get_trials())
