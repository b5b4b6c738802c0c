"""A sweep as the service runs it: coordinator, repository, SQLite; its epochs are counted."""

import time
from pathlib import Path

from benchmarks.compute.account import Account
from benchmarks.compute.trainings import Training, Trainings
from benchmarks.opened_sweep import opened_sweep
from fieldsharp.core.errors import TrainingFailed
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.preflight import run_preflight
from fieldsharp.sweep.study.trial_events import (
    EpochDone,
    RungReached,
    TrialBegan,
    TrialCancelled,
    TrialDone,
    TrialEvent,
    TrialFailed,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.checkpointing import TrialCheckpoints


class _AtWork:
    """The trial the executor is at."""

    def __init__(self, spec: TrialSpec, training: Training, kept: TrialCheckpoints) -> None:
        self.spec = spec
        self.training = training
        self.kept = kept
        self.began = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began


class CountingExecutor:
    """Implements ``Executor`` in this process: one trial at a time, an epoch a poll.

    As a worker does it goes on from a trial's newest checkpoint and tells the epochs before it
    again; it writes one where a trial is ended before its last epoch. One that reached a rung it
    keeps as it stands, which is what its checkpoint would hold.

    Args:
        trainings: Where trials are trained.
        account: Of the search.
    """

    def __init__(self, trainings: Trainings, account: Account) -> None:
        self._trainings = trainings
        self._account = account
        self._at: _AtWork | None = None
        self._at_rungs: dict[int, Training] = {}
        self._events: list[TrialEvent] = []

    @property
    def free_slots(self) -> int:
        """One while there is nothing to train."""
        return int(self._at is None)

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        """Take a trial up."""
        kept = TrialCheckpoints(checkpoints, spec)
        training = self._at_rungs.pop(spec.number, None)
        if training is None:
            training = self._trainings.begin(spec.run)
            training.take_up(kept)
        self._at = _AtWork(spec, training, kept)
        key = spec.number, spec.attempt
        self._events.append(TrialBegan(*key, len(training.reports)))
        self._events += [EpochDone(*key, report) for report in training.reports]

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        """Return what was left to be told, else train an epoch.

        Raises:
            SearchEnded: In place of an epoch, once the search has no more to do.
        """
        if not self._events and self._at is not None:
            self._account.require_open()
            self._events.append(self._go_on(self._at))
        elif not self._events:
            time.sleep(timeout_s)
        events, self._events = self._events, []
        return events

    def cancel(self, number: int) -> None:
        """End a trial between two epochs."""
        at = self._at
        if at is None or at.spec.number != number:
            return
        if at.training.reports:
            at.kept.write(at.training.trial(), at.seconds)
        self._at = None
        self._events.append(TrialCancelled(number, at.spec.attempt))

    pause = cancel

    def kill(self, number: int) -> None:
        """End a trial; nothing follows."""
        if self._at is not None and self._at.spec.number == number:
            self._at = None
            self._events = []

    def close(self) -> None:
        """Nothing to end."""

    def _go_on(self, at: _AtWork) -> TrialEvent:
        spec, training = at.spec, at.training
        key = spec.number, spec.attempt
        if spec.until is not None and len(training.reports) >= spec.until:
            self._at = None
            self._at_rungs[spec.number] = training
            return RungReached(*key)
        if training.is_done:
            self._at = None
            hardware = self._trainings.hardware
            precision = str(hardware.precision).removeprefix("torch.")
            return TrialDone(*key, at.seconds, 0.0, str(hardware.device), precision)
        try:
            report = training.next_epoch()
        except TrainingFailed as error:
            self._account.add(spec.number, spec.run, None)
            self._at = None
            return TrialFailed(*key, str(error))
        self._account.add(spec.number, spec.run, report)
        return EpochDone(*key, report)


def search(config: SweepConfig, trainings: Trainings, account: Account, folder: Path) -> None:
    """Run a sweep until its budget is used.

    Args:
        config: The sweep.
        trainings: Where its trials are trained.
        account: Where they are counted.
        folder: Where its database is made.

    Raises:
        SearchEnded: Once the account says so.
    """
    url = f"sqlite:///{folder / 'sweep.db'}"
    facts = run_preflight(config).facts
    executor = CountingExecutor(trainings, account)
    with opened_sweep(config, url, facts, executor) as (_, coordinator):
        coordinator.run()
