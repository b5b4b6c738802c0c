"""Kills a coordinator and its trackers at random, and reads back what the trackers hold."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

from tests.chaos.history import has_study, read_history
from tests.chaos.live_sweep import FINISHED, LiveSweep
from tests.chaos.processes import PROC, marked
from tests.chaos.tally import say
from tests.chaos.workspace import STUDY, make_workspace
from tests.sweep.tracking.read_back import STUDY_RUN, Runs, assert_each_once, read_mlflow
from tests.sweep.tracking.read_back import read_tensorboard as read_event_files

TRACKING = "tracking: {tensorboard: {}, mlflow: {}}\n"
EPOCHS, TRIALS, MORE_TRIALS = 6, 8, 4
LONGEST_DELAY_S = 6.0
READERS: dict[str, Callable[[Path, str], Runs]] = {
    "TensorBoard": read_event_files,
    "MLflow": read_mlflow,
}


def tracker_kills(folder: Path, seed: int, kills: int) -> int:
    """Run a sweep with so many kills; return the exit code, 0 where the trackers hold it all."""
    rng = Random(seed)
    workspace = make_workspace(folder, seed=seed, trials=TRIALS, epochs=EPOCHS, deadline_s=60.0)
    with workspace.config.open("a", encoding="utf-8") as config:
        config.write(TRACKING)
    sweep, killed = LiveSweep(workspace, budget=TRIALS), Counter[str]()
    try:
        while killed.total() < kills:
            if not sweep.running:
                if sweep.process is not None and sweep.process.returncode == FINISHED:
                    sweep.budget += MORE_TRIALS
                sweep.start_or_resume()
            sweep.wait("trackers", lambda: _trackers(sweep) or not sweep.running)
            time.sleep(rng.uniform(0.0, LONGEST_DELAY_S))
            victim = rng.choice(["coordinator", "tracker"])
            found = [sweep.pid] if victim == "coordinator" else _trackers(sweep)
            if not sweep.running or not found or not has_study(workspace.database):
                continue
            os.kill(rng.choice(found), signal.SIGKILL)
            killed[victim] += 1
            say(f"killed: {victim}")
            if victim == "coordinator":
                sweep.ended()
        if not sweep.running:
            sweep.start_or_resume()
        code = sweep.ended()
        wrong = [f"the sweep ended with {code}: {sweep.last_line}"] if code != FINISHED else []
        return _report(sweep, killed, wrong)
    finally:
        sweep.clean_up()


def _trackers(sweep: LiveSweep) -> list[int]:
    """Return the processes of the trackers that are alive."""
    found = []
    for pid in marked(sweep.marker):
        with suppress(OSError):
            if b"sweep.tracking.process" in (PROC / str(pid) / "cmdline").read_bytes():
                found.append(pid)
    return sorted(found)


def _report(sweep: LiveSweep, killed: Counter[str], wrong: list[str]) -> int:
    history = read_history(sweep.workspace.database)
    say(
        f"{killed['coordinator']} coordinators and {killed['tracker']} trackers killed, "
        f"{len(history)} trials of {EPOCHS} epochs, {time.monotonic() - sweep.began:.0f} s"
    )
    if sorted(history) != list(range(sweep.budget)):
        wrong.append(f"of {sweep.budget} trials the database has {sorted(history)}")
    for name, read in READERS.items():
        runs = read(sweep.workspace.folder, STUDY)
        trials = {number: found for number, found in runs.items() if number != STUDY_RUN}
        once = sum(len(found) == 1 for found in trials.values())
        ended = sum(bool(found[0].state and found[0].final) for found in trials.values())
        say(f"{name}: {len(trials)} trials, {once} of them once, {ended} with their end")
        try:
            assert_each_once(runs, dict.fromkeys(history, EPOCHS))
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
        if ended != len(history):
            wrong.append(f"{name}: {ended} of {len(history)} trials have their end")
    for sentence in wrong:
        say(f"  WRONG: {sentence}")
    return 1 if wrong else 0
