"""Stopping the process that runs a study, from another one."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fields.errors import StudyError
from storage import place
from storage.study_lock import StudyLock, study_holder
from sweep.study import stopping
from sweep.study.stopping import stop_study
from tests.storage.databases import child, say

COORDINATOR = """
import signal, sys, time
from storage.study_lock import StudyLock
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(time.monotonic()))
with StudyLock(sys.argv[1], "s"):
    print("held", flush=True)
    while not asked:
        time.sleep(0.02)
    print("asked", flush=True)
    while len(asked) < int(sys.argv[2]):
        time.sleep(0.02)
    time.sleep(0.3)
print(len(asked), flush=True)
"""


@contextmanager
def _coordinator(url: str, requests: int) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs the study ``s`` until it was asked so many times to stop."""
    with child(COORDINATOR, url, requests) as process:
        assert say(process) == "held"
        yield process


@pytest.mark.parametrize(("at_once", "requests"), [(False, 1), (True, 2)])
def test_it_returns_once_the_coordinator_is_gone(
    storage_url: str, at_once: bool, requests: int
) -> None:
    with _coordinator(storage_url, requests) as process:
        said = stop_study(storage_url, "s", at_once=at_once).sentence
        assert not study_holder(storage_url, "s").alive, "it waits for the end"
        assert said.startswith("study 's' is stopped; go on with python run_sweep.py resume s")
        assert say(process) == "asked"
        assert say(process) == f"{requests}"


def test_a_coordinator_that_is_killed_while_it_is_waited_for_is_gone_too(storage_url: str) -> None:
    with _coordinator(storage_url, 99) as process:

        def kill_once_asked() -> None:
            assert say(process) == "asked"
            process.kill()

        killer = threading.Thread(target=kill_once_asked)
        killer.start()
        assert "is stopped" in stop_study(storage_url, "s", at_once=False).sentence
        killer.join()


def test_nobody_is_signalled_where_nobody_runs_it(storage_url: str) -> None:
    said = "study 's' is not being run, there is nothing to stop; go on with"
    assert stop_study(storage_url, "s", at_once=True).sentence.startswith(said)
    with StudyLock(storage_url, "s"):
        pass
    assert stop_study(storage_url, "s", at_once=True).sentence.startswith(said)


def test_the_number_of_one_that_died_is_not_signalled(storage_url: str) -> None:
    """The system may have given it to another process by now: here, to this one."""
    with StudyLock(storage_url, "s"):
        pass
    lock = place.study_lock(storage_url, "s")
    lock.write_text(json.dumps({"pid": os.getpid(), "host": os.uname().nodename}))
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: received.append(number))
    try:
        assert "is not being run" in stop_study(storage_url, "s", at_once=True).sentence
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == []


def test_a_coordinator_on_another_machine_is_left_alone(storage_url: str) -> None:
    with StudyLock(storage_url, "s"):
        place.study_lock(storage_url, "s").write_text(json.dumps({"pid": 1, "host": "elsewhere"}))
        with pytest.raises(StudyError, match=r"by process 1 on elsewhere, .*; stop it there"):
            stop_study(storage_url, "s", at_once=False)


def test_a_coordinator_that_is_just_starting_is_waited_for(
    storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the lock and has not yet said who it is."""
    monkeypatch.setattr(stopping, "STARTING_S", 60.0)
    with _coordinator(storage_url, 1) as process:
        lock = place.study_lock(storage_url, "s")
        content = lock.read_text()
        lock.write_text("")
        timer = threading.Timer(0.3, lock.write_text, [content])
        timer.start()
        assert "is stopped" in stop_study(storage_url, "s", at_once=False).sentence
        timer.join()
        process.wait(10)
