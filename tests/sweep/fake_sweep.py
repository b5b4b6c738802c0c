"""A scripted executor and clock, over a real repository on SQLite.

Targets: gradient 3.0 to 3.3; peak 140 to 150 above a mean of 40.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from optuna.trial import FrozenTrial

from fieldsharp.model.epoch_losses import EpochLosses
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.targets import Band, Targets
from fieldsharp.storage.database import open_database
from fieldsharp.storage.retry import DatabaseRetry
from fieldsharp.sweep.configuration.execution import seconds
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.coordinator import Coordinator
from fieldsharp.sweep.monitoring.progress import SilentProgress
from fieldsharp.sweep.study.data_summary import BandSummary, DataSummary
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import open_or_create_study, study_identity
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.trial_events import (
    Cause,
    EpochDone,
    RungReached,
    TrialCancelled,
    TrialDone,
    TrialEvent,
    TrialFailed,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec

SPACE = {
    "gradient_weight": {"low": 0.01, "high": 1.0, "log": True},
    "loss_variant": {"choices": ["sobel", "laplacian"]},
}
TARGETS = Targets(gradient=Band(3.0, 3.3), peak=Band(140.0, 150.0, offset=40.0))
Metrics = dict[str, float]


def metrics_of(gradient: float = 3.1, peak: float = 145.0, rmse: float = 10.0) -> Metrics:
    return {
        "gradient": gradient,
        "peak": peak,
        "rmse": rmse,
        "rmse_climatology": 100.0,
        "power_small": 0.0,
        "power_middle": 0.0,
        "power_large": 0.0,
        "roughness": 0.0,
        "forward_sobel": 1.5,
        "forward_sobel_observed": 1.5,
        "gradient_correlation": 0.7,
        "anomaly_correlation": 0.9,
        "mae": 0.7 * rmse,
        "std_ratio": 0.9,
        "region_std_ratio": 0.9,
        "change_ratio": 0.8,
        "skill_persistence": 0.1,
    }


def report_of(epoch: int, metrics: Metrics) -> EpochReport:
    by_lead = {name: [value] for name, value in metrics.items()}
    judgement = MetricValues(overall=metrics, by_lead=by_lead)
    return EpochReport(epoch, EpochLosses(epoch, 0.1, 0.1, 0.0, 0.0), judgement, seconds=1.0)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class FakeExecutor:
    """Every poll takes each trial an epoch further; the last one also ends it.

    A trial that reached a rung goes on from there when it is submitted again, and tells its
    earlier epochs once more.

    Args:
        slots: Trials at a time.
        metrics: What a trial has, by number and epoch; 3.1, 145 and 10 where nothing is said.
        asleep: For a trial, the poll before which nothing is heard of it.
        failing: Reason of the trials that fail at their first poll.
        deaf: Trials that do not hear a cancel.
    """

    def __init__(
        self,
        slots: int = 1,
        metrics: Mapping[tuple[int, int], Metrics] | None = None,
        asleep: Mapping[int, int] | None = None,
        failing: Mapping[int, str] | None = None,
        deaf: frozenset[int] = frozenset(),
    ) -> None:
        self.slots = slots
        self.metrics = metrics or {}
        self.asleep = asleep or {}
        self.failing = failing or {}
        self.deaf = deaf
        self.cause: Cause = "training"
        self.on_poll: Callable[[int], None] = lambda _poll: None
        self.extra: list[TrialEvent] = []
        self.submitted: list[TrialSpec] = []
        self.cancelled: list[int] = []
        self.paused: list[int] = []
        self.killed: list[int] = []
        self.polls = 0
        self.trained: list[tuple[int, int]] = []
        self._at: dict[int, tuple[TrialSpec, int]] = {}
        self._checkpoints: dict[int, int] = {}

    @property
    def free_slots(self) -> int:
        return self.slots - len(self._at)

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        assert self.free_slots > 0
        self.submitted.append(spec)
        self._at[spec.number] = (spec, self._checkpoints.get(spec.number, 0))

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)

    def pause(self, number: int) -> None:
        self.paused.append(number)

    def kill(self, number: int) -> None:
        self.killed.append(number)
        self._at.pop(number, None)

    def close(self) -> None:
        pass

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        self.on_poll(self.polls)
        events, self.extra = self.extra, []
        for number, (spec, epoch) in list(self._at.items()):
            if self.polls >= self.asleep.get(number, 0):
                events += self._advance(spec, epoch)
        self.polls += 1
        return events

    def _report(self, number: int, epoch: int) -> EpochReport:
        return report_of(epoch, self.metrics.get((number, epoch), metrics_of()))

    def _advance(self, spec: TrialSpec, epoch: int) -> list[TrialEvent]:
        number, attempt = spec.number, spec.attempt
        if number in self.failing:
            del self._at[number]
            return [TrialFailed(number, attempt, self.failing[number], self.cause)]
        if number in self.cancelled and number not in self.deaf:
            del self._at[number]
            return [TrialCancelled(number, attempt)]
        if number in self.paused and number not in self.deaf:
            del self._at[number]
            self.paused.remove(number)
            return [TrialCancelled(number, attempt)]
        if spec.until is not None and epoch >= spec.until:
            del self._at[number]
            told = [EpochDone(number, attempt, self._report(number, e)) for e in range(epoch)]
            return [*told, RungReached(number, attempt)]
        events: list[TrialEvent] = [
            EpochDone(number, attempt, self._report(number, told)) for told in range(epoch + 1)
        ]
        self.trained.append((number, epoch))
        self._at[number] = (spec, epoch + 1)
        if epoch + 1 == spec.until:
            del self._at[number]
            self._checkpoints[number] = epoch + 1
            return [*events, RungReached(number, attempt)]
        if epoch + 1 == spec.run.training.epochs:
            del self._at[number]
            events.append(TrialDone(number, attempt, 2.0, 100.0, "cpu", "float32"))
        return events


class Sweep:
    """A repository on SQLite and what a coordinator of it needs."""

    def __init__(self, url: str, config: SweepConfig, facts: DataSummary) -> None:
        study = open_or_create_study(open_database(url, "write", sole_writer=True), config, facts)
        self.clock = Clock()
        patience = DatabaseRetry(
            seconds(config.recovery.patience), clock=self.clock, sleep=self.sleep
        )
        self.repository = StudyRepository(study, config, url, facts, patience)
        self.files = StudyWorkspace(url, study_identity(study))
        self.files.make()
        self.facts = facts.model_copy(
            update={
                "gradient": BandSummary.of(TARGETS.gradient),
                "peak": BandSummary.of(TARGETS.peak),
                # Of the data, not of the scripted figures.
                "rmse_persistence": None,
                "linear": None,
            }
        )

    def sleep(self, seconds: float) -> None:
        self.clock.now += seconds

    def coordinator(self, executor: FakeExecutor) -> Coordinator:
        progress = SilentProgress("tiny", TARGETS, "K")
        return Coordinator(self.repository, executor, self.facts, progress, self.files, self.clock)

    def run(self, executor: FakeExecutor) -> None:
        self.coordinator(executor).run()

    @property
    def trials(self) -> list[FrozenTrial]:
        return self.repository.study.get_trials(deepcopy=False)

    @property
    def states(self) -> list[str]:
        return [trial.state.name for trial in self.trials]


MakeSweep = Callable[..., Sweep]
