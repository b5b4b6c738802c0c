"""The short and the long form: their sweeps, their length and their printed report."""

import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import median

from tests.chaos.companions import Companions
from tests.chaos.driver import Driver
from tests.chaos.faults.registry import (
    FAULTS,
    KILL_COORDINATOR,
    KILL_WORKER,
    LONG_LOCK,
    SHORT_LOCK,
    full_plan,
    kill_plan,
    short_plan,
)
from tests.chaos.live_sweep import LiveSweep
from tests.chaos.tally import Tally, say
from tests.chaos.verdict import checks, epochs_lost
from tests.chaos.workspace import make_workspace

KILLED_WORKERS, KILLED_COORDINATORS = 50, 10
PARTS = ("kills", "every")
SHOWN = 20


def short_form(folder: Path, seed: int) -> int:
    """Run the short form and return the exit code."""
    rng = Random(seed)
    workspace = make_workspace(folder / "short", seed=seed, trials=5, epochs=6, deadline_s=60.0)
    sweep, tally = LiveSweep(workspace, budget=5), Tally()
    try:
        Driver(sweep, rng, tally).run(short_plan(rng))
        return _report("a few faults", sweep, tally, compared=1)
    finally:
        sweep.clean_up()


def long_form(folder: Path, seed: int, limit_s: float, parts: Sequence[str]) -> int:
    """Run the sweeps of the long form and return the exit code."""
    codes = []
    if "kills" in parts:
        codes.append(_kills(folder, seed))
    if "every" in parts:
        codes.append(_everything(folder, seed, limit_s))
    return max(codes)


def _kills(folder: Path, seed: int) -> int:
    rng = Random(seed)
    workspace = make_workspace(folder / "kills", seed=seed, trials=60, epochs=8, deadline_s=60.0)
    sweep, tally = LiveSweep(workspace, budget=60), Tally()
    try:
        Driver(sweep, rng, tally).run(kill_plan(rng, KILLED_WORKERS, KILLED_COORDINATORS))
        return _report("kills", sweep, tally, compared=5)
    finally:
        sweep.clean_up()


def _everything(folder: Path, seed: int, limit_s: float) -> int:
    rng = Random(seed + 1)
    until = time.monotonic() + limit_s
    workspace = make_workspace(
        folder / "every", seed=seed + 1, trials=20, epochs=8, deadline_s=15.0
    )
    sweep, tally = LiveSweep(workspace, budget=20), Tally()
    driver = Driver(sweep, rng, tally)
    try:
        driver.inject(FAULTS[SHORT_LOCK])  # by then there is a study
        with Companions(sweep) as companions:
            for name in (KILL_WORKER, LONG_LOCK, KILL_COORDINATOR, SHORT_LOCK):
                driver.inject(FAULTS[name])
        driver.run(full_plan(rng, rounds=100), until)
        say(str(companions))
        return _report("every fault", sweep, tally, compared=5, more_wrong=companions.errors)
    finally:
        sweep.clean_up()


def _report(
    title: str, sweep: LiveSweep, tally: Tally, compared: int, more_wrong: tuple[str, ...] = ()
) -> int:
    """Print losses and checks of a sweep and return the exit code."""
    lost = epochs_lost(sweep, sweep.begun())
    minutes = (time.monotonic() - sweep.began) / 60.0
    say(
        f"\n{title}: {sweep.budget} trials of {sweep.workspace.epochs} epochs, "
        f"{minutes:.1f} minutes"
    )
    for line in tally.lines():
        say(line)
    for name, loss in tally.losses:
        say(f"  LOST, {name}: {loss}")
    wrong = list(more_wrong)
    for check in checks(sweep, compared):
        say(f"{check.name:<46} {'NO' if check.wrong else 'yes'}")
        wrong += check.wrong
    for sentence in list(dict.fromkeys(wrong))[:SHOWN]:
        say(f"  WRONG: {sentence}")
    say(
        f"epochs begun beyond those needed: {lost}, where {sweep.interrupted} may have "
        "been interrupted and "
        f"{sweep.retrained} more trained again after damage or a full disk"
    )
    times = sweep.exit_seconds
    if times:
        say(
            f"signal to exit: median {median(times):.1f} s, longest {max(times):.1f} s "
            f"({len(times)} stops)"
        )
    return 1 if wrong or tally.losses else 0
