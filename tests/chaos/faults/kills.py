"""kill -9 of a worker or the coordinator, at any moment."""

import os
import signal
import time
from random import Random

from fieldsharp.storage.database import open_database
from fieldsharp.storage.study_lock import study_lock_owner
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.status.report import study_status
from tests.chaos.history import read_history
from tests.chaos.live_sweep import LiveSweep, NotInjected
from tests.chaos.workspace import STUDY

ORPHAN_LIMIT_S = 2.0
TAKEN_UP_LIMIT_S = 60.0
"""Longer than a coordinator takes from its lock to its trials beside other tests."""
GONE_LIMIT_S = 5.0


def kill_worker(sweep: LiveSweep, rng: Random) -> list[str]:
    """kill -9 a worker that trains."""
    time.sleep(rng.uniform(0.0, 0.6))
    _kill_one(sweep.training(), sweep, rng)
    return []


def kill_loading_worker(sweep: LiveSweep, rng: Random) -> list[str]:
    """kill -9 a worker that is still importing; if there is none, one is restarted."""
    if not sweep.loading():
        before = set(sweep.workers)
        _kill_one(sweep.training(), sweep, rng)
        sweep.wait("a new worker", lambda: set(sweep.workers) - before or not sweep.running)
    time.sleep(rng.uniform(0.0, 0.2))
    _kill_one(sweep.loading() or sweep.training(), sweep, rng)
    return []


def kill_server(sweep: LiveSweep, rng: Random) -> list[str]:
    """kill -9 the process that workers are forked from: they die with it, and new ones train."""
    time.sleep(rng.uniform(0.0, 0.6))
    servers, workers = sweep.servers, sweep.workers
    if not servers or not workers:
        raise NotInjected("no worker was there")
    sweep.interrupted += len(workers)
    os.kill(rng.choice(servers), signal.SIGKILL)
    left = sweep.gone_within(workers, ORPHAN_LIMIT_S)
    losses = [f"worker {worker} outlived the process it was forked from" for worker in left]
    sweep.wait_for_training()
    return losses


def kill_coordinator(sweep: LiveSweep, rng: Random) -> list[str]:
    """kill -9 the coordinator of trials at work."""
    time.sleep(rng.uniform(0.0, 0.6))
    return killed(sweep)


def kill_starting_coordinator(sweep: LiveSweep, rng: Random) -> list[str]:
    """kill -9 the coordinator twice: at work, and as soon as it tries to go on."""
    losses = killed(sweep)
    sweep.start_or_resume()
    time.sleep(rng.uniform(0.5, 6.0))
    if sweep.running:
        losses += killed(sweep, holds_the_lock=study_lock_owner(sweep.workspace.url, STUDY).alive)
    return losses


def killed(sweep: LiveSweep, *, holds_the_lock: bool = True) -> list[str]:
    """Kill the coordinator; return workers that outlive it, and a wrong status."""
    if not sweep.running:
        raise NotInjected("the sweep was over")
    workers, pid = sweep.workers, sweep.pid
    sweep.interrupted += len(workers)
    os.kill(pid, signal.SIGKILL)
    sweep.ended()
    left = sweep.gone_within(workers, ORPHAN_LIMIT_S)
    losses = [f"worker {worker} outlived its coordinator" for worker in left]
    if not holds_the_lock:
        return losses
    storage = open_database(sweep.workspace.url, "read")
    status = study_status(load_study(storage, STUDY), sweep.workspace.url)
    storage.scoped_session.remove()
    storage.engine.dispose()  # or this process would read the log of now when another is there
    note = status.coordinator.note
    if note == "finished":
        return losses  # it had finished just before
    if status.coordinator.pid != pid or "is gone" not in note or "resume" not in note:
        losses.append(f"status says of a killed coordinator: {note}")
    return losses


def left_running(sweep: LiveSweep, attempts: dict[int, int]) -> list[str]:
    """Wait until a new coordinator has taken over the trials of a killed one.

    Args:
        sweep: Resumed.
        attempts: Of the trials that were running at the kill, which attempt it was.
    """

    def zombies() -> list[int]:
        now = read_history(sweep.workspace.database)
        return [
            number
            for number, attempt in attempts.items()
            if now[number][0].state == "RUNNING" and now[number][0].attempt == attempt
        ]

    sweep.wait(
        "a new coordinator",
        lambda: study_lock_owner(sweep.workspace.url, STUDY).pid == sweep.pid or not sweep.running,
    )
    deadline = time.monotonic() + TAKEN_UP_LIMIT_S
    while zombies() and time.monotonic() < deadline and sweep.running:
        time.sleep(0.2)
    return [f"trial {number} is RUNNING with nobody at it" for number in zombies()]


def _kill_one(pids: list[int], sweep: LiveSweep, rng: Random) -> None:
    if not pids:
        raise NotInjected("no worker was there")
    pid = rng.choice(pids)
    sweep.interrupted += 1
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError as error:
        raise NotInjected("the worker had ended by itself") from error
    # SIGKILL takes effect a little later: the next fault must not pick the same process.
    sweep.gone_within([pid], GONE_LIMIT_S)
