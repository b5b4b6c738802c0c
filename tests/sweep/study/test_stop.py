"""Stopping the process that runs a study, from another one."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import FieldsharpError
from fieldsharp.storage.location import paths
from fieldsharp.storage.lock_owner import process_identity
from fieldsharp.storage.stop_request import leave_request
from fieldsharp.storage.study_lock import StudyLock, study_lock_owner
from fieldsharp.sweep.study import stop
from fieldsharp.sweep.study.stop import stop_study
from tests.storage.databases import child, needs_root, say

COORDINATOR = """
import signal, sys, time
from fieldsharp.storage.study_lock import StudyLock
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


ASKED_BY_FILE = """
import sys, time
from fieldsharp.storage.study_lock import StudyLock
with StudyLock(sys.argv[1], "s") as lock:
    print("held", flush=True)
    while not (asked := lock.stop_requested()):
        time.sleep(0.02)
    print("asked", asked, flush=True)
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
        assert not study_lock_owner(storage_url, "s").alive, "it waits for the end"
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
    lock = paths.study_lock(storage_url, "s")
    lock.write_text(json.dumps({"pid": os.getpid(), "host": os.uname().nodename}))
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: received.append(number))
    try:
        assert "is not being run" in stop_study(storage_url, "s", at_once=True).sentence
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == []


def _as_if_elsewhere(url: str, **found: object) -> Path:
    """Change what the lock of the study says of its holder."""
    lock = paths.study_lock(url, "s")
    lock.write_text(json.dumps(json.loads(lock.read_text()) | found))
    return lock


ELSEWHERE: dict[str, dict[str, object]] = {
    "a lock of an earlier version": {"identity": ""},
    "in another container": {"identity": "0b514af5 pid:[4026539999] 123"},
    "another process of that number": {"identity": f"{process_identity(os.getpid())}0"},
    "on another machine": {"host": "elsewhere", "identity": "1c514af5 pid:[4026531836] 123"},
}


@pytest.mark.parametrize("found", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_process_that_may_be_another_is_asked_and_never_signalled(
    storage_url: str, found: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number in the lock is this process's own, as it may be in another container."""
    monkeypatch.setattr(stop, "ANSWER_S", 0.3)
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: received.append(number))
    try:
        with StudyLock(storage_url, "s"):
            _as_if_elsewhere(storage_url, **found)
            with pytest.raises(FieldsharpError, match="did not answer the request to stop within"):
                stop_study(storage_url, "s", at_once=True)
            assert not paths.stop_request(storage_url, "s").exists(), "it is withdrawn"
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == []


@pytest.mark.parametrize(("at_once", "urgency"), [(False, 1), (True, 2)])
def test_a_request_that_is_left_is_answered_by_the_process_it_is_meant_for(
    storage_url: str, at_once: bool, urgency: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop, "send_signal", lambda *_: False)
    lock = StudyLock(storage_url, "s")
    asked: list[int] = []

    def coordinate() -> None:
        while not asked:
            if found := lock.stop_requested():
                asked.append(found)
            time.sleep(0.01)
        time.sleep(0.2)
        lock.__exit__(None, None, None)

    lock.__enter__()
    coordinator = threading.Thread(target=coordinate)
    coordinator.start()
    said = stop_study(storage_url, "s", at_once=at_once)
    coordinator.join()
    assert asked == [urgency]
    assert said.was_run
    assert not study_lock_owner(storage_url, "s").alive


def test_a_coordinator_that_was_started_again_under_the_same_number_is_another(
    storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container that starts it again: its number is the same each time."""
    monkeypatch.setattr(stop, "send_signal", lambda *_: True)
    with StudyLock(storage_url, "s"):
        again = threading.Timer(0.3, _as_if_elsewhere, [storage_url], {"identity": "another start"})
        again.start()
        assert stop_study(storage_url, "s", at_once=False).was_run
        again.join()


def test_a_request_that_was_left_over_stops_no_later_coordinator(storage_url: str) -> None:
    with StudyLock(storage_url, "s"):
        holder = study_lock_owner(storage_url, "s")
    path = paths.stop_request(storage_url, "s")
    leave_request(path, holder, at_once=True)
    with StudyLock(storage_url, "s") as lock:
        assert lock.stop_requested() == 0
        leave_request(path, replace(holder, identity="of another boot"), at_once=True)
        assert lock.stop_requested() == 0
        for nonsense in (b"", b"[]", b"{}", b'{"pid": "x"}', b"\xff"):
            path.write_bytes(nonsense)
            assert lock.stop_requested() == 0
            assert not path.exists()


def test_a_coordinator_in_another_container_stops_and_no_stranger_is_signalled(
    storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two namespaces of process numbers on one machine of one name."""
    needs_root()
    isolated = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*isolated, "true"], capture_output=True).returncode:
        pytest.skip("namespaces cannot be made here")
    received: list[int] = []
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _number: killed.append(pid))
    monkeypatch.setattr(signal, "pidfd_send_signal", lambda *_: received.append(1))
    with subprocess.Popen(
        [*isolated, sys.executable, "-c", ASKED_BY_FILE, storage_url],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert say(process) == "held"
        holder = study_lock_owner(storage_url, "s")
        assert holder.pid == 1
        assert "is stopped" in stop_study(storage_url, "s", at_once=False).sentence
        assert say(process) == "asked 1"
    assert (received, killed) == ([], [])


def test_a_coordinator_that_is_just_starting_is_waited_for(
    storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the lock and has not yet said who it is."""
    monkeypatch.setattr(stop, "STARTING_S", 60.0)
    with _coordinator(storage_url, 1) as process:
        lock = paths.study_lock(storage_url, "s")
        content = lock.read_text()
        lock.write_text("")
        timer = threading.Timer(0.3, lock.write_text, [content])
        timer.start()
        assert "is stopped" in stop_study(storage_url, "s", at_once=False).sentence
        timer.join()
        process.wait(10)
