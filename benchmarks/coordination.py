"""Overhead of a sweep beside its trainings, and of its database writes beside plain Optuna's.

    python -m benchmarks.coordination [CONFIG] [--epochs N] [--trials N] [--filled N] [--paused N]

The first part runs a sweep of short trials (the quickstart's, two epochs each: about two seconds)
on real workers and takes for each trial the time from the end of the trial before it in the same
worker to its own end, less what the worker itself measured: asking, handing out, the way to and
fro, telling. Checkpoints are part of what the worker measures and are timed by themselves in the
second part. The third asks, reports 20 times and tells, in turn through our repository and with
plain Optuna on SQLite beside it, in studies that are filled with finished trials first, ours with
paused ones too where wanted; the sampler is random in both.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.trial import TrialState, create_trial

from benchmarks.opened_sweep import opened_sweep
from benchmarks.timed_executor import TimedExecutor
from fieldsharp.core.checkout import PROJECT
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.model.device import find_hardware
from fieldsharp.storage.database import open_database
from fieldsharp.storage.retry import BUSY_TIMEOUT_S
from fieldsharp.sweep.configuration.config_file import load_config, validate
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.space import distributions
from fieldsharp.sweep.engine.preflight import run_preflight
from fieldsharp.sweep.execution.gpus import worker_count
from fieldsharp.sweep.study.lookup import open_or_create_study
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.trial_records import PAUSED, TrialRecord, trial_record
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.checkpointing import TrialCheckpoints
from fieldsharp.sweep.trials.trial import Trial

QUICKSTART = PROJECT / "configs" / "quickstart.yaml"
REPORTS = 20
REPEATS = 15


@dataclass(frozen=True)
class SweepCost:
    """A sweep of short trials.

    Attributes:
        trial_s: Median length of a trial, as its worker measured it.
        beside: Share of the workers' time that was spent beside trials.
        coordinator_cpu: CPU time of the coordinator over the wall time.
    """

    trial_s: float
    beside: float
    coordinator_cpu: float


def sweep_cost(config: SweepConfig, folder: Path) -> tuple[SweepCost, TrialRecord]:
    """Run a sweep and return its overhead, with the record of one of its trials."""
    url = f"sqlite:///{folder / 'sweep.db'}"
    facts = run_preflight(config).facts
    executor = TimedExecutor(worker_count(config.workers, gpus=0))
    with opened_sweep(config, url, facts, executor) as (study, coordinator):
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            coordinator.run()
        finally:
            executor.close()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    record = next(r for trial in study.get_trials(deepcopy=False) if (r := trial_record(trial)))
    lengths = [seconds for _, seconds in executor.spans()]
    span = sum(since for since, _ in executor.spans())
    return SweepCost(statistics.median(lengths), 1 - sum(lengths) / span, cpu / wall), record


def checkpoint_share(config: SweepConfig, folder: Path) -> float:
    """Return the share of an epoch spent on writing its checkpoint."""
    data = load_forecast_data(config.data)
    trial = Trial(config.run, data, find_hardware(config.training))
    kept = TrialCheckpoints(folder / "trial", TrialSpec(number=0, run=config.run))
    kept.restore(trial)
    written: list[float] = []

    def write() -> None:
        began = time.perf_counter()
        kept.write(trial, 0.0)
        written.append(time.perf_counter() - began)

    began = time.perf_counter()
    epochs = len(list(trial.epochs(after_each=write)))
    return statistics.median(written) / ((time.perf_counter() - began) / epochs)


def book_keeping(
    config: SweepConfig, record: TrialRecord, filled: int, paused: int, folder: Path
) -> list[float]:
    """Return the median seconds of ask, reports and tell: ours, and plain Optuna's.

    Args:
        config: Of the sweep.
        record: What every trial comes to.
        filled: Finished trials in both studies.
        paused: Paused trials in ours.
        folder: For the databases.
    """
    tree = config.model_dump()
    tree["search"] |= {"sampler": "random", "presets": "baseline"}
    config = validate(tree, "the benchmark")
    url = f"sqlite:///{folder / 'book.db'}"
    facts = run_preflight(config).facts
    storage = open_database(url, "write", BUSY_TIMEOUT_S, sole_writer=True)
    study = open_or_create_study(storage, config, facts)
    repository = StudyRepository(study, config, url, facts)
    repository.prepare()
    space = distributions(config.search)
    repository.complete(repository.ask().number, record)
    theirs = optuna.create_study(
        storage=f"sqlite:///{folder / 'plain.db'}", sampler=optuna.samplers.RandomSampler()
    )
    model = repository.ask()
    repository.complete(model.number, record)
    done = study.get_trials(deepcopy=False)[-1]
    for one in (study, theirs):
        for _ in range(filled):
            one.add_trial(
                create_trial(
                    params=done.params,
                    distributions=done.distributions,
                    value=record.score,
                    user_attrs=done.user_attrs if one is study else {},
                    system_attrs=done.system_attrs if one is study else {},
                    intermediate_values=dict.fromkeys(range(REPORTS), record.score),
                )
            )
    for _ in range(paused):
        study.add_trial(
            create_trial(
                state=TrialState.WAITING,
                params=done.params,
                distributions=done.distributions,
                user_attrs={**done.user_attrs, PAUSED: 1},
                system_attrs=done.system_attrs,
                intermediate_values={0: record.score},
            )
        )

    def ours() -> None:
        spec = repository.ask()
        for epoch in range(REPORTS):
            repository.report(spec.number, epoch, record.score)
        repository.complete(spec.number, record)
        repository.make_durable()

    def plain() -> None:
        trial = theirs.ask(space)
        for epoch in range(REPORTS):
            trial.report(record.score, epoch)
        theirs.tell(trial, record.score)

    times: list[list[float]] = [[], []]
    for _ in range(REPEATS):
        for kept, act in zip(times, (ours, plain), strict=True):
            kept.append(_seconds(act))
    return [statistics.median(kept) for kept in times]


def _seconds(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("config", nargs="?", type=Path, default=QUICKSTART)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--filled", type=int, default=1000)
    parser.add_argument("--paused", type=int, default=0)
    given = parser.parse_args(arguments)
    changes = [f"training.epochs={given.epochs}", f"budget.trials={given.trials}"]
    config = load_config(
        given.config, [*changes, "budget.stop_on_nothing_to_fix=false", "search.pruner=none"]
    ).config
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cost, record = sweep_cost(config, folder)
        print(
            f"{given.trials} trials of {cost.trial_s:.2f} s: {cost.beside:.1%} of the workers' "
            f"time beside trials, coordinator at {cost.coordinator_cpu:.1%} of a core"
        )
        share = checkpoint_share(config, folder)
        print(f"a checkpoint: {share:.1%} of an epoch of {cost.trial_s / given.epochs:.2f} s")
        ours, plain = book_keeping(config, record, given.filled, given.paused, folder)
        print(
            f"ask + {REPORTS} reports + tell at {given.filled} trials and {given.paused} paused: "
            f"{1000 * ours:.0f} ms, plain "
            f"Optuna {1000 * plain:.0f} ms, ratio {ours / plain:.2f}"
        )


if __name__ == "__main__":
    main()
