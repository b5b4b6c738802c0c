"""What a person sees of a sweep on a terminal, and a program in a pipe."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from optuna.trial import TrialState

from fieldsharp.storage.database import open_database
from fieldsharp.storage.maintenance.backup import copy_database
from fieldsharp.storage.study_lock import StudyLock, study_lock_owner
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.study.lookup import load_study
from tests.commands.terminals import COLOURS, PYTHON, on_a_terminal

pytestmark = pytest.mark.outside
LIMIT_S = 180.0
ESCAPE = "\x1b"
COLOUR = re.compile(r"\x1b\[(?:\d+;)*[349]\d")
LOGS_WHILE_A_TABLE_IS_DRAWN = """
import logging
from rich.live import Live
from fieldsharp.sweep.commands.console import wide_console
from fieldsharp.sweep.execution.log_output import StandardErrorHandler
logging.basicConfig(handlers=[StandardErrorHandler()], format="%(message)s")
with Live("a table\\nof two lines", console=wide_console()):
    logging.warning("the log says so")
"""


@pytest.fixture
def url(tmp_path: Path, finished_url: str) -> str:
    """Address of a copy of the finished study, to go on with."""
    copy_database(finished_url, tmp_path / "x.db")
    return f"sqlite:///{tmp_path / 'x.db'}"


def _piped(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    variables = {name: value for name, value in os.environ.items() if name not in COLOURS}
    return subprocess.Popen(
        [*PYTHON, *arguments],
        cwd=folder,
        env={**variables, "FORCE_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_until_run(url: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not study_lock_owner(url, "tiny").alive:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _wait_until_at_work(url: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    study = load_study(open_database(url, "read"), "tiny")
    while not study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_sweep_is_drawn_where_it_runs_and_where_it_is_watched(
    tiny_yaml: Path, tmp_path: Path, url: str
) -> None:
    start = ("start", str(tiny_yaml), "--trials", "9", "--workers", "1", "--storage", url)
    watch = ("status", "--watch", "--interval", "0.2", "--storage", url)
    notify = 'echo "told of $SWEEP_OUTCOME $SWEEP_EXIT_CODE"'
    with on_a_terminal((*PYTHON, *start, "--notify", notify), tmp_path, columns=80) as sweep:
        _wait_until_at_work(url)
        os.kill(sweep.process.pid, signal.SIGSTOP)  # until all who watch have begun
        with (
            _piped(tmp_path, *watch) as lines,
            _piped(tmp_path, *watch, "tiny", "--json") as objects,
            on_a_terminal((*PYTHON, *watch), tmp_path) as table,
        ):
            assert lines.stdout is not None
            assert objects.stdout is not None
            piped, told = lines.stdout.readline(), objects.stdout.readline()
            watched = table.read_until("verdict")
            os.kill(sweep.process.pid, signal.SIGCONT)
            drawn = sweep.read_to_the_end()
            watched += table.read_to_the_end()
            rest, said = lines.communicate(timeout=LIMIT_S)
            piped, told = piped + rest, told + objects.communicate(timeout=LIMIT_S)[0]
    assert sweep.process.returncode == 0, drawn
    for shown, trial in ((drawn, "trial   8  score"), (watched, "trial   8  score")):
        assert "━" in shown
        assert COLOUR.search(shown)
        assert "\x1b[1A" in shown, "it is drawn over itself"
        assert "\x1b[?25h" in shown, "the cursor is there again"
        assert re.search(r"verdict .{0,9}\w+", shown)
        assert re.search(r"gradient .*target \d", shown)
        assert "no trial is at work" in shown
        assert trial in shown
    assert "0/2" in drawn, "epochs of the trial at work"
    assert "commands that follow" in drawn
    assert "told of done 0" in drawn

    assert (lines.returncode, table.process.returncode, objects.returncode) == (0, 0, 0), said
    assert ESCAPE not in piped + said
    assert "tiny: trials 8/9 | best" in piped
    assert re.search(r"trial 8: score .*gradient", piped)
    assert piped.endswith(" finished\n")

    looks = [json.loads(line) for line in told.splitlines()]
    assert looks[0]["is_run"]
    assert (looks[-1]["is_run"], looks[-1]["done"], looks[-1]["note"]) == (False, 9, "finished")
    changes = [{k: v for k, v in look.items() if k not in ("eta_s", "room")} for look in looks]
    for change in changes:
        for trial_at_work in change["at_work"]:
            del trial_at_work["seconds"]
    assert all(a != b for a, b in pairwise(changes)), "one line a change"


@pytest.mark.parametrize(
    ("command", "variables"),
    [
        ("start", {"NO_COLOR": "1"}),
        ("status --watch", {"NO_COLOR": "1"}),
        ("status --watch", {"TERM": "dumb"}),
    ],
)
def test_a_person_who_wants_no_escape_codes_gets_plain_lines(
    command: str, variables: dict[str, str], tiny_yaml: Path, tmp_path: Path, url: str
) -> None:
    what = ("start", str(tiny_yaml)) if command == "start" else ("status", "--watch", "tiny")
    with on_a_terminal((*PYTHON, *what, "--storage", url), tmp_path, variables) as terminal:
        shown = terminal.read_to_the_end()
    assert terminal.process.returncode == 0
    assert ESCAPE not in shown
    assert "8/8" in shown or "8 of 8 trials done" in shown


def test_a_sweep_in_a_pipe_writes_no_escape_code(tiny_yaml: Path, tmp_path: Path, url: str) -> None:
    with _piped(tmp_path, "start", str(tiny_yaml), "--storage", url) as start:
        said, logged = start.communicate(timeout=LIMIT_S)
    assert start.returncode == 0
    assert ESCAPE not in said + logged
    assert "study tiny: 8 complete; budget 8 trials" in said
    assert "tiny: 8 of 8 trials done" in logged


def test_a_log_line_stands_above_the_table(tmp_path: Path) -> None:
    script = (sys.executable, "-c", LOGS_WHILE_A_TABLE_IS_DRAWN)
    path = {"PYTHONPATH": str(Path(PYTHON[1]).parent)}
    with on_a_terminal(script, tmp_path, path) as terminal:
        shown = terminal.read_to_the_end()
    # The table is wiped, the line written from the left, and the table drawn again below it.
    assert re.search(r"\x1b\[2Kthe log says so\r\na table", shown), repr(shown)
    assert shown.count("the log says so") == 1


def test_watching_ends_with_ctrl_c_and_the_sweep_goes_on(tmp_path: Path, url: str) -> None:
    watch = (*PYTHON, "status", "--watch", "tiny", "--storage", url)
    with StudyLock(url, "tiny"), on_a_terminal(watch, tmp_path) as terminal:
        terminal.read_until("idle")
        terminal.process.send_signal(signal.SIGINT)
        rest = terminal.read_to_the_end()
    assert terminal.process.returncode == 0
    assert "Traceback" not in rest
    assert "\x1b[?25h" in rest


def test_a_study_that_nobody_runs_is_shown_once(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--watch", "tiny", "--storage", url]) == 0
    assert re.fullmatch(
        r"\S+ tiny: trials 8/8 \|.*\| ETA -\n\S+ finished\n", capsys.readouterr().out
    )


def test_without_a_name_the_study_that_is_run_is_watched(
    url: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert main(["status", "--watch", "--storage", url]) == 0
    assert "no study is being run, there is nothing to watch" in caplog.text
    assert capsys.readouterr().out == ""


def test_an_interval_without_watching_is_refused(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--interval", "3", "--storage", url]) == 2
    assert "--interval is the time between the looks of --watch" in capsys.readouterr().err
    assert main(["status", "--watch", "tinny", "--storage", url]) == 2
    assert "did you mean 'tiny'?" in capsys.readouterr().err
