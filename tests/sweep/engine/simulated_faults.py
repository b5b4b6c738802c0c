"""A world of trials in which anything may go wrong, and a model of what must be true all the same.

The world plays executor, clock and database in turn: at every poll chance says what happens next.
Storage is a real SQLite file and checkpoints are real files; only training and time are played. A
coordinator that dies is cut off from the database in the middle of any call, as by SIGKILL.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.core.errors import FieldsharpError, StorageUnavailable
from fieldsharp.storage.retry import DatabaseRetry
from fieldsharp.storage.trial_files.checkpoints import (
    epochs_done,
    make_attempt_folder,
    write_checkpoint,
)
from fieldsharp.sweep.configuration.execution import seconds
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.space import make_pruner, make_sampler
from fieldsharp.sweep.engine.coordinator import Coordinator
from fieldsharp.sweep.monitoring.progress import SilentProgress
from fieldsharp.sweep.study import trial_records
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import study_identity
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.retry_history import retry_history
from fieldsharp.sweep.study.trial_events import (
    Cause,
    EpochDone,
    StepsDone,
    TrialBegan,
    TrialCancelled,
    TrialDone,
    TrialEvent,
    TrialFailed,
    TrialTrouble,
)
from fieldsharp.sweep.study.trial_records import (
    counted,
    is_failed_baseline,
    trial_record,
    trial_spec,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec
from tests.sweep.fake_sweep import TARGETS, Clock, metrics_of, report_of
from tests.sweep.flaky_storage import FOREVER, FlakyStorage, Killed

Choose = Callable[[list[str]], str]
"""What happens: one of these."""
MOST_POLLS = 400
"""So many in a row without anything going wrong end every sweep of these tests."""


@dataclass
class Attempt:
    """A worker at a trial."""

    spec: TrialSpec
    folder: Path
    epoch: int
    begun: bool = False
    stepped: bool = False
    silent: bool = False
    cancelled: bool = False
    paused: bool = False


class World:
    """An executor in which chance rules; asserts at every turn what must be true.

    Args:
        storage: With the study, new.
        config: Of the study.
        facts: Of its data.
        url: Of its database.
        choose: Chance.
        troubles: How often anything may go wrong.
    """

    def __init__(
        self,
        storage: RDBStorage,
        config: SweepConfig,
        facts: DataSummary,
        url: str,
        choose: Choose,
        troubles: int,
    ) -> None:
        self._storage, self._config, self._facts, self._url = storage, config, facts, url
        self._choose = choose
        self._troubles = troubles
        self._deadline_s = seconds(config.recovery.progress_deadline)
        self.flaky = FlakyStorage(storage)
        self.clock = Clock()
        self.log: list[str] = []
        self._at: dict[int, Attempt] = {}
        self._coordinator: Coordinator | None = None
        self._stops = 0
        self._calm_polls = 0
        # The model: what was heard and taken in, by number.
        self._attempts: dict[int, int] = {}
        self._losses: dict[int, tuple[int, int]] = {}
        self._half_batches: set[int] = set()
        self._perhaps_halved: set[int] = set()
        self._must_fail: set[int] = set()
        self._results: set[int] = set()
        self._heard: list[TrialEvent] = []
        self._finished: dict[int, tuple[TrialState, Any]] = {}

    # Lives of coordinators.

    def run(self) -> None:
        """Let one coordinator follow the other until the budget is used."""
        while not self._live():
            self._at.clear()
            # Half of what these ask for may be written down.
            self._perhaps_halved |= {
                event.number
                for event in self._heard
                if isinstance(event, TrialFailed) and event.cause == "memory"
            }
            self._heard.clear()
            self.flaky.heal()
        self._at_the_end()

    def _live(self) -> bool:
        """Run a coordinator and return whether it used the budget up."""
        study = optuna.load_study(study_name=self._config.study, storage=self._storage)
        study.sampler = make_sampler(self._config.search, len(self._trials()))
        study.pruner = make_pruner(self._config.search, self._config.training.epochs)
        patience = DatabaseRetry(
            seconds(self._config.recovery.patience), clock=self.clock, sleep=self._sleep
        )
        repository = StudyRepository(study, self._config, self._url, self._facts, patience)
        self.files = StudyWorkspace(self._url, study_identity(study))
        self.files.make()
        self._stops = 0
        progress = SilentProgress(self._config.study, TARGETS, "K")
        self._coordinator = Coordinator(
            repository, self, self._facts, progress, self.files, self.clock
        )
        self.log.append("a coordinator starts")
        before = self._running()
        try:
            self._coordinator.run()
        except Killed:
            self.log.append("killed")
            self.flaky.heal()
            lost = {
                event.number
                for event in self._heard
                if isinstance(event, TrialFailed) and event.cause == "worker"
            }
            for number in self._running() | before | lost:
                self._lose(number)
        except StorageUnavailable:
            self.log.append("gave the database up")
            self.flaky.heal()
            for number in self._running():
                self._lose(number)
        except FieldsharpError as error:
            self.log.append(f"ended: {error}")
            # Those it could not put back, since the database was away, are left to the next.
            left = self._running()
            allowed = self._was_refused()
            self.flaky.heal()
            assert allowed or not left, "running, with nobody at it"
            for number in left:
                self._lose(number)
        else:
            assert not self._running()
            return True
        return False

    def _was_refused(self) -> bool:
        return any(entry.startswith("the database") for entry in self.log[-60:])

    def _sleep(self, seconds: float) -> None:
        self.clock.now += seconds

    # The executor.

    @property
    def free_slots(self) -> int:
        assert self._config.workers.count is not None, "given by whoever made this"
        return self._config.workers.count - len(self._at)

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        self._take_in_what_was_heard()
        number = spec.number
        assert checkpoints is not None
        assert self.free_slots > 0, "more at work than there are slots"
        assert number not in self._at, "two at the same trial"
        assert spec.attempt > self._attempts.get(number, 0), "an attempt handed out twice"
        assert number not in self._finished, "a trial that ended is trained again"
        assert number not in self._must_fail, "a trial that failed is trained again"
        assert number not in self._results, "its result is there, and it is trained again"
        if number in self._perhaps_halved and spec.micro_batches == 2:
            self._half_batches.add(number)
        assert (spec.micro_batches == 2) == (number in self._half_batches), "half a batch at a time"
        if not self.flaky.refusals:
            row = self._trials()[number]
            assert len(retry_history(row).reasons) < self._config.recovery.attempts
        self._attempts[number] = spec.attempt
        self._at[number] = Attempt(spec, checkpoints, epochs_done(checkpoints))

    def cancel(self, number: int) -> None:
        if number in self._at:
            self._at[number].cancelled = True

    def pause(self, number: int) -> None:
        if number in self._at:
            self._at[number].paused = True

    def kill(self, number: int) -> None:
        attempt = self._at.pop(number, None)
        if attempt is not None and attempt.silent and not self._stops:
            self._heard.append(TrialFailed(number, attempt.spec.attempt, "silent", "worker"))

    def close(self) -> None:
        pass

    def poll(self, timeout_s: float) -> list[TrialEvent]:  # noqa: ARG002
        self._take_in_what_was_heard()
        self._look_at_the_database()
        events: list[TrialEvent] = []
        if self._troubles > 0:
            happens = self._choose(self._possible())
            self.log.append(happens)
            events += self._happen(*happens.split(" "))
        else:
            self._calm_polls += 1
            assert self._calm_polls < MOST_POLLS, "the sweep does not end"
            self.clock.now += 0.4 * self._deadline_s
            for number in list(self._at):
                events += self._step(number)
        self._heard += events
        return events

    # What may happen.

    def _possible(self) -> list[str]:
        at_work = [str(number) for number, attempt in self._at.items() if not attempt.silent]
        steps = [f"step {number}" for number in at_work]
        worse = [
            f"{what} {number}"
            for what in ("lost", "written-and-lost", "memory", "failed", "silent", "old", "again")
            for number in at_work
        ]
        refused = [
            f"{how} {calls} {times}"
            for how in ("refused-before", "refused-after")
            for calls in (1, 2, 3, 5, 9)
            for times in (1, 3, FOREVER)
        ]
        killed = [
            f"{how} {calls}" for how in ("killed-before", "killed-after") for calls in range(1, 13)
        ]
        return [*12 * steps, "time", "away", *worse, "stop", *refused, "killed-now", *killed]

    def _happen(self, what: str, *given: str) -> list[TrialEvent]:
        numbers = [int(text) for text in given]
        if what not in ("step", "time"):
            self._troubles -= 1
        self.clock.now += 1.0
        match what:
            case "step":
                return self._step(numbers[0])
            case "time":
                self.clock.now += 0.4 * self._deadline_s
                return [
                    StepsDone(number, attempt.spec.attempt, 1)
                    for number, attempt in self._at.items()
                    if not attempt.silent
                ]
            case "away":
                self.clock.now += 5 * self._deadline_s
            case "stop":
                assert self._coordinator is not None
                self._coordinator.request_stop()
                self._stops += 1
            case "silent":
                self._at[numbers[0]].silent = True
            case "killed-now":
                self.flaky.dead = True
                raise Killed
            case "killed-before" | "killed-after":
                self.flaky.disturb(what, numbers[0], 0)
            case "refused-before" | "refused-after":
                self.log.append(f"the database refuses {numbers[1]} calls")
                self.flaky.disturb(what, *numbers)
            case _:
                return self._go_wrong(what, numbers[0])
        return []

    def _go_wrong(self, what: str, number: int) -> list[TrialEvent]:
        attempt = self._at[number]
        this = attempt.spec.attempt
        match what:
            case "old":
                return [
                    EpochDone(number, this - 1, report_of(0, metrics_of(gradient=0.01, rmse=1e6))),
                    TrialDone(number, this - 1, -1.0, 1.0, "cpu", "float32"),
                    TrialFailed(number, this + 1, "of another attempt"),
                    TrialCancelled(number, this - 1),
                ]
            case "again":
                return [*self._step(number), *self._step(number)[:-1], *self._told_again(attempt)]
            case "written-and-lost":
                self._write(attempt)
                return self._end(number, "worker")
            case "lost":
                return self._end(number, "worker")
            case "memory":
                return self._end(number, "memory")
            case _:
                return self._end(number, "training")

    def _told_again(self, attempt: Attempt) -> list[TrialEvent]:
        """Return messages that were sent already, as a network may deliver them."""
        spec = attempt.spec
        return [
            EpochDone(spec.number, spec.attempt, _report(spec.number, epoch))
            for epoch in range(attempt.epoch)
        ]

    def _end(self, number: int, cause: Cause) -> list[TrialEvent]:
        attempt = self._at.pop(number)
        return [TrialFailed(number, attempt.spec.attempt, f"{cause} trouble", cause)]

    def _write(self, attempt: Attempt) -> None:
        """Write the checkpoint of one more epoch, of which nobody hears."""
        if attempt.epoch < attempt.spec.run.training.epochs:
            make_attempt_folder(attempt.folder, attempt.spec.attempt)
            write_checkpoint(attempt.folder, attempt.spec.attempt, attempt.epoch + 1, b"weights")

    def _step(self, number: int) -> list[TrialEvent]:
        """Return what a worker sends of its next epoch, or of its end."""
        attempt = self._at.get(number)
        if attempt is None or attempt.silent:
            return []
        spec, this = attempt.spec, attempt.spec.attempt
        events: list[TrialEvent] = []
        if not attempt.begun:
            attempt.begun = True
            events.append(TrialBegan(number, this, attempt.epoch))
            events += self._told_again(attempt)
        if attempt.cancelled or (attempt.paused and not attempt.stepped):
            del self._at[number]
            return [*events, TrialCancelled(number, this)]
        epochs = spec.run.training.epochs
        if attempt.epoch < epochs:
            if (number + attempt.epoch) % 5 == 4:
                events.append(TrialTrouble(number, this, "no checkpoint (no space left)"))
            else:
                self._write(attempt)
            events.append(EpochDone(number, this, _report(number, attempt.epoch)))
            attempt.epoch += 1
            attempt.stepped = not attempt.paused
        if attempt.epoch == epochs:
            del self._at[number]
            return [*events, TrialDone(number, this, _tag(spec), 100.0, "cpu", "float32")]
        return events

    # What must be true.

    def _take_in_what_was_heard(self) -> None:
        """Take for granted what the coordinator was told a poll ago: it asks for more."""
        heard, self._heard = self._heard, []
        for event in heard:
            number = event.number
            if event.attempt != self._attempts.get(number):
                continue
            if isinstance(event, TrialDone):
                self._results.add(number)
            if not isinstance(event, TrialFailed):
                continue
            if event.cause == "worker":
                if not self._stops:
                    self._lose(number)
            elif event.cause == "memory" and number not in self._half_batches:
                self._half_batches.add(number)
            else:
                self._must_fail.add(number)

    def _lose(self, number: int) -> None:
        done = self.files.epochs_done(number)
        before, count = self._losses.get(number, (0, 0))
        self._losses[number] = (done, 1 if done > before else count + 1)

    def _trials(self) -> list[FrozenTrial]:
        """Return what is in the database, past all that is kept in memory or made to fail."""
        flaky, self.flaky.refusals = self.flaky.refusals, 0
        due, self.flaky._due = self.flaky._due, FOREVER
        try:
            study_id = self._storage.get_study_id_from_name(self._config.study)
            return self._storage.get_all_trials(study_id, deepcopy=False)
        finally:
            self.flaky.refusals, self.flaky._due = flaky, due

    def _running(self) -> set[int]:
        return {t.number for t in self._trials() if t.state is TrialState.RUNNING}

    def _look_at_the_database(self) -> None:
        trials = self._trials()
        assert [trial.number for trial in trials] == list(range(len(trials)))
        now = {
            t.number: (t.state, t.user_attrs.get(trial_records.RECORD))
            for t in trials
            if t.state.is_finished()
        }
        for number, told in self._finished.items():
            assert now.get(number) == told, f"trial {number} was told, and is no more what it was"
        self._finished = now
        assert counted(trials) <= self._config.budget.trials, "beyond the budget"
        for trial in trials:
            if trial.state is TrialState.FAIL and not is_failed_baseline(trial):
                self._look_at_a_failure(trial)
            if trial.state is TrialState.COMPLETE:
                self._look_at_a_result(trial)

    def _look_at_a_failure(self, trial: FrozenTrial) -> None:
        reason = str(trial.user_attrs.get(trial_records.FAILURE))
        if reason in ("training trouble", "out of memory with half a batch at a time: memory"):
            return
        if reason.startswith("given up after"):
            _, count = self._losses[trial.number]
            assert count >= self._config.recovery.attempts, f"given up too soon: {reason}"
            return
        assert reason.startswith("out of memory with half a batch"), reason

    def _look_at_a_result(self, trial: FrozenTrial) -> None:
        spec, record = trial_spec(trial), trial_record(trial)
        assert spec is not None
        assert record is not None
        assert record.seconds == _tag(spec), "the result of another attempt"
        assert record.epochs == spec.run.training.epochs, "an epoch counted twice, or not at all"
        assert sorted(trial.intermediate_values) == list(range(record.epochs))
        expected = _report(trial.number, record.epochs - 1).metrics
        assert record.metrics["rmse"] == expected["rmse"]

    def _at_the_end(self) -> None:
        self._take_in_what_was_heard()
        self._look_at_the_database()
        trials = self._trials()
        assert counted(trials) == self._config.budget.trials
        assert all(trial.state.is_finished() for trial in trials), "a trial was forgotten"
        assert not self.files.results(), "a result is kept although it was told"
        for number in self._must_fail:
            assert trials[number].state in (TrialState.FAIL, TrialState.PRUNED)


def _report(number: int, epoch: int) -> Any:
    gradient = 3.1 if number % 3 else 2.0
    return report_of(epoch, metrics_of(gradient=gradient, rmse=20.0 - epoch - 0.01 * number))


def _tag(spec: TrialSpec) -> float:
    """Return seconds by which the result of an attempt is known again."""
    return 1000.0 * spec.attempt + spec.number
