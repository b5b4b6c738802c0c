"""The coordinator: asks for trials, hands them out, judges what comes back, tells.

It is the only writer of its study. Workers send metrics; the score is made here, because it needs
the baseline's RMSE, which no other trial knows.
"""

import logging
import time
from collections.abc import Callable

from fieldsharp.core.errors import (
    DatabaseDamaged,
    FieldsharpError,
    StoppedOnRequest,
    StorageError,
    StorageUnavailable,
)
from fieldsharp.objectives.guards import broken
from fieldsharp.storage.errors.hints import go_on
from fieldsharp.storage.study_lock import RESUME, StudyLock
from fieldsharp.sweep.configuration.duration import seconds
from fieldsharp.sweep.engine.baseline_scoring import BaselineScoring
from fieldsharp.sweep.engine.durable_removal import DurableRemoval
from fieldsharp.sweep.engine.leases import POLL_S, Leases
from fieldsharp.sweep.engine.lock_watch import LockWatch
from fieldsharp.sweep.engine.maintenance import FREE_THE_MACHINE, Maintenance
from fieldsharp.sweep.engine.running_trial import RunningTrial
from fieldsharp.sweep.engine.scheduler import Scheduler
from fieldsharp.sweep.engine.trial_preview import trial_preview
from fieldsharp.sweep.engine.verdict_tracker import VerdictTracker
from fieldsharp.sweep.execution.executor import Executor
from fieldsharp.sweep.monitoring.progress import Progress
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.files.spooled_result import SpooledResult
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.queue_checks import TrialRefusedError
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.retry_history import RetryHistory
from fieldsharp.sweep.study.trial_events import (
    EpochDone,
    RungReached,
    StepsDone,
    TrialBegan,
    TrialCancelled,
    TrialDone,
    TrialEvent,
    TrialFailed,
    TrialTrouble,
)
from fieldsharp.sweep.study.trial_records import TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)


class Coordinator:
    """Runs one study until its budget is used or it is told to stop.

    Args:
        repository: The study's book.
        executor: What runs the trials.
        facts: What was found out about the data.
        progress: What is told how far it is.
        files: The study's files beside the database.
        clock: Seconds that never run backwards.
        lock: On the study, which is watched while trials are at work; None where there is none.
    """

    def __init__(
        self,
        repository: StudyRepository,
        executor: Executor,
        facts: DataSummary,
        progress: Progress,
        files: StudyWorkspace,
        clock: Callable[[], float] = time.monotonic,
        lock: StudyLock | None = None,
    ) -> None:
        self._repository = repository
        self._study = repository.config.study
        self._recovery = repository.config.recovery
        self._leases = Leases(executor, seconds(self._recovery.progress_deadline), clock)
        self._progress = progress
        self._files = files
        self._housekeeping = Maintenance(repository.url, files, self._recovery, clock)
        self._durability = DurableRemoval(repository, clock)
        self._lock_watch = None if lock is None else LockWatch(lock, self.request_stop, clock)
        self._told: set[int] = set()
        self._is_lost = False
        self._stop_requests = 0
        self._scoring = BaselineScoring(repository.config.objective, facts.targets)
        self._standing = VerdictTracker(repository, facts)
        self._turns = Scheduler(
            repository, self._leases, files, progress, self._scoring, self._standing, clock
        )
        self._running = self._turns.running
        repository.patience.stopping = lambda: self._stop_requests > 0

    def request_stop(self) -> None:
        """Ask for an orderly end; safe to call from a signal handler. Twice: at once."""
        self._stop_requests += 1

    def run(self) -> None:
        """Work until the budget is used.

        Raises:
            StoppedOnRequest: If it was told to stop; the trials at work are queued again.
            FieldsharpError: If the baseline fails, since nothing can be scored without it.
        """
        try:
            self._prepare()
            self._turns.begin()
            while not self._stop_requests:
                wants_more = self._turns.wants_more
                if wants_more and self._housekeeping.can_start(idle=not self._running):
                    self._refused(self._turns.hand_out())
                if not self._running and not wants_more:
                    self._turns.say_what_stays_paused()
                    self._durability.settle()
                    return
                self._take_in(self._leases.poll(POLL_S))
                self._housekeeping.back_up_if_due()
            self._stop()
        except DatabaseDamaged:
            self._is_lost = True
            raise
        except StorageUnavailable as error:
            self._repository.patience.give_up()
            if not self._stop_requests:
                raise
            raise self._stopped(f"; the database was unavailable then ({error.found})") from error
        finally:
            self._progress.end()
            self._put_everything_back()
            if not self._is_lost:  # another file in its place is no backup of this study
                self._housekeeping.back_up()

    def _prepare(self) -> None:
        """Take up what a coordinator before this one left, and see where the study stands."""
        self._durability.settle()
        self._files.remove_unknown(self._repository.numbers())
        for result in self._files.results():
            self._take_up(result)
        for number in self._repository.stale_running():
            self._lost(number, None, "its coordinator died")
        self._repository.prepare()  # only now: a baseline may just have been given up
        earlier = self._repository.baseline()
        if earlier is not None:
            self._scoring.end_baseline(earlier.judgements_by_epoch)
        self._standing.read()
        self._turns.pausing.prepare()
        self._told = self._repository.finished_numbers()
        self._turns.finished = self._repository.finished()
        self._progress.begin(
            self._turns.finished, self._repository.config.budget.trials, self._repository.best()
        )
        self._progress.waiting(self._turns.pausing.count)
        self._conclude()
        self._durability.settle()
        self._tidy()
        self._judge_all()

    def _take_up(self, result: SpooledResult) -> None:
        """Go on with a result that was not told: its trial is not trained again."""
        number = result.end.number
        spec = self._repository.adopt(number, result.end.attempt, result.fingerprint)
        if (
            spec is None and number in self._repository.finished_numbers()
        ):  # but its result was not removed
            self._durability.then(lambda: self._files.remove_result(number))
            return
        if spec is None:  # the database was put back or made anew: it is of another trial
            self._files.remove_result(number)
            return
        logger.info(
            "%s trial %d: its result was at hand, it is not trained again", self._study, number
        )
        running = RunningTrial(spec, reports=result.reports, end=result.end)
        self._running[number] = running
        if running.is_baseline:
            self._scoring.end_baseline([report.judgement for report in running.reports])

    def _put_everything_back(self) -> None:
        """Leave no trial marked as running with nobody at it, whatever ended the work."""
        self._leases.kill_all()
        for number in list(self._running):
            try:
                self._put_back(number)
            except StorageError as error:
                # The error that ended the work is on its way up; the next start puts back the rest.
                logger.warning("trial %d is left as running: %s", number, error)
                self._repository.patience.give_up()

    def _take_in(self, events: list[TrialEvent]) -> None:
        for event in events:
            running = self._running.get(event.number)
            if running is None or running.spec.attempt != event.attempt:
                continue  # of a trial that was ended or handed out again since
            match event:
                case TrialBegan():
                    self._housekeeping.can_train()
                    if event.epochs_done:
                        logger.info(
                            "%s trial %d: goes on after epoch %d of %d",
                            self._study,
                            event.number,
                            event.epochs_done,
                            running.spec.run.training.epochs,
                        )
                case StepsDone():
                    pass  # its lease is longer now
                case TrialTrouble():
                    logger.warning("%s trial %d: %s", self._study, event.number, event.sentence)
                case EpochDone():
                    self._epoch_done(running, event.report)
                case TrialDone():
                    self._ended(running, event)
                case RungReached():
                    running.at_rung = True
                case TrialFailed():
                    self._failed(running, event)
                case TrialCancelled():
                    self._cancelled(running)
        self._judge_all()
        self._look()

    def _look(self) -> None:
        """Look at the files and the lock, now and then; nothing that was heard may be lost by it.

        Raises:
            DatabaseDamaged: If the database was removed or replaced.
            FieldsharpError: If the lock was removed.
        """
        self._durability.look()
        if self._lock_watch is not None:
            self._lock_watch.look()

    def _epoch_done(self, running: RunningTrial, report: EpochReport) -> None:
        if running.reports and report.epoch <= running.reports[-1].epoch:
            return  # heard before
        running.reports.append(report)
        if running.is_baseline:
            self._scoring.add_baseline(report)

    def _ended(self, running: RunningTrial, end: TrialDone) -> None:
        running.end = end
        result = SpooledResult(running.spec.fingerprint, end, running.reports)
        self._files.spool_result(result)
        if running.is_baseline:
            self._scoring.end_baseline()

    def _failed(self, running: RunningTrial, event: TrialFailed) -> None:
        number, spec = event.number, running.spec
        if running.pruned:
            self._cancelled(running)  # its worker died, but what it was told to do was end
        elif event.cause == "worker" and self._stop_requests:
            # Perhaps only because the signal to stop went to the whole process group.
            self._put_back(number)
        elif event.cause == "worker":
            self._lost(number, spec, event.reason)
        elif event.cause == "data":
            self._put_back(number)
            self._housekeeping.cannot_train(event.reason)
        elif event.cause == "machine":
            self._put_back(number)
            self._housekeeping.cannot_train(event.reason, FREE_THE_MACHINE)
        elif event.cause == "memory" and spec.can_be_halved:
            logger.warning(
                "%s trial %d: out of memory (%s), it is tried again with half a batch at a time",
                self._study,
                number,
                event.reason,
            )
            self._put_back(number, micro_batches=2)
        elif event.cause == "memory":
            halves = " with half a batch at a time" if spec.micro_batches > 1 else ""
            self._fail(number, spec, f"out of memory{halves}: {event.reason}")
        else:
            self._fail(number, spec, event.reason)

    def _lost(self, number: int, spec: TrialSpec | None, reason: str) -> None:
        """Try a trial again that ended without a word of its own, unless that happens too often."""
        done = self._files.epochs_done(number)
        lost = self._repository.retry_history_after(number, done, reason)
        if len(lost.reasons) >= self._recovery.attempts:
            self._fail(number, spec, lost.given_up())
            return
        where = f"with the checkpoint after epoch {done}" if done else "from its first epoch"
        logger.warning("%s trial %d: %s; it is tried again %s", self._study, number, reason, where)
        self._put_back(number, lost)

    def _judge_all(self) -> None:
        # The baseline may have brought what the others were waiting for.
        for running in list(self._running.values()):
            self._judge(running)
        while given_up := self._turns.given_up():  # what is concluded may end the others, too
            for spec, record in given_up:
                self._standing.add(spec, record, is_complete=False)
                self._progress.pruned(spec, record)
                self._count(spec.number)
            self._conclude()

    def _judge(self, running: RunningTrial) -> None:
        """Score the epochs for which the baseline's RMSE is known; finish the trial after all."""
        while len(running.scores) < len(running.reports) and not running.pruned:
            report = running.reports[len(running.scores)]
            score = self._scoring.at_its_age(report)
            if score is None:
                return
            running.scores.append(score)
            number = running.spec.number
            rung = self._turns.pausing.result(running, report)
            should_prune = self._repository.report(number, report.epoch, score.total, rung)
            self._progress.epoch(running.spec, report, score)
            is_last = report.epoch == running.spec.run.training.epochs - 1
            is_done = is_last or running.end is not None  # then there is nothing to be saved
            if should_prune and not is_done and not running.is_baseline:
                running.pruned = True
                self._leases.cancel(number)
        if running.end is not None and (self._scoring.baseline_ended or running.pruned):
            self._finish(running, running.end)
        elif running.at_rung:
            self._turns.at_rung(running, stopping=self._stop_requests > 0)
            self._housekeeping.changed()

    def _finish(self, running: RunningTrial, end: TrialDone) -> None:
        if running.pruned:
            self._progress.pruned(running.spec, self._close(running, end))
        elif not running.scores:
            self._fail(running.spec.number, running.spec, "it ended without a single epoch")
        else:
            # Against the finished baseline, however many epochs this trial had.
            score = self._scoring.final(running.reports[-1])
            running.scores[-1] = score
            record = self._close(running, end)
            wrong = broken(record.guards)
            self._progress.completed(running.spec, running.reports[-1], score, wrong)
            if running.is_baseline:
                self._standing.look_at_the_baseline(record)
            self._conclude()

    def _cancelled(self, running: RunningTrial) -> None:
        if running.pruned:
            self._finish(running, running.last_word())
        else:
            self._put_back(running.spec.number)

    def _fail(self, number: int, spec: TrialSpec | None, reason: str) -> None:
        self._repository.fail(number, reason)
        self._running.pop(number, None)
        self._count(number)
        if spec is None:
            logger.warning("%s trial %d: failed, %s", self._study, number, reason)
            return
        self._progress.failed(spec, reason)
        if RunningTrial(spec).is_baseline:
            raise self._no_baseline(number, reason)

    def _refused(self, refused: list[TrialRefusedError]) -> None:
        """Say which waiting trials could not be trained, and why."""
        for error in refused:
            logger.warning("%s trial %d: failed, %s", self._study, error.number, error.reason)
            self._told.add(error.number)
            self._housekeeping.changed()
            if error.is_baseline and not self._scoring.baseline_ended:
                raise self._no_baseline(error.number, error.reason)

    def _no_baseline(self, number: int, reason: str) -> FieldsharpError:
        return FieldsharpError(
            f"the baseline (trial {number}) failed, and no other trial can be scored without it: "
            f"{reason}"
        )

    def _close(self, running: RunningTrial, end: TrialDone) -> TrialRecord:
        """Tell what a trial came to, keep what its pictures are drawn from, and return it."""
        number = running.spec.number
        record = self._scoring.record(running, end)
        pictures = self._files.save_preview(number, trial_preview(running, end))
        if running.pruned:
            self._repository.prune(number, record, pictures)
        else:
            self._repository.complete(number, record, pictures)
        # Before the checkpoints are tidied.
        self._standing.add(running.spec, record, is_complete=not running.pruned)
        del self._running[number]
        self._count(number)
        return record

    def _conclude(self) -> None:
        self._standing.conclude(self._turns.finished)
        self._progress.concluded(self._standing.verdict)

    def _count(self, number: int) -> None:
        """Count a trial that was told, and forget what was kept in case it could not be."""
        self._turns.finished += 1
        self._told.add(number)
        self._housekeeping.changed()
        self._durability.then(lambda: self._files.remove_result(number))
        self._tidy()

    def _tidy(self) -> None:
        """Keep of the trials that ended the checkpoints of the best and the baseline alone."""
        self._files.tidy(self._told, self._standing.wanted(self._recovery.keep_best))

    def _put_back(
        self, number: int, lost: RetryHistory | None = None, micro_batches: int | None = None
    ) -> None:
        self._repository.requeue(number, lost, micro_batches)
        self._running.pop(number, None)
        self._progress.put_back(number)

    def _stop(self) -> None:
        """Let every trial finish the epoch it is in, and take in what comes meanwhile.

        Raises:
            StoppedOnRequest: Unless there is nothing left to do.
        """
        self._leases.wind_down(self._study, self._take_in, lambda: self._stop_requests > 1)
        if self._running or self._turns.finished < self._repository.config.budget.trials:
            raise self._stopped("")

    def _stopped(self, more: str) -> StoppedOnRequest:
        return StoppedOnRequest(
            f"study {self._study!r} was stopped with {self._turns.finished} trials done{more}; "
            f"{go_on(self._repository.url, RESUME, self._study)}"
        )
