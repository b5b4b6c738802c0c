"""The process of a command: any number of signals, and standard streams that are not there."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT

COMMAND = """
import sys, time
from pathlib import Path
from fieldsharp.sweep.commands.process import run_process
from fieldsharp.core.signals import StopSignals

def main(arguments):
    Path("begun").touch()
    with StopSignals():
        if arguments[0] == "waits":
            time.sleep(90)
        if arguments[0] == "imports":
            import slow_module
            time.sleep(90)
        if arguments[0] == "swallows":
            class Cycle:
                def __del__(self):
                    time.sleep(0.3)
            Cycle()
            time.sleep(90)
        if arguments[0] == "stops":
            requests = []
            with StopSignals() as inner:
                inner.ask = lambda: requests.append(1)
                while not requests:
                    time.sleep(0.01)
            time.sleep(0.5)  # the end takes a while
            return 3
    with open("lock", "w") as file:
        print("word " * 20000)
        print("word", file=sys.stderr)
        file.write("held")
    return 0

def load():
    import slow_module
    return main

sys.exit(run_process(load, sys.argv[1:]))
"""

SLOW_MODULE = """
import sys, time
from pathlib import Path
Path("importing").touch()
try:
    time.sleep(0.4 if "imports" in sys.argv else 0.0)
except BaseException:
    raise ImportError
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    (tmp_path / "command.py").write_text(COMMAND)
    (tmp_path / "slow_module.py").write_text(SLOW_MODULE)
    return [sys.executable, "command.py"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"}


def _storm(folder: Path, command: list[str], what: str, after: str, count: int) -> str:
    """Return what a command wrote that gets many signals, and must have stopped.

    The first comes a little after the command has made the file ``after``.
    """
    with subprocess.Popen(
        [*command, what],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        while not (folder / after).exists():
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.01)
        time.sleep(0.1)
        rng = random.Random(count)
        for _ in range(count):
            if process.poll() is None:
                number = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
                os.killpg(process.pid, number)
                time.sleep(0.5 / count)
        said = process.communicate(timeout=120)[0]
    assert process.returncode == 3, said
    assert "Traceback" not in said
    assert "ignored" not in said
    return said


@pytest.mark.parametrize("count", [1, 200])
@pytest.mark.parametrize("what", ["waits", "stops", "swallows"])
def test_any_number_of_signals_ends_a_command_as_stopped(
    tmp_path: Path, command: list[str], what: str, count: int
) -> None:
    said = _storm(tmp_path, command, what, "begun", count)
    assert what == "stops" or said == "stopped: interrupted; run the same command again\n"


def test_signals_while_modules_are_imported_are_no_import_error(
    tmp_path: Path, command: list[str]
) -> None:
    said = _storm(tmp_path, command, "imports", "importing", 30)
    assert said == "stopped: interrupted; run the same command again\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_neither_end_a_command_nor_are_written_into_files(
    tmp_path: Path, command: list[str], closed: str
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *command, "prints"],
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lock").read_text() == "held"
    assert done.stderr == ("" if "2>" in closed else "word\n")


def test_a_reader_that_has_gone_is_no_failure(tmp_path: Path, command: list[str]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [*command, "prints"],
        cwd=tmp_path,
        env=_environment(),
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(theirs)
    assert (done.returncode, done.stderr) == (0, "word\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
@pytest.mark.parametrize(
    ("arguments", "code"), [(["status"], 1), (["start"], 0), (["start", "--json"], 1)]
)
def test_output_that_does_not_fit_is_a_failure_where_it_is_the_work(
    tmp_path: Path, command: list[str], arguments: list[str], code: int
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*command, *arguments],
            cwd=tmp_path,
            env=_environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == code
    assert "output could not be written completely (No space left on device)" in done.stderr
