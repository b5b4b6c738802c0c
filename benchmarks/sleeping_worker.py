"""A worker that sleeps instead of training; all else is as in a sweep.

The time beyond the sleep is the overhead of a trial, measurable for any length.
"""

import dataclasses
import math
import time
from base64 import b64encode
from collections.abc import Collection
from multiprocessing.connection import Connection
from pathlib import Path

from fieldsharp.model.device import find_hardware
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.sweep.execution.local.worker import Worker
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.trial_events import EpochDone, TrialBegan, TrialDone, TrialEvent
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.preview_builder import PreviewBuilder
from fieldsharp.sweep.trials.trial import Trial

GOLDEN = (math.sqrt(5) - 1) / 2
SPREAD = 0.2
"""Relative spread of trial lengths: workers in step would all wait for the coordinator."""


@dataclasses.dataclass(frozen=True)
class Pretence:
    """Results that a sleeping trial reports.

    Attributes:
        seconds: Mean length of a trial.
        report: After every epoch.
        sample: Preview data for pictures, as text.
    """

    seconds: float
    report: EpochReport
    sample: str


def pretence(trial: Trial, seconds: float) -> Pretence:
    """Return the results of a trained trial."""
    sample = PreviewBuilder(trial.evaluator.data, "validation").forecast(trial.predictor).to_bytes()
    return Pretence(seconds, trial.reports[-1], b64encode(sample).decode())


def length_s(mean_s: float, number: int) -> float:
    """Return the length of a trial, within a fifth of the mean."""
    return mean_s * (1 + SPREAD * (2 * _spread(number) - 1))


class SleepingWorker(Worker):
    """Reports epochs without training them."""

    def __init__(self, pretence: Pretence, pipe: Connection) -> None:
        super().__init__(pipe)
        self._pretence = pretence

    def _train(self, spec: TrialSpec, folder: Path | None) -> TrialEvent:  # noqa: ARG002
        started = time.perf_counter()
        number, attempt, told = spec.number, spec.attempt, self._pretence
        hardware = find_hardware(spec.run.training)
        self.pipe.send(TrialBegan(number, attempt, 0))
        epochs = spec.run.training.epochs
        each_s = length_s(told.seconds, number) / epochs
        of_trial = report_of(told.report, number)
        for epoch in range(epochs):
            # By the clock: sending a message is part of the epoch, as in a training.
            time.sleep(max(0.0, started + (epoch + 1) * each_s - time.perf_counter()))
            report = dataclasses.replace(of_trial, epoch=epoch, seconds=each_s)
            self.pipe.send(EpochDone(number, attempt, report))
        seconds = time.perf_counter() - started
        device, precision = str(hardware.device), "float32"
        return TrialDone(number, attempt, seconds, 100.0, device, precision, told.sample)


def serve_sleeping(
    pretence: Pretence,
    pipe: Connection,
    gpu: str | None,  # noqa: ARG001 - one sleeps as well on any
    coordinator_pid: int,
) -> None:
    """Entry of the worker process."""
    from fieldsharp.sweep.execution.local.entrypoint import end_with_parent

    end_with_parent(coordinator_pid)
    SleepingWorker(pretence, pipe).serve()


def report_of(report: EpochReport, number: int) -> EpochReport:
    """Return a report as of a trial; trials differ, so that a sampler has something to learn.

    Under a sharpener they differ in the error alone: none reaches the targets that the others miss.
    """
    factor = 1 + 0.1 * _spread(number)
    return dataclasses.replace(
        report,
        judgement=_scaled(report.judgement, factor, ("gradient", "rmse")),
        sharpened={n: _scaled(one, factor, ("rmse",)) for n, one in report.sharpened.items()},
    )


def _scaled(values: MetricValues, factor: float, names: Collection[str]) -> MetricValues:
    overall = {name: v * factor if name in names else v for name, v in values.overall.items()}
    return values.model_copy(update={"overall": overall})


def _spread(number: int) -> float:
    """Return a number between 0 and 1, spread evenly over trial numbers."""
    return number * GOLDEN % 1
