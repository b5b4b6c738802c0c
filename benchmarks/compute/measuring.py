"""Searches of every method with every seed, and their medians beside each other."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.compute import ray_search
from benchmarks.compute.account import SearchRun
from benchmarks.compute.methods import OTHERS, OURS, OWN_SETTINGS, Job, run
from benchmarks.measurement import Measurement
from sweep.configuration.config_file import load_config

METHODS = (OURS, *OTHERS, *(name for name in OWN_SETTINGS if name != OURS))
AIMS = {"plain": 1 / 3, "random": 1 / 4}
TARGETS: dict[str, tuple[float, ...]] = {"quickstart": (0.03, 0.06), "plumes": (0.05, 0.1)}
"""By study, the hardest first."""
CAP = 30.0
Say = Callable[[str], None]


def measure(
    config: Path,
    seeds: Sequence[int] = range(5),
    *,
    overrides: Sequence[str] = (),
    targets: Sequence[float] | None = None,
    cap: float = CAP,
    methods: Sequence[str] = METHODS,
    workers: int | None = None,
    cache: Path | None = None,
    say: Say = lambda _: None,
) -> list[Measurement]:
    """Return compute to a target, ours beside every other method, the others' settings too.

    Args:
        config: The sweep's file.
        seeds: Of the samplers.
        overrides: Settings in place of those in the file.
        targets: Scores; searches end at the least, the others are read off. None takes those that
            are fixed for the study.
        cap: Full trainings at which a search is ended in any case.
        methods: Names of what is run; without Ray its rows are left out.
        workers: Searches at a time; None takes one for each core, 0 runs them in this process.
        cache: Folder of trainings, kept; None takes one for this call alone.
        say: Is told of each search that ended.
    """
    study = load_config(config, overrides).config.study
    goals = sorted(TARGETS[study] if targets is None else targets)
    wanted = [name for name in methods if name != "ray" or ray_search.is_installed()]
    for name in set(methods) - set(wanted):
        say(
            f"{study}: {OTHERS[name]} is left out, since Ray is not installed; install "
            "requirements-bench.txt for its rows"
        )
    with tempfile.TemporaryDirectory(prefix="trainings-") as temporary:
        jobs = [
            Job(name, seed, config, tuple(overrides), goals[0], cap, cache or Path(temporary))
            for seed in seeds
            for name in wanted
        ]
        runs = _run_all(
            jobs, os.cpu_count() or 1 if workers is None else workers, study, goals, say
        )
    return list(compared(study, runs, goals, cap))


def _run_all(
    jobs: Sequence[Job], workers: int, study: str, goals: Sequence[float], say: Say
) -> list[SearchRun]:
    found: list[SearchRun] = []
    began = time.perf_counter()
    for one in _as_they_end(jobs, workers):
        found.append(one)
        reached = ", ".join(
            f"{goal:g} after {one.passes_to(goal) or 'no'} passes" for goal in goals
        )
        say(
            f"{study}, {one.method}, seed {one.seed}: {reached}; {one.passes} in all, "
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
    study: str, runs: Sequence[SearchRun], goals: Sequence[float], cap: float
) -> Iterator[Measurement]:
    """Yield ours, in each of its settings, beside every other at every target."""
    by_method: dict[str, list[SearchRun]] = {}
    for one in runs:
        by_method.setdefault(one.method, []).append(one)
    own = [name for name in OWN_SETTINGS if name in by_method]
    for goal in goals:
        for ours in own:
            for other in OTHERS:
                if other in by_method:
                    yield _measurement(study, by_method[ours], by_method[other], goal, cap)


def _measurement(
    study: str, ours: Sequence[SearchRun], beside: Sequence[SearchRun], goal: float, cap: float
) -> Measurement:
    other = beside[0].method
    return Measurement(
        part="compute",
        what=f"{study} to {goal:g}",
        ours=ours[0].method,
        beside=OTHERS[other],
        unit="sample passes",
        ours_values=[_spent(one, goal) for one in ours],
        beside_values=[_spent(one, goal) for one in beside],
        aim=AIMS.get(other),
        note=_note(ours, beside, goal, cap),
        details={
            "target": goal,
            "cap_full_trainings": cap,
            "ours_runs": [one.as_json() for one in ours],
            "beside_runs": [one.as_json() for one in beside],
        },
    )


def _spent(one: SearchRun, goal: float) -> int:
    """Return what a search spent until the target, or in all."""
    reached = one.passes_to(goal)
    return one.passes if reached is None else reached


def _note(ours: Sequence[SearchRun], beside: Sequence[SearchRun], goal: float, cap: float) -> str:
    parts = []
    bounds = []
    for which, runs, bound in (("ours", ours, "at least"), ("the other", beside, "at most")):
        missed = [one for one in runs if one.passes_to(goal) is None]
        if missed:
            parts.append(f"{which} not reached in {len(missed)} of {len(runs)}")
        if missed and median(_spent(one, goal) for one in runs) >= min(o.passes for o in missed):
            bounds.append(bound)
    if not parts:
        return ""
    spent = f"{'; '.join(parts)} (counted as what was spent, up to {cap:g} full trainings)"
    if len(bounds) == 1:
        return f"{spent}: the ratio is {bounds[0]} this"
    return f"{spent}: neither median is known, nor the ratio" if bounds else spent


def trajectories(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Return each search once, by study, method and seed."""
    found: dict[str, Any] = {}
    for one in measurements:
        study = one.what.partition(" to ")[0]
        for run_ in (*one.details["ours_runs"], *one.details["beside_runs"]):
            found[f"{study}, {run_['method']}, {run_['seed']}"] = run_
    return found
