"""Processes that the code of a user leaves behind: none outlives the sweep."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.sweep.execution.leftover_processes import (
    LeftoverProcesses,
    kill_marked,
    mark_script,
    mark_worker,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="marks are Linux's alone")
KINDS = 4
SPREADS = """
import os, subprocess, sys, time
SLEEPS = [sys.executable, "-S", "-c", "import time; time.sleep(180)"]
folder = sys.argv[1]

def note(pid):
    with open(f"{folder}/{pid}.partial", "w"):
        pass
    os.rename(f"{folder}/{pid}.partial", f"{folder}/{pid}")

sys.stdin.read()  # until it is marked
note(subprocess.Popen(SLEEPS).pid)
note(subprocess.Popen(SLEEPS, env={}, start_new_session=True).pid)
if os.fork() == 0:  # a daemon
    os.setsid()
    if os.fork() == 0:
        note(os.getpid())
        os.closerange(0, 64)
        os.execv(SLEEPS[0], SLEEPS)
    os._exit(0)
if os.fork() == 0:
    os.setsid()
    note(os.getpid())
time.sleep(180)
"""
COORDINATOR = """
import subprocess, sys, time
from fieldsharp.sweep.execution.leftover_processes import LeftoverProcesses, mark_worker
leftovers = LeftoverProcesses()
worker = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
mark_worker(worker.pid, leftovers.next_marks())
worker.stdin.close()
time.sleep(180)
"""


def _worker(folder: Path) -> list[str]:
    return [sys.executable, "-S", "-c", SPREADS, str(folder)]


def _children(folder: Path) -> list[int]:
    deadline = time.monotonic() + 60
    while len(found := [int(p.name) for p in folder.iterdir() if p.suffix == ""]) < KINDS:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def _alive(pids: list[int]) -> list[int]:
    found = []
    for pid in pids:
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX":
            found.append(pid)
    return found


def test_what_a_killed_worker_started_is_found_and_killed(tmp_path: Path) -> None:
    leftovers = LeftoverProcesses()
    with (
        subprocess.Popen(_worker(tmp_path), stdin=subprocess.PIPE) as worker,
        subprocess.Popen(_worker(tmp_path), stdin=subprocess.PIPE) as other,
    ):
        marks = leftovers.next_marks()
        mark_worker(worker.pid, marks)
        mark_worker(other.pid, leftovers.next_marks())
        assert worker.stdin is not None
        worker.stdin.close()
        children = _children(tmp_path)
        worker.kill()
        worker.wait()
        assert _alive(children) == children
        kill_marked(marks)
        assert _alive(children) == []
        assert other.poll() is None
        leftovers.close()
        assert other.wait(60) == -signal.SIGKILL


def test_what_workers_started_ends_although_the_coordinator_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", COORDINATOR, *_worker(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        start_new_session=True,
    ) as coordinator:
        children = _children(tmp_path)
        os.killpg(coordinator.pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while _alive(children):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_marks_of_a_script_are_its_own(tmp_path: Path) -> None:
    with (
        subprocess.Popen(_worker(tmp_path), stdin=subprocess.PIPE) as script,
        subprocess.Popen(_worker(tmp_path), stdin=subprocess.PIPE) as other,
    ):
        marks = mark_script(script.pid)
        assert mark_script(other.pid) != marks
        kill_marked(marks)
        assert script.wait(60) == -signal.SIGKILL
        assert other.poll() is None
        other.kill()


PROGRAM = """
import os, subprocess, sys, time
from fieldsharp.sweep.execution.leftover_processes import kill_leftovers
with kill_leftovers():
    if os.fork() == 0:  # it holds every descriptor
        os.setsid()
        time.sleep(180)
    child = subprocess.Popen(sys.argv[2:], start_new_session=True, env={})
    print(child.pid, flush=True)
    if sys.argv[1] == "killed":
        time.sleep(180)
stays = subprocess.Popen(sys.argv[2:])
print(stays.pid, flush=True)
"""


@pytest.mark.parametrize("end", ["done", "killed"])
def test_what_this_process_started_ends_with_the_work(end: str) -> None:
    sleeps = [sys.executable, "-S", "-c", "import time; time.sleep(180)"]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, end, *sleeps],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        child = int(program.stdout.readline())
        if end == "killed":
            program.kill()
        else:
            stays = int(program.stdout.readline())
            assert program.wait(60) == 0
            assert _alive([child, stays]) == [stays]
            os.kill(stays, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while _alive([child]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
