"""Trials of 0.2 s on eight slots, here and on a Ray cluster: ``python -m benchmarks.ray_overhead``.

Trials sleep (``benchmarks.sleeping_worker``), so that slots may be more than there are cores; all
around them is real: processes or actors, messages to and fro, and for whole sweeps the coordinator
with its database. Beside them stand bare Ray tasks that sleep as long and return a number: handed
out as slots become free, as a search must, and all at once, the most that Ray can do. The cluster
is Ray's own test utility on loopback with a token: a head and two nodes of eight CPUs that are
numbers only, one for the actors, which keep theirs, and one for the tasks. Each in turn, round by
round.

What a trial holds its slot beyond its length is the overhead (``Pace.slot_s``); trials a second are
those of eight slots that are never without one.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache, partial
from itertools import count, islice
from pathlib import Path
from statistics import fmean, median
from typing import Any

import optuna

from benchmarks.machine import machine, versions
from benchmarks.opened_sweep import opened_sweep
from benchmarks.overhead import QUICKSTART, trained
from benchmarks.sleeping_worker import Pretence, length_s, pretence, serve_sleeping
from benchmarks.timed_executor import Pace, PacedExecutor
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.preflight import run_preflight
from fieldsharp.sweep.execution.executor import Executor
from fieldsharp.sweep.execution.factory import executor_plan
from fieldsharp.sweep.execution.local.executor import LocalExecutor
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.trial_spec import TrialSpec
from tests.ray_nodes import NO_RAY, ray_is_there, ray_nodes

SLOTS = 8
SECONDS = 0.2
POLL_S = 0.1
EPOCHS = 2
CHANGES = (
    "search.presets=baseline",
    "search.pruner=none",
    "search.sampler=random",
    "budget.stop_on_nothing_to_fix=false",
    "recovery.free_space_mb=0",
    f"training.epochs={EPOCHS}",
    f"workers.count={SLOTS}",
    "plugins=[benchmarks]",  # sent to the nodes with the rest of the code
)
Run = Callable[[int], Pace]
"""From how many trials to how they went by."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each way's trials a second and overhead, medians of some rounds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=120, help="in each run (120)")
    parser.add_argument("--rounds", type=int, default=7, help="how often they take turns (7)")
    asked = parser.parse_args(arguments)
    if not ray_is_there():
        print(f"skipped: {NO_RAY}")
        return 0
    config = load_config(QUICKSTART, CHANGES).config
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    told = pretence(trained(config), SECONDS)
    with (
        ray_nodes(SLOTS, SLOTS) as nodes,
        tempfile.TemporaryDirectory() as folder,
        closing(LocalExecutor(SLOTS, partial(serve_sleeping, told))) as local,
    ):
        os.environ.update(nodes.environment)  # before Ray is loaded, which reads it once
        with closing(_on_ray(config, told, Path(folder))) as cluster:
            ways = _ways(config, PacedExecutor(local), PacedExecutor(cluster), Path(folder))
            for run in ways.values():
                run(2 * SLOTS)  # workers load torch, tasks find their processes
            found: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(asked.rounds):
                for name, run in ways.items():
                    found[name].append(_overhead_s(run(asked.trials)))
    _print(found, asked.trials, asked.rounds)
    return 0


def _on_ray(config: SweepConfig, told: Pretence, folder: Path) -> Executor:
    """Return the executor of a cluster, once all of its workers are there."""
    asked = config.model_copy(update={"executor": "ray"})
    machines = executor_plan(asked)
    from benchmarks.sleeping_actor import sleeping_actors

    with sleeping_actors(told):
        executor = machines.executor(folder)
    while executor.free_slots < SLOTS:
        executor.poll(POLL_S)
    return executor


def _ways(
    config: SweepConfig, local: PacedExecutor, cluster: PacedExecutor, folder: Path
) -> dict[str, Run]:
    facts, numbers = run_preflight(config).facts, count()
    return {
        "bare Ray tasks, all at once": lambda trials: _tasks(trials, trials),
        "bare Ray tasks, as slots are free": partial(_tasks, SLOTS),
        "local, executor alone": partial(_handed_out, config, local, numbers),
        "Ray, executor alone": partial(_handed_out, config, cluster, numbers),
        "local, whole sweep": partial(_swept, config, facts, local, folder, numbers),
        "Ray, whole sweep": partial(_swept, config, facts, cluster, folder, numbers),
    }


def _tasks(at_a_time: int, trials: int) -> Pace:
    """Run bare tasks, so many of them in Ray's hands."""
    import ray

    pace, numbers = Pace(), iter(range(trials))
    waiting: list[Any] = []
    while len(pace.ends) < trials:
        for number in islice(numbers, at_a_time - len(waiting)):
            pace.begin(number)
            waiting.append(_task().remote(length_s(SECONDS, number)))
        done, waiting = ray.wait(waiting)
        ray.get(done)
        pace.end()
    return pace


@cache
def _task() -> Any:
    import ray

    @ray.remote(num_cpus=1)  # type: ignore[untyped-decorator]
    def sleep(length: float) -> float:
        time.sleep(length)
        return length

    return sleep


def _handed_out(
    config: SweepConfig, executor: PacedExecutor, numbers: "count[int]", trials: int
) -> Pace:
    """Run trials as a coordinator that has nothing else to do."""
    executor.pace = pace = Pace()
    while len(pace.ends) < trials:
        while len(pace.numbers) < trials and executor.free_slots:
            executor.submit(TrialSpec(number=next(numbers), run=config.run))
        executor.poll(POLL_S)
    return pace


def _swept(
    config: SweepConfig,
    facts: DataSummary,
    executor: PacedExecutor,
    folder: Path,
    numbers: "count[int]",
    trials: int,
) -> Pace:
    """Run a sweep in a database of its own."""
    executor.pace = Pace()
    url = f"sqlite:///{folder / f'{next(numbers)}.db'}"
    budget = config.budget.model_copy(update={"trials": trials})
    config = config.model_copy(update={"budget": budget})
    with opened_sweep(config, url, facts, executor) as (_, coordinator):
        coordinator.run()
    return executor.pace


def _overhead_s(pace: Pace) -> float:
    """Return how long a slot is held beyond the length of a trial, on average."""
    return pace.slot_s(SLOTS) - fmean(length_s(SECONDS, number) for number in pace.numbers)


def _print(found: dict[str, list[float]], trials: int, rounds: int) -> None:
    print(f"{trials} trials of {SECONDS:g} s a run, {SLOTS} slots, medians of {rounds} runs")
    print(f"{'way':<35}{'trials/s':>8}   overhead a trial, least to most")
    print(f"{'ideal':<35}{SLOTS / SECONDS:>8.1f}   0 ms")
    for name, seconds in found.items():
        rate = SLOTS / (SECONDS + median(seconds))
        least, middle, most = (1000 * f(seconds) for f in (min, median, max))
        print(f"{name:<35}{rate:>8.1f}   {middle:.0f} ms ({least:.0f} to {most:.0f})")
    print(machine(), versions())


if __name__ == "__main__":
    raise SystemExit(main())
