"""Trackers that fail or hang: one plain sentence, and a few seconds at the end at most."""

import io
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.tracking import TrackingSettings
from fieldsharp.sweep.tracking.messages import TROUBLE
from fieldsharp.sweep.tracking.process import Work
from fieldsharp.sweep.tracking.tracker_thread import STOP_TIMEOUT_S
from fieldsharp.sweep.tracking.trackers import Trackers
from tests.chaos.history import read_history
from tests.sweep.tracking.read_back import STUDY_RUN, assert_each_once, read_tensorboard
from tests.sweep.tracking.servers import answering, no_server, silent_server

pytestmark = [
    # MLflow's own use of SQLAlchemy, and its pool, which no method of its client closes.
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),
]
START_S = 120.0
"""Longest start of a process on a busy machine."""
LARGEST_FILE = 60_000
"""In bytes: the pictures of the study do not fit."""
ERROR_PAGE = b"<html><body>Internal Server Error</body></html>"
SERVERS: dict[str, tuple[Callable[[], AbstractContextManager[str]], str]] = {
    "silent": (silent_server, "the server {0} does not answer"),
    "refusing": (no_server, "the server {0} refuses connections: is it running?"),
    "unknown": (
        lambda: nullcontext("http://no-such-host.invalid:5000"),
        "the server {0} is not known by that name",
    ),
    "broken": (
        lambda: answering(500, ERROR_PAGE, "text/html"),
        "the server {0} answers with error 500",
    ),
    "forbidding": (
        lambda: answering(401, b"<html>No</html>", "text/html"),
        "the server {0} answers with error 401; set MLFLOW_TRACKING_USERNAME and "
        "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
    ),
    "another": (
        lambda: answering(200, b"<html>Welcome</html>", "text/html"),
        "the server {0} does not answer as MLflow does: is the address right?",
    ),
}


def attempt(
    name: str, settings: Mapping[str, object], url: str, folder: Path
) -> tuple[int, list[list[str]]]:
    """Return the exit code of one attempt of a tracker, and the messages of its process."""
    output, ended = io.StringIO(), threading.Event()
    ended.set()
    tracking = TrackingSettings.model_validate({name: settings})
    code = Work(name, tracking, url, "tiny", folder, output).run(ended)
    return code, [json.loads(line) for line in output.getvalue().splitlines()]


def sentence_of(name: str, settings: Mapping[str, object], url: str, folder: Path) -> str:
    """Return what the process of a tracker says of one attempt, which fails."""
    code, messages = attempt(name, settings, url, folder)
    assert code == 1
    (sentence,) = (sentence for what, sentence in messages if what == TROUBLE)
    return sentence


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_in_trouble_is_told_in_plain_words(
    server: str, finished_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("NO_PROXY", "*")
    make, sentence = SERVERS[server]
    with make() as address:
        found = sentence_of("mlflow", {"uri": address}, finished_url, tmp_path)
    assert found == sentence.format(address)


def test_a_folder_or_file_that_cannot_be_written_is_told_in_plain_words(
    finished_url: str, tmp_path: Path
) -> None:
    taken = tmp_path / "runs"
    taken.write_text("no folder")
    assert sentence_of("tensorboard", {"folder": str(taken)}, finished_url, tmp_path) == (
        f"{taken}/tiny cannot be written: Not a directory"
    )
    assert sentence_of("tensorboard", {"folder": "/proc/no/runs"}, finished_url, tmp_path) == (
        "/proc/no cannot be written: No such file or directory"
    )
    uri = "sqlite:////proc/no/mlflow.db"
    assert sentence_of("mlflow", {"uri": uri}, finished_url, tmp_path) == (
        "/proc/no cannot be written: No such file or directory"
    )
    taken.write_text("no database either, " * 100)
    assert sentence_of("mlflow", {"uri": f"sqlite:///{taken}"}, finished_url, tmp_path) == (
        "its database: file is not a database"
    )


@pytest.mark.slow
def test_what_did_not_fit_on_a_full_disk_is_shown_when_there_is_room(
    finished_url: str, tmp_path: Path
) -> None:
    settings = {"folder": str(tmp_path / "runs")}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, before[1]))
    try:
        found = sentence_of("tensorboard", settings, finished_url, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert found.endswith(" cannot be written: the disk is full")
    assert attempt("tensorboard", settings, finished_url, tmp_path)[0] == 0
    runs = read_tensorboard(tmp_path, "tiny")
    assert_each_once(runs, dict.fromkeys(range(8), 2))
    assert set(runs[STUDY_RUN][0].pictures.values()) == {1}


@pytest.mark.slow
def test_a_server_that_never_answers_is_waited_for_a_few_seconds_and_not_after_an_interrupt(
    finished_url: str,
    tiny_config: SweepConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    for interrupted in (False, True):
        caplog.clear()
        with silent_server() as address:
            tracking = TrackingSettings.model_validate({"mlflow": {"uri": address}})
            config = tiny_config.model_copy(update={"tracking": tracking})
            trackers = Trackers(config, finished_url, tmp_path / f"{interrupted}")
            trackers.start()
            until = time.monotonic() + START_S
            while not caplog.records and time.monotonic() < until:
                time.sleep(0.1)
            if interrupted:
                threading.Timer(0.5, trackers.hurry).start()
            began = time.monotonic()
            trackers.finish(is_stopped=False)
            took_s = time.monotonic() - began
        assert took_s < (2.5 if interrupted else STOP_TIMEOUT_S + 2.0)
        first, last = (record.getMessage() for record in caplog.records)
        assert first == (
            f"tiny: mlflow cannot show the study (the server {address} does not answer); "
            "the sweep goes on, and it is tried again"
        )
        assert last.startswith("tiny: not all of the study is shown in mlflow; for the rest, ")


@pytest.mark.slow
def test_a_sweep_ends_as_ever_with_trackers_in_trouble_and_an_interrupt_ends_the_wait(
    tmp_path: Path, tiny_yaml: Path, plume_file: Path
) -> None:
    config = tiny_yaml.read_text(encoding="utf-8").replace("plumes.nc", str(plume_file))
    (tmp_path / "runs").write_text("no folder")
    with silent_server() as address:
        tracking = f"tracking: {{tensorboard: {{}}, mlflow: {{uri: {address}}}}}\n"
        (tmp_path / "tiny.yaml").write_text(config + tracking, encoding="utf-8")
        command = [sys.executable, str(PROJECT / "run_sweep.py"), "start", "tiny.yaml"]
        running = subprocess.Popen(
            [*command, "--trials", "2", "--storage", f"sqlite:///{tmp_path / 'x.db'}"],
            cwd=tmp_path,
            # So long that the process of MLflow still waits for its first answer at the end.
            env={**os.environ, "MLFLOW_HTTP_REQUEST_TIMEOUT": "100"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert running.stderr is not None
        said = []
        for line in running.stderr:
            said.append(line)
            if "Ctrl-C ends the wait" in line:
                break
        running.send_signal(signal.SIGINT)
        began = time.monotonic()
        output, rest = running.communicate(timeout=START_S)
        took_s = time.monotonic() - began
    warnings = [line for line in (*said, *rest.splitlines()) if "cannot show" in line]
    assert running.returncode == 0, output + "".join(said) + rest
    assert "verdict: " in output
    assert len([line for line in warnings if "tensorboard" in line]) == 1, warnings
    assert f"{tmp_path}/runs/tiny cannot be written: Not a directory" in "".join(warnings)
    assert took_s < 15.0  # of which most is the last table
    trials = read_history(tmp_path / "x.db")
    assert [trials[number][0].state for number in (0, 1)] == ["COMPLETE"] * 2
