"""A locked database, and a full disk."""

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random

from tests.chaos.faults.fault import Inject
from tests.chaos.faults.kills import killed
from tests.chaos.history import read_history
from tests.chaos.live_sweep import FAILED, FINISHED, REFUSED, STOPPED, LiveSweep, NotInjected

GOING_ON_LIMIT_S = 30.0


def lock_database(seconds: float) -> Inject:
    """Return the fault of a database locked by another process for some seconds."""

    def lock(sweep: LiveSweep, rng: Random) -> list[str]:
        if not sweep.running:
            raise NotInjected("the sweep was over")
        with locked(sweep):
            time.sleep(seconds)
            pid, alive = sweep.pid, sweep.running
        if not alive and sweep.ended() == FINISHED:
            raise NotInjected("all was told by then")  # and to read it nothing need be written
        if not alive:
            return [f"process {pid} ended while the database was locked: {sweep.last_line}"]
        return continues(sweep)

    return lock


def lock_database_and_stop(sweep: LiveSweep, rng: Random) -> list[str]:
    """SIGTERM while another process holds the database."""
    if not sweep.running:
        raise NotInjected("the sweep was over")
    sweep.interrupted += len(sweep.workers)
    with locked(sweep):
        time.sleep(rng.uniform(1.0, 3.0))
        os.kill(sweep.pid, signal.SIGTERM)
        time.sleep(5.0)
    code = sweep.ended(60.0)
    if code not in (FINISHED, STOPPED):
        return [f"it ended with {code} when stopped with its database locked: {sweep.last_line}"]
    return []


@contextmanager
def locked(sweep: LiveSweep) -> Iterator[None]:
    """Hold an exclusive lock on the database."""
    with closing(sqlite3.connect(sweep.workspace.database, timeout=20.0)) as connection:
        connection.isolation_level = None
        connection.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def resume_on_a_full_disk(sweep: LiveSweep, rng: Random) -> list[str]:
    """Resume on a full disk: it may refuse or wait, and works once space is free."""
    if not sweep.workspace.disk_is_small:
        raise NotInjected("no small disk can be mounted here")
    losses = killed(sweep)
    begun = len(sweep.begun())
    ballast = sweep.workspace.disk / "ballast"
    try:
        _fill(ballast, 0.5)
        sweep.start_or_resume()
        _fill(ballast, rng.uniform(12.0, 15.0))
    finally:
        ballast.unlink(missing_ok=True)
    sweep.retrained += len(sweep.begun()) - begun + len(sweep.workers)
    time.sleep(1.0)
    if not sweep.running and sweep.ended() not in (FINISHED, FAILED, REFUSED):
        losses.append(f"it ended with {sweep.ended()}: {sweep.last_line}")
    return losses


def fill_disk(sweep: LiveSweep, rng: Random) -> list[str]:
    """Fill the disk of the database for some seconds, then free it."""
    if not sweep.workspace.disk_is_small:
        raise NotInjected("no small disk can be mounted here")
    if not sweep.running:
        raise NotInjected("the sweep was over")
    if not sweep.training():
        raise NotInjected("it was only starting")  # which is a fault of its own
    begun = len(sweep.begun())
    ballast = sweep.workspace.disk / "ballast"
    try:
        _fill(ballast, rng.uniform(2.0, 4.0))
        time.sleep(0.5)
    finally:
        ballast.unlink(missing_ok=True)
    # Its checkpoints could not be written: where it did not outlast this, they are trained again.
    sweep.retrained += len(sweep.begun()) - begun + len(sweep.workers)
    time.sleep(1.0)
    if sweep.running:
        return continues(sweep)
    code = sweep.ended()
    sweep.interrupted += 2
    if code != FINISHED:
        return [f"it ended with {code} when the disk was full: {sweep.last_line}"]
    return []


def _fill(ballast: Path, seconds: float) -> None:
    """Use up all disk space for a while, also what is freed meanwhile."""
    deadline = time.monotonic() + seconds
    with ballast.open("ab", buffering=0) as file:
        while time.monotonic() < deadline:
            for size in (2**20, 2**12):
                with suppress(OSError):
                    while True:
                        os.write(file.fileno(), b"\0" * size)
            time.sleep(0.02)


def continues(sweep: LiveSweep) -> list[str]:
    """Return a loss if nothing is stored soon after the storage is available again."""
    known = read_history(sweep.workspace.database)
    epochs = len(sweep.begun())

    def has_news() -> bool:
        return len(sweep.begun()) > epochs or read_history(sweep.workspace.database) != known

    try:
        sweep.wait("anything new", lambda: has_news() or not sweep.running, GOING_ON_LIMIT_S)
    except TimeoutError as error:
        return [str(error)]
    return []
