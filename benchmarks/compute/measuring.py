"""Runs the searches of every method and seed, and compares their medians."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from benchmarks.compute import ray_search
from benchmarks.compute.account import SearchRun
from benchmarks.compute.methods import OTHERS, OURS, OWN_SETTINGS, Job, run
from benchmarks.measurement import Measurement
from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.config_file import load_config

METHODS = (OURS, *OTHERS, *(name for name in OWN_SETTINGS if name != OURS))
PLAIN = "plain"
AIMS = {PLAIN: 1 / 3, "random": 1 / 4}
NO_RAY = "Ray Tune is not installed and was left out (requirements-bench.txt)"
CAP = 30.0
"""Limit of full trainings for studies without a goal below."""
FIRST = "random"
"""Run with all seeds before the others: the same seed draws the same first trials in most of them,
which are then known to their end."""


@dataclass(frozen=True)
class Goal:
    """Target scores and limit on one data set.

    Attributes:
        targets: Scores, the hardest first: at that a search ends, the others are read off.
        cap: Full trainings a search may spend.
    """

    targets: tuple[float, ...]
    cap: float


GOALS = {"quickstart": Goal((0.03, 0.06), 30.0), "plumes": Goal((0.1, 0.16), 30.0)}
"""By study, from random configurations trained to their end. Of 41 on the quickstart 2 reach the
first score and 4 the second: some 14 and 7 trials of random search in the median. Of 93 on the
simulator 3 reach the first: two of five random searches had not found one after 30 trials. The
second they reached after 6 to 17."""
Say = Callable[[str], None]


def measure(
    config: Path,
    seeds: Sequence[int] = range(5),
    *,
    overrides: Sequence[str] = (),
    targets: Sequence[float] | None = None,
    cap: float | None = None,
    methods: Sequence[str] = METHODS,
    workers: int | None = None,
    cache: Path | None = None,
    say: Say = lambda _: None,
) -> list[Measurement]:
    """Return passes to a target: the service beside every other method, and its other settings.

    Args:
        config: The sweep's file.
        seeds: Of the samplers.
        overrides: Settings in place of those in the file.
        targets: Scores in place of those that are fixed for the study.
        cap: Full trainings a search may spend, in place of what is fixed for the study.
        methods: Names of what is run; without Ray its rows are left out.
        workers: Searches at a time; None takes one for each core, 0 runs them in this process.
        cache: Folder of trainings, kept; None takes one for this call alone.
        say: Called with a line for each search that ended.
    """
    study = load_config(config, overrides).config.study
    goal = _goal(study, targets, cap)
    wanted = [name for name in METHODS if name in methods]
    missing = "ray" in wanted and not ray_search.is_installed()
    if missing:
        wanted.remove("ray")
        say(f"{study}: {NO_RAY}")
    ordered = sorted(product(seeds, wanted), key=lambda pair: pair[1] != FIRST)
    with tempfile.TemporaryDirectory(prefix="trainings-") as temporary:
        folder = cache or Path(temporary)
        jobs = [
            Job(name, seed, config, tuple(overrides), goal.targets[0], goal.cap, folder)
            for seed, name in ordered
        ]
        found = _run_all(
            jobs, os.cpu_count() or 1 if workers is None else workers, study, goal, say
        )
    return compared(study, found, goal, NO_RAY if missing else "")


def _goal(study: str, targets: Sequence[float] | None, cap: float | None) -> Goal:
    """Return the goal of a study.

    Raises:
        ConfigError: If nothing is fixed for this study and nothing is given.
    """
    fixed = GOALS.get(study)
    if targets is None and fixed is None:
        raise ConfigError(
            f"no score to reach is fixed for the study {study!r}, only for {', '.join(GOALS)}; "
            "give --targets"
        )
    goals = tuple(sorted(targets)) if targets is not None else fixed.targets if fixed else ()
    return Goal(goals, cap if cap is not None else fixed.cap if fixed else CAP)


def _run_all(
    jobs: Sequence[Job], workers: int, study: str, goal: Goal, say: Say
) -> list[SearchRun]:
    found: list[SearchRun] = []
    began = time.perf_counter()
    for one in _as_they_end(jobs, workers):
        found.append(one)
        reached = ", ".join(
            f"{score:g} after {one.passes_to(score) or 'no'} passes" for score in goal.targets
        )
        say(
            f"{study}, {one.method}, seed {one.seed}: {reached}; {one.passes} in all, best "
            f"{one.trajectory[-1][1] if one.trajectory else float('nan'):.4f}, "
            f"{len(one.epochs)} trials, {len(one.full)} of them full ({one.seconds:.0f} s; "
            f"{len(found)} of {len(jobs)} searches in {time.perf_counter() - began:.0f} s)"
        )
    return sorted(found, key=lambda one: (one.method, one.seed))


def _as_they_end(jobs: Sequence[Job], workers: int) -> Iterator[SearchRun]:
    if workers == 0:
        yield from map(run, jobs)
        return
    # Each in a process of its own: torch's threads and Ray's settings are a process's.
    with ProcessPoolExecutor(workers, get_context("spawn"), max_tasks_per_child=1) as pool:
        for future in as_completed([pool.submit(run, job) for job in jobs]):
            yield future.result()


def compared(
    study: str, runs: Sequence[SearchRun], goal: Goal, note: str = ""
) -> list[Measurement]:
    """Compare the service with every method at every target, its settings with the plain script.

    Args:
        study: Name of the study.
        runs: All searches.
        goal: Targets and limit.
        note: Added to the first line.

    Returns:
        The details of the first row hold every search, from which others can be made.
    """
    by_method: dict[str, list[SearchRun]] = {}
    for one in runs:
        by_method.setdefault(one.method, []).append(one)
    pairs = [
        (ours, other, target)
        for target, (ours, other) in product(goal.targets, product(OWN_SETTINGS, OTHERS))
        if ours in by_method
        and other in by_method
        and (ours == OURS or (other == PLAIN and target == goal.targets[0]))
    ]
    rows = [
        _row(study, by_method[ours], by_method[other], target, goal)
        for ours, other, target in pairs
    ]
    if rows:
        searches = [one.as_json() for one in runs]
        notes = "; ".join(filter(None, (rows[0].note, note)))
        details = {**rows[0].details, "searches": searches}
        rows[0] = replace(rows[0], note=notes, details=details)
    return rows


def _row(
    study: str, ours: Sequence[SearchRun], beside: Sequence[SearchRun], target: float, goal: Goal
) -> Measurement:
    other = beside[0].method
    is_main = ours[0].method == OURS and target == goal.targets[0]
    return Measurement(
        part="compute",
        what=f"{study} to {target:g}",
        ours=ours[0].method,
        beside=OTHERS[other],
        unit="sample passes",
        ours_values=[_spent(one, target) for one in ours],
        beside_values=[_spent(one, target) for one in beside],
        aim=AIMS.get(other) if is_main else None,
        note=_note(ours, beside, target, goal.cap),
        details={"target": target, "cap_full_trainings": goal.cap},
    )


def _spent(one: SearchRun, target: float) -> int:
    """Return the passes until the target, or in all."""
    reached = one.passes_to(target)
    return one.passes if reached is None else reached


def _note(ours: Sequence[SearchRun], beside: Sequence[SearchRun], target: float, cap: float) -> str:
    """Return a note on searches that did not reach the target, "" if all did."""
    missed, bounds = [], []
    for which, runs, bound in (("ours", ours, "at least"), ("the other", beside, "at most")):
        spent = [one.passes for one in runs if one.passes_to(target) is None]
        if spent:
            missed.append(f"{which} not reached in {len(spent)} of {len(runs)}")
            if median(_spent(one, target) for one in runs) >= min(spent):
                bounds.append(bound)
    if not missed:
        return ""
    said = f"{'; '.join(missed)} (counted as what was spent, up to {cap:g} full trainings)"
    if len(bounds) == 2:
        return f"{said}: neither median is known, nor the ratio"
    return f"{said}: the ratio is {bounds[0]} this" if bounds else said
