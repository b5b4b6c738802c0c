"""Trainings of trials with other seeds: handed out, retried after faults, stored as they end."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from optuna.study import Study

from fieldsharp.core.errors import StoppedOnRequest
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.storage.retry import DatabaseRetry
from fieldsharp.storage.study_lock import StudyLock
from fieldsharp.storage.trial_files.checkpoints import epochs_done, remove_checkpoints
from fieldsharp.sweep.configuration.execution import RecoverySettings, seconds
from fieldsharp.sweep.engine.database_watch import DatabaseWatch
from fieldsharp.sweep.engine.leases import POLL_S, Leases
from fieldsharp.sweep.engine.maintenance import Maintenance
from fieldsharp.sweep.engine.retry_policy import GiveUp, after_failure
from fieldsharp.sweep.execution.executor import Executor
from fieldsharp.sweep.study.confirmation.comparison import kept_statistics
from fieldsharp.sweep.study.confirmation.runs import (
    ConfirmedRun,
    Purpose,
    Runs,
    read_runs,
    write_run,
)
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.formatting import describe
from fieldsharp.sweep.study.retry_history import RetryHistory
from fieldsharp.sweep.study.trial_events import (
    End,
    EpochDone,
    TrialBegan,
    TrialDone,
    TrialEvent,
    TrialFailed,
    TrialTrouble,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.study.unit_of_work import UnitOfWork

logger = logging.getLogger(__name__)
DOING: Mapping[Purpose, str] = {
    "validation": "confirming on the validation split",
    "test": "confirming on the test split",
    "repeat": "training the leaders with other seeds",
}


@dataclass
class _Job:
    """One training: a trial's configuration with one of the new seeds.

    Attributes:
        spec: As the plan has it.
        sent: As it is handed out, numbered as a job: a trial is trained with several seeds.
        report: Of its last epoch.
        lost: Attempts lost since it last finished a further epoch.
    """

    spec: TrialSpec
    sent: TrialSpec
    report: EpochReport | None = None
    lost: RetryHistory = field(default_factory=RetryHistory)


class SeedTrainings:
    """Hands out the missing trainings and stores their results.

    Args:
        study: Whose trials are trained again.
        url: Address of its database.
        executor: Runs the trainings.
        files: For checkpoints.
        recovery: Settings for lost workers.
        clock: Seconds that never run backwards.
        lock: On the study; None if the caller holds none.
        again: What goes on with them after a stop, such as "run the same command again".
    """

    def __init__(
        self,
        study: Study,
        url: str,
        executor: Executor,
        files: StudyWorkspace,
        recovery: RecoverySettings,
        clock: Callable[[], float] = time.monotonic,
        lock: StudyLock | None = None,
        again: str = "run the same command again",
    ) -> None:
        self._study = study
        self._url = url
        self._specs: Sequence[TrialSpec] = ()
        self._leases = Leases(executor, seconds(recovery.progress_deadline), clock)
        self._files = files
        self._again = again
        self._purpose: Purpose = "validation"
        self._attempts = recovery.attempts
        self._maintenance = Maintenance(url, files, recovery, clock, again)
        self._patience = DatabaseRetry(seconds(recovery.patience), lambda: self._stop_requests > 0)
        self._work = UnitOfWork(study, url, self._patience)
        self._watch = DatabaseWatch(self._work, lock, self.request_stop, clock)
        self._missing: list[_Job] = []
        self._running: dict[int, _Job] = {}
        self._stop_requests = 0
        self._done = 0

    def request_stop(self) -> None:
        """Ask for an orderly end; safe to call from a signal handler. Twice: at once."""
        self._stop_requests += 1

    def run(self, specs: Sequence[TrialSpec], purpose: Purpose) -> Runs:
        """Work until every training is done or has failed; earlier failures are tried again.

        Checkpoints of trainings that are judged on the validation split are kept: the forecasts of
        the winner are then evaluated on the test split.

        Args:
            specs: Every training.
            purpose: Of all of them.

        Raises:
            StoppedOnRequest: If it was asked to stop.
        """
        self._specs, self._purpose = specs, purpose
        kept = read_runs(self._study, self._url, self._purpose)
        done = {key for key, run in kept.items() if run.failure is None}
        for index, spec in enumerate(self._specs):
            if (spec.number, spec.run.training.seed) not in done:
                # Attempts of an earlier call wrote checkpoints under their own numbers.
                self._missing.append(_Job(spec, spec.model_copy(update={"number": index})))
        self._done = len(self._specs) - len(self._missing)
        logger.info(
            "%s: %s, %d of %d trainings done",
            self._study.study_name,
            DOING[self._purpose],
            self._done,
            len(self._specs),
        )
        while not self._stop_requests:
            while self._leases.free_slots and self._can_start() and (job := self._next()):
                self._start(job)
            if not self._running and not self._missing:
                self._watch.settle()
                return read_runs(self._study, self._url, self._purpose)
            self._take_in(self._leases.poll(POLL_S))
        raise self._stopped()

    def _next(self) -> _Job | None:
        """Return the next training, None while all wait for the baseline that they go on from."""
        for index, job in enumerate(self._missing):
            if not self._waits(job):
                return self._missing.pop(index)
        return None

    def _waits(self, job: _Job) -> bool:
        """Return whether a training waits for the baseline of its seed, whose weights it takes."""
        seed = job.spec.run.training.seed
        others = [*self._missing, *self._running.values()]
        return job.spec.starts_from_baseline and any(
            one.spec.is_baseline and one.spec.run.training.seed == seed for one in others
        )

    def _can_start(self) -> bool:
        return self._maintenance.can_start(idle=not self._running)

    def _start(self, job: _Job) -> None:
        self._running[job.sent.number] = job
        self._leases.submit(job.sent, self._checkpoints(job.spec))

    def remove_checkpoints(self, specs: Sequence[TrialSpec]) -> None:
        """Remove what trainings left behind, once the database has their results for certain."""
        for spec in specs:
            self._watch.remove_when_durable(partial(remove_checkpoints, self._checkpoints(spec)))
        self._watch.settle()

    def _checkpoints(self, spec: TrialSpec) -> Path:
        return self._files.checkpoints(spec.number) / f"seed-{spec.run.training.seed}"

    def _take_in(self, events: list[TrialEvent]) -> None:
        for event in events:
            job = self._running.get(event.number)
            if job is None or job.sent.attempt != event.attempt:
                continue
            if isinstance(event, TrialBegan):
                self._maintenance.can_train()
            if isinstance(event, EpochDone):
                job.report = event.report
            if isinstance(event, TrialTrouble):
                logger.warning(
                    "%s trial %d: with another seed: %s",
                    self._study.study_name,
                    job.spec.number,
                    event.sentence,
                )
            if not isinstance(event, End):
                continue
            del self._running[event.number]
            match event:
                case TrialDone():
                    self._keep(job, _finished(job.spec, job.report, event))
                case TrialFailed():
                    self._failed(job, event)
        self._watch.check()

    def _failed(self, job: _Job, failure: TrialFailed) -> None:
        """Queue a training again if that may help, else store that it failed."""

        def lost() -> tuple[int, RetryHistory]:
            done = epochs_done(self._checkpoints(job.spec))
            return done, job.lost.and_another(failure.attempt, done, failure.reason)

        stopping = self._stop_requests > 0
        retry = after_failure(failure, job.sent, self._attempts, lost, stopping=stopping)
        if isinstance(retry, GiveUp):
            self._keep(job, _failed(job.spec, retry.reason))
            return
        if retry.reason:
            logger.warning(
                "%s trial %d: seed %d: %s; it is tried again %s",
                self._study.study_name,
                job.spec.number,
                job.spec.run.training.seed,
                retry.reason,
                retry.note,
            )
        job.lost = retry.history or job.lost
        changes = {"attempt": job.sent.attempt + 1}
        if retry.micro_batches is not None:
            changes["micro_batches"] = retry.micro_batches
        job.sent = job.sent.model_copy(update=changes)
        job.report = None
        self._missing.insert(0, job)
        if retry.waits_for:
            self._maintenance.cannot_train(failure.reason, retry.waits_for)

    def _keep(self, job: _Job, run: ConfirmedRun) -> None:
        self._work.check_files()
        self._patience.call(lambda: write_run(self._study, self._url, run, self._purpose))
        checkpoints = self._checkpoints(job.spec)
        is_needed = self._purpose != "test" or job.spec.is_baseline  # others may go on from that
        if not is_needed:
            self._watch.remove_when_durable(lambda: remove_checkpoints(checkpoints))
        self._done += 1
        failed = run.judgement is None
        logger.log(
            logging.WARNING if failed else logging.INFO,
            "%s trial %d: seed %d %s | %d/%d | %s",
            self._study.study_name,
            run.trial,
            run.seed,
            f"failed, {run.failure}" if failed else _figures(run),
            self._done,
            len(self._specs),
            describe(job.spec),
        )

    def _stopped(self) -> StoppedOnRequest:
        """Let every training finish its epoch, and store the results until then."""
        name = self._study.study_name
        self._leases.wind_down(name, self._take_in, lambda: self._stop_requests > 1)
        return StoppedOnRequest(
            f"{DOING[self._purpose]} in study {name!r} was stopped with {self._done} of "
            f"{len(self._specs)} trainings done; {self._again} to go on"
        )


def _finished(spec: TrialSpec, report: EpochReport | None, end: TrialDone) -> ConfirmedRun:
    if report is None:
        return _failed(spec, "it ended without a single epoch")
    name = spec.judged_under
    forecasts = {NO_SHARPENER: report.judgement, **report.sharpened}
    if name not in forecasts:
        return _failed(spec, f"its last epoch was not judged under the sharpener {name!r}")
    return ConfirmedRun(
        trial=spec.number,
        seed=spec.run.training.seed,
        judgement=forecasts[name],
        seconds=end.seconds,
        device=end.device,
        precision=end.precision,
        sharpening=name,
        without=None if name == NO_SHARPENER else report.judgement,
        sharpened=dict(report.sharpened) if spec.is_baseline else None,
        frontier=report.frontier,
        window_statistics=kept_statistics(
            report.window_statistics,
            {NO_SHARPENER, *report.sharpened} if spec.is_baseline else {name},
            is_baseline=spec.is_baseline,
        ),
    )


def _failed(spec: TrialSpec, reason: str) -> ConfirmedRun:
    return ConfirmedRun(
        trial=spec.number, seed=spec.run.training.seed, failure=reason, sharpening=spec.judged_under
    )


def _figures(run: ConfirmedRun) -> str:
    assert run.judgement is not None, "it did not fail"
    m = run.judgement.overall
    sharpener = "" if run.sharpening == NO_SHARPENER else f" under {run.sharpening}"
    return (
        f"done{sharpener}, gradient {m['gradient']:.4g}, peak {m['peak']:.4g}, rmse {m['rmse']:.4g}"
    )
