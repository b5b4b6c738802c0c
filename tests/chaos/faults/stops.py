"""Orderly stops: by signals of the system or a person, once or repeatedly, and by ``stop``."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.chaos.history import read_history
from tests.chaos.live_sweep import FINISHED, STOPPED, LiveSweep, NotInjected
from tests.chaos.workspace import STUDY

AT_ONCE_LIMIT_S = 10.0
BETWEEN_SIGNALS_S = 0.3
STORM = 30


def terminate_coordinator(sweep: LiveSweep, rng: Random) -> list[str]:
    """SIGTERM to the coordinator alone."""
    time.sleep(rng.uniform(0.0, 0.6))
    return _stopped(sweep, lambda: os.kill(sweep.pid, signal.SIGTERM))


def terminate_group(sweep: LiveSweep, rng: Random) -> list[str]:
    """SIGTERM to every process, as a batch system sends it."""
    time.sleep(rng.uniform(0.0, 0.6))
    return _stopped(sweep, lambda: os.killpg(sweep.pid, signal.SIGTERM))


def interrupt_group(sweep: LiveSweep, rng: Random) -> list[str]:
    """Ctrl-C."""
    time.sleep(rng.uniform(0.0, 0.6))
    return _stopped(sweep, lambda: os.killpg(sweep.pid, signal.SIGINT))


def terminate_twice(sweep: LiveSweep, rng: Random) -> list[str]:
    """SIGTERM, and again before the epoch is over."""
    time.sleep(rng.uniform(0.0, 0.6))
    sweep.interrupted += len(sweep.workers)

    def twice() -> None:
        os.kill(sweep.pid, signal.SIGTERM)
        time.sleep(BETWEEN_SIGNALS_S)
        if sweep.running:
            os.kill(sweep.pid, signal.SIGTERM)

    return _stopped(sweep, twice, AT_ONCE_LIMIT_S)


def terminate_starting(sweep: LiveSweep, rng: Random) -> list[str]:
    """SIGTERM once, then resume, and SIGTERM again at any moment of its start."""
    losses = _stopped(sweep, lambda: os.kill(sweep.pid, signal.SIGTERM))
    sweep.start_or_resume()
    time.sleep(rng.uniform(0.5, 8.0))
    if not sweep.running:
        return losses
    os.kill(sweep.pid, signal.SIGTERM)
    code = sweep.ended(60.0)
    # Before the program has installed its handlers, the signal has its default effect.
    if code not in (FINISHED, STOPPED, -signal.SIGTERM):
        losses.append(f"it ended with {code}: {sweep.last_line}")
    return losses


def storm(to_group: bool) -> Callable[[LiveSweep, Random], list[str]]:
    """Return the fault of 30 SIGINT within a second.

    Args:
        to_group: Whether to every process, or to the coordinator alone.
    """

    def inject(sweep: LiveSweep, rng: Random) -> list[str]:
        time.sleep(rng.uniform(0.0, 0.6))
        sweep.interrupted += len(sweep.workers)

        def send() -> None:
            for _ in range(STORM):
                if sweep.running:
                    (os.killpg if to_group else os.kill)(sweep.pid, signal.SIGINT)
                time.sleep(1.0 / STORM)

        losses = _stopped(sweep, send, AT_ONCE_LIMIT_S)
        return losses + (["it ended in a traceback"] if "Traceback" in sweep.output() else [])

    return inject


def close_streams(sweep: LiveSweep, rng: Random) -> list[str]:
    """Stop, and go on without standard input, output and errors until trials are at work."""
    losses = _stopped(sweep, lambda: os.kill(sweep.pid, signal.SIGTERM))
    sweep.start_or_resume(streams=False)
    sweep.wait_for_training()
    time.sleep(rng.uniform(0.0, 0.6))
    if not sweep.running:
        code = sweep.ended()
        return losses if code == FINISHED else [*losses, f"without streams it ended with {code}"]
    opened = {number: Path(f"/proc/{sweep.pid}/fd/{number}").readlink() for number in range(3)}
    losses += [
        f"descriptor {number} of the coordinator is {path}"
        for number, path in opened.items()
        if path != Path(os.devnull)
    ]
    os.kill(sweep.pid, signal.SIGTERM)
    code = sweep.ended(60.0)
    return losses if code in (FINISHED, STOPPED) else [*losses, f"it ended with {code}"]


def stop_from_another_process(sweep: LiveSweep, rng: Random) -> list[str]:
    """The command ``stop``, with and without ``--now``."""
    now = rng.random() < 0.5
    if now:
        sweep.interrupted += len(sweep.workers)
    said: list[str] = []

    def stop() -> None:
        command = sweep.command("stop", STUDY, "--storage", sweep.workspace.url)
        done = subprocess.run(
            [*command, *(["--now"] if now else [])],
            cwd=sweep.workspace.folder,
            env=sweep.environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode or "resume" not in done.stdout:
            said.append(f"stop ended with {done.returncode}: {done.stdout} {done.stderr}")

    # Not timed: most of it is the start of another process.
    return _stopped(sweep, stop, is_timed=False) + said


def _stopped(
    sweep: LiveSweep, stop: Callable[[], None], limit_s: float = 60.0, *, is_timed: bool = True
) -> list[str]:
    """Stop a sweep and return every deviation from an orderly stop."""
    if not sweep.running:
        raise NotInjected("the sweep was over")
    began = time.monotonic()
    stop()
    try:
        code = sweep.ended(limit_s)
    except subprocess.TimeoutExpired:
        os.kill(sweep.pid, signal.SIGKILL)
        sweep.ended()
        return [f"the coordinator did not end within {limit_s:g} s of being told to"]
    if code == FINISHED:
        raise NotInjected("the sweep was over")
    if is_timed:
        sweep.exit_seconds.append(time.monotonic() - began)
    losses = [] if code == STOPPED else [f"it ended with {code}: {sweep.last_line}"]
    if code == STOPPED and "resume" not in sweep.last_line:
        losses.append(f"it does not say how to go on: {sweep.last_line}")
    for number, trials in read_history(sweep.workspace.database).items():
        if trials[0].state == "RUNNING":
            losses.append(f"trial {number} was left RUNNING by an orderly end")
    left = sweep.gone_within(sweep.left_over(), 2.0)
    return losses + [f"process {pid} was left over" for pid in left]
