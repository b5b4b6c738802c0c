"""Overhead of a trial beside its training, by its length and by the size of the study.

Ours is a whole sweep, coordinator and worker processes, whose workers sleep instead of training.
What a worker spends beside its trials lies between the end of a trial and that of the next, less
the trial itself: asking, handing out, the way to and fro, reports still to be written, telling.
Beside it stands plain Optuna on SQLite as it comes: ask, a report an epoch, tell, in one process
that sleeps as long. Both in turn, each figure the median of a turn, on studies of the quickstart;
what a checkpoint costs is not in it, since a worker counts that as part of the trial
(``benchmarks.coordination`` measures it).
"""

import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, median

import torch

from benchmarks.filled_studies import PlainStudy, SleepingStudy
from benchmarks.measurement import Measurement
from benchmarks.sleeping_worker import Pretence, pretence, serve_sleeping
from benchmarks.timed_executor import TimedExecutor
from fieldsharp.core.checkout import PROJECT
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.model.device import find_hardware
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.preflight import run_preflight
from fieldsharp.sweep.trials.trial import Trial

PART = "overhead"
QUICKSTART = PROJECT / "configs" / "quickstart.yaml"
WORKERS = 2
SAMPLERS = ("tpe", "random")
BESIDE = "plain Optuna, SQLite"
Spans = list[tuple[float, float]]
"""See ``TimedExecutor.spans``."""


@dataclass(frozen=True)
class Plan:
    """Sizes of the measurement.

    Attributes:
        lengths: Seconds of a trial, and how many trials of ours are run at a time.
        rounds: How often the two take turns.
        filled: Trials in the studies that are compared.
        filled_s: Seconds of a trial there.
        at_a_time: Trials of ours in each round there.
    """

    lengths: tuple[tuple[float, int], ...] = ((0.1, 12), (1.0, 4), (2.0, 6), (10.0, 4))
    rounds: int = 3
    filled: tuple[int, ...] = (100, 1000, 5000)
    filled_s: float = 0.3
    at_a_time: int = 8


COPIED = 4
"""Trials that are copied to fill a study; the baseline is not."""
LONG_S = 5.0
"""Trials of this length are measured in one turn only."""
SHORT = Plan(lengths=((0.1, 4),), rounds=1, filled=(6, 12), filled_s=0.1, at_a_time=4)
AIM_LENGTH_S = 2.0
AIM_SHARE = 1.03
AIM_GROWTH = 1.3


def measure(*, short: bool = False, config: Path = QUICKSTART) -> list[Measurement]:
    """Return the lines of this part.

    Args:
        short: Whether a few short trials are enough.
        config: Of the sweep.
    """
    plan = SHORT if short else Plan()
    changes = ["training.epochs=12", "search.presets=baseline", "search.pruner=none"]
    changes += ["budget.stop_on_nothing_to_fix=false", f"workers.count={WORKERS}"]
    settings = load_config(config, changes).config
    told = pretence(trained(settings), 0.0)
    return _by_length(settings, told, plan) + _by_trials(settings, told, plan)


def trained(config: SweepConfig) -> Trial:
    """Return a trial of one epoch."""
    training = config.training.model_copy(update={"epochs": 1})
    run = config.run.model_copy(update={"training": training})
    hardware = find_hardware(training)
    threads = torch.get_num_threads()
    torch.set_num_threads(training.threads)
    try:
        trial = Trial(run, load_forecast_data(run.data, hardware.device), hardware)
        for _ in trial.epochs():
            pass
    finally:
        torch.set_num_threads(threads)
    return trial


def _executor(told: Pretence, seconds: float) -> TimedExecutor:
    length = Pretence(seconds, told.report, told.sample)
    return TimedExecutor(WORKERS, partial(serve_sleeping, length))


def _by_length(config: SweepConfig, told: Pretence, plan: Plan) -> list[Measurement]:
    lines = []
    facts = run_preflight(config).facts
    for seconds, at_a_time in plan.lengths:
        with tempfile.TemporaryDirectory() as folder, closing(_executor(told, seconds)) as executor:
            ours = SleepingStudy(config, facts, Path(folder))
            plain = PlainStudy(config, Path(folder))
            spans: list[Spans] = []
            beside: list[float] = []
            for _ in range(1 if seconds > LONG_S else plan.rounds):
                spans.append(ours.run(executor, at_a_time))
                beside.append(median(plain.run(max(1, at_a_time // WORKERS), seconds)))
        lines += _lines_of_length(seconds, spans, beside)
    return lines


def _lines_of_length(
    seconds: float, spans: Sequence[Spans], beside: Sequence[float]
) -> list[Measurement]:
    overhead = Measurement(
        part=PART,
        what=f"beside a trial of {seconds:g} s",
        ours=f"sweep, {WORKERS} workers",
        beside=BESIDE,
        unit="ms",
        ours_values=[1000 * _between(turn) for turn in spans],
        beside_values=[1000 * value for value in beside],
        details={"each_ms": [[1000 * (whole - trial) for whole, trial in t] for t in spans]},
    )
    share = Measurement(
        part=PART,
        what=f"a worker's time, trials of {seconds:g} s",
        ours="with what lies between",
        beside="trials alone",
        unit="s",
        ours_values=[fmean(whole for whole, _ in turn) for turn in spans],
        beside_values=[fmean(trial for _, trial in turn) for turn in spans],
        aim=AIM_SHARE if seconds == AIM_LENGTH_S else None,
    )
    return [overhead, share]


def _between(spans: Spans) -> float:
    """Return the median time between two trials of a worker, in seconds."""
    return median(whole - trial for whole, trial in spans)


def _by_trials(config: SweepConfig, told: Pretence, plan: Plan) -> list[Measurement]:
    lines = []
    facts = run_preflight(config).facts
    with tempfile.TemporaryDirectory() as name, closing(_executor(told, plan.filled_s)) as executor:
        for sampler in SAMPLERS:
            search = config.search.model_copy(update={"sampler": sampler})
            sampled = config.model_copy(update={"search": search})
            studies: dict[int, tuple[SleepingStudy, PlainStudy]] = {}
            for filled in plan.filled:
                folder = Path(name) / f"{sampler}-{filled}"
                folder.mkdir()
                ours, plain = SleepingStudy(sampled, facts, folder), PlainStudy(sampled, folder)
                ours.run(executor, COPIED + 1)
                plain.run(COPIED + 1, 0.0)
                ours.fill(filled)
                plain.fill(filled)
                studies[filled] = ours, plain
            found: dict[int, tuple[list[float], list[float]]] = {n: ([], []) for n in studies}
            for _ in range(plan.rounds):
                for filled, (ours, plain) in studies.items():
                    spans = ours.run(executor, plan.at_a_time)
                    found[filled][0].append(_between(spans))
                    # As with ours, what the first one of a turn has to read is left out.
                    taken = plain.run(plan.at_a_time - WORKERS + 1, 0.0)[1:]
                    found[filled][1].append(median(taken))
            lines += _lines_of_trials(sampler, found)
    return lines


def _lines_of_trials(
    sampler: str, found: dict[int, tuple[list[float], list[float]]]
) -> list[Measurement]:
    lines = [
        Measurement(
            part=PART,
            what=f"a trial among {filled:,}, {sampler}",
            ours=f"sweep, {WORKERS} workers",
            beside=BESIDE,
            unit="ms",
            ours_values=[1000 * value for value in ours],
            beside_values=[1000 * value for value in plain],
        )
        for filled, (ours, plain) in found.items()
    ]
    few, many = min(found), max(found)
    for index, name in enumerate((f"sweep, {WORKERS} workers", BESIDE)):
        lines.append(
            Measurement(
                part=PART,
                what=f"growth from {few:,} to {many:,}, {sampler}: {name}",
                ours=f"among {many:,}",
                beside=f"among {few:,}",
                unit="ms",
                ours_values=[1000 * value for value in found[many][index]],
                beside_values=[1000 * value for value in found[few][index]],
                aim=None if index else AIM_GROWTH,
                details={"milliseconds_more": 1000 * _more(found, few, many, index)},
            )
        )
    return lines


def _more(
    found: dict[int, tuple[list[float], list[float]]], few: int, many: int, index: int
) -> float:
    return median(found[many][index]) - median(found[few][index])
