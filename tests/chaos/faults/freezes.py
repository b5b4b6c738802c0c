"""Frozen processes: SIGSTOP to a worker or the coordinator."""

import os
import signal
import time
from contextlib import suppress
from random import Random

from tests.chaos.faults.kills import killed
from tests.chaos.history import read_history
from tests.chaos.live_sweep import LiveSweep, NotInjected
from tests.chaos.processes import is_alive, is_stopped

SLACK_S = 15.0
COORDINATOR_AWAY_S = (2.0, 4.0)
SETTLING_S = 1.0


def freeze_worker(sweep: LiveSweep, rng: Random) -> list[str]:
    """SIGSTOP a worker for good: it must be killed, and its trial retried."""
    pid = _freeze_one(sweep, rng)
    sweep.interrupted += 1
    limit_s = sweep.workspace.deadline_s + SLACK_S
    try:
        sweep.wait("the end of a frozen worker", lambda: not is_alive(pid), limit_s)
    except TimeoutError as error:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return [str(error)]
    return []


def freeze_worker_for_a_while(sweep: LiveSweep, rng: Random) -> list[str]:
    """SIGSTOP a worker and SIGCONT it before its deadline."""
    before = _attempts(sweep, of_the_living=True)
    pid = _freeze_one(sweep, rng)
    time.sleep(rng.uniform(0.5, 0.3 * sweep.workspace.deadline_s))
    os.kill(pid, signal.SIGCONT)
    time.sleep(SETTLING_S)
    return _retried_needlessly(before, _attempts(sweep))


def freeze_coordinator(sweep: LiveSweep, rng: Random) -> list[str]:
    """SIGSTOP the coordinator for some seconds: its workers must not count as dead."""
    if not sweep.training():
        raise NotInjected("no worker was there")
    os.kill(sweep.pid, signal.SIGSTOP)
    before = _attempts(sweep, of_the_living=True)
    time.sleep(rng.uniform(*COORDINATOR_AWAY_S))
    os.kill(sweep.pid, signal.SIGCONT)
    time.sleep(SETTLING_S)
    return _retried_needlessly(before, _attempts(sweep))


def freeze_worker_then_kill_coordinator(sweep: LiveSweep, rng: Random) -> list[str]:
    """SIGSTOP a worker, kill -9 the coordinator: no stopped process may remain."""
    _freeze_one(sweep, rng)
    return killed(sweep)


def freeze_loading_worker_then_kill_coordinator(sweep: LiveSweep, rng: Random) -> list[str]:
    """The same with a worker that is still importing."""
    pids = sweep.training()
    if not sweep.loading():
        if not pids:
            raise NotInjected("no worker was there")
        before = set(sweep.workers)
        os.kill(rng.choice(pids), signal.SIGKILL)
        sweep.interrupted += 1
        sweep.wait("a new worker", lambda: set(sweep.workers) - before or not sweep.running)
    time.sleep(rng.uniform(0.0, 0.2))
    loading = sweep.loading()
    if loading:
        os.kill(rng.choice(loading), signal.SIGSTOP)
    return killed(sweep)


def _attempts(sweep: LiveSweep, *, of_the_living: bool = False) -> dict[int, int]:
    """Return the attempt of each trial.

    Args:
        sweep: Whose.
        of_the_living: Only of trials whose worker is there: one that an earlier fault killed may
            not have been missed yet, and its trial is rightly handed out again.
    """
    history = read_history(sweep.workspace.database)
    last_at = {begun.mark: begun.pid for begun in sweep.begun()}
    return {
        number: trials[0].attempt
        for number, trials in history.items()
        if not of_the_living or is_alive(last_at.get(trials[0].mark or 0.0, -1))
    }


def _retried_needlessly(before: dict[int, int], after: dict[int, int]) -> list[str]:
    """Return the trials that were retried although their worker was alive.

    Not by whether the workers are there: at the end of the sweep they are told to quit.
    """
    return [
        f"trial {number} was handed out again though its worker was well"
        for number, attempt in before.items()
        if attempt and after[number] > attempt
    ]


def _freeze_one(sweep: LiveSweep, rng: Random) -> int:
    time.sleep(rng.uniform(0.0, 0.6))
    pids = sweep.training()
    if not pids:
        raise NotInjected("no worker was there")
    pid = rng.choice(pids)
    os.kill(pid, signal.SIGSTOP)
    sweep.wait("a frozen worker", lambda: is_stopped(pid) or not is_alive(pid), 5.0)
    return pid
