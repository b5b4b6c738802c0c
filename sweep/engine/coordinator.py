"""The coordinator of a sweep: takes in the events of trials, scores them, and ends them.

It is the only process that writes to its study. Workers send metrics; the score is computed here,
because it needs the baseline's RMSE, which no other trial has. Which trial runs next is the
scheduler's business.
"""

import logging
import time
from collections.abc import Callable, Mapping

from fieldsharp.core.errors import (
    ConfigError,
    DatabaseDamaged,
    FieldsharpError,
    StoppedOnRequest,
    StorageError,
    StorageUnavailable,
)
from fieldsharp.storage.errors.messages import resume_hint
from fieldsharp.storage.lock_owner import RESUME
from fieldsharp.storage.study_lock import StudyLock
from fieldsharp.sweep.configuration.execution import seconds
from fieldsharp.sweep.configuration.space import rungs
from fieldsharp.sweep.engine.baseline_scoring import BaselineScoring
from fieldsharp.sweep.engine.database_watch import DatabaseWatch
from fieldsharp.sweep.engine.leases import POLL_S, Leases
from fieldsharp.sweep.engine.maintenance import Maintenance
from fieldsharp.sweep.engine.retry_policy import GiveUp, Retry, after_failure, after_loss
from fieldsharp.sweep.engine.running_trial import RunningTrial, trial_preview
from fieldsharp.sweep.engine.scheduler import Scheduler
from fieldsharp.sweep.engine.verdict_tracker import VerdictTracker
from fieldsharp.sweep.execution.executor import Executor
from fieldsharp.sweep.monitoring.progress import Progress
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.files.spooled_result import SpooledResult
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.observed_truth import OBSERVED, require_same_truth, with_observed
from fieldsharp.sweep.study.queue_checks import TrialRefusedError
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.retry_history import RetryHistory
from fieldsharp.sweep.study.trial_events import (
    EpochDone,
    FoundLength,
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
from fieldsharp.sweep.tracking.trackers import Trackers

logger = logging.getLogger(__name__)


class Coordinator:
    """Runs one study until its budget is used or it is asked to stop.

    Args:
        repository: Of the study.
        executor: Runs the trials.
        facts: Of the data.
        progress: Is told of every change.
        files: Of the study, next to the database.
        clock: Seconds that never run backwards.
        lock: On the study; None if the caller holds none.
        trackers: Are given the epochs of running trials; None for none.
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
        trackers: Trackers | None = None,
    ) -> None:
        self._repository = repository
        self._study = repository.config.study
        self._recovery = repository.config.recovery
        self._leases = Leases(executor, seconds(self._recovery.progress_deadline), clock)
        self._facts = facts
        self._progress = progress
        self._files = files
        self._trackers = trackers
        self._maintenance = Maintenance(repository.url, files, self._recovery, clock)
        self._watch = DatabaseWatch(repository, lock, self.request_stop, clock)
        self._is_damaged = False
        self._stop_requests = 0
        self._scoring = BaselineScoring(repository.config.objective, facts.targets, facts.variation)
        self._verdicts = VerdictTracker(repository, facts)
        self._scheduler = Scheduler(
            repository, self._leases, files, progress, self._scoring, self._verdicts, clock
        )
        repository.patience.stopping = lambda: self._stop_requests > 0

    def request_stop(self) -> None:
        """Ask for an orderly end; safe to call from a signal handler. Twice: at once."""
        self._stop_requests += 1

    def run(self) -> None:
        """Work until the budget is used.

        Raises:
            StoppedOnRequest: If it was asked to stop; the running trials are queued again.
            FieldsharpError: If the baseline fails, since nothing can be scored without it.
        """
        try:
            self._prepare()
            self._scheduler.begin()
            while not self._stop_requests:
                wants_more = self._scheduler.wants_more
                idle = not self._scheduler.running
                if wants_more and self._maintenance.can_start(idle=idle):
                    self._report_refused(self._scheduler.hand_out())
                if not self._scheduler.running and not wants_more:
                    self._scheduler.report_paused()
                    self._watch.settle()
                    return
                self._take_in(self._leases.poll(POLL_S))
                self._maintenance.back_up_if_due()
            self._stop()
        except DatabaseDamaged:
            self._is_damaged = True
            raise
        except StorageUnavailable as error:
            self._repository.patience.give_up()
            if not self._stop_requests:
                raise
            raise self._stopped(f"; the database was unavailable then ({error.found})") from error
        finally:
            self._progress.end()
            self._put_everything_back()
            if not self._is_damaged:  # another file in its place is no backup of this study
                self._maintenance.back_up()

    def _prepare(self) -> None:
        """Take up the results and trials that an earlier coordinator left."""
        self._watch.settle()
        self._files.remove_unknown(self._repository.numbers())
        for result in self._files.results():
            self._adopt(result)
        for number in self._repository.stale_running():
            epochs_done, history = self._lost(number, "its coordinator died")
            self._retry(number, None, after_loss(epochs_done, history, self._recovery.attempts))
        self._repository.prepare()  # only now: a baseline may just have failed
        earlier = self._repository.baseline()
        if earlier is not None:
            self._scoring.restore_baseline(earlier)
            self._learn_targets(earlier.judgement.overall)
            self._scheduler.fix_length(earlier.epochs)
        self._verdicts.read()
        self._scheduler.prepare()
        self._progress.begin(
            self._scheduler.finished, self._repository.config.budget.trials, self._repository.best()
        )
        self._progress.waiting(self._scheduler.paused.count)
        self._conclude()
        self._watch.settle()
        self._remove_checkpoints()
        self._score_all()

    def _adopt(self, result: SpooledResult) -> None:
        """Take over a result that is not in the database: its trial is not trained again."""
        number = result.end.number
        spec = self._repository.adopt(number, result.end.attempt, result.fingerprint)
        if spec is None and number in self._repository.finished_numbers():
            # Only its file was not removed.
            self._watch.remove_when_durable(lambda: self._files.remove_result(number))
            return
        if spec is None:  # the database was restored or made anew: another trial has the number
            self._files.remove_result(number)
            return
        logger.info(
            "%s trial %d: its result was at hand, it is not trained again", self._study, number
        )
        running = RunningTrial(spec, reports=result.reports, end=result.end)
        self._scheduler.adopt(running)
        if running.is_baseline:
            for report in running.reports:
                self._scoring.add_baseline(report)
            self._end_baseline(running, result.end)

    def _put_everything_back(self) -> None:
        """Leave no stale RUNNING trial in the database, however the work ended."""
        self._leases.kill_all()
        for running in self._scheduler.running:
            number = running.spec.number
            try:
                self._scheduler.put_back(number)
            except StorageError as error:
                # The error that ended the work is on its way up; the next start requeues the rest.
                logger.warning("trial %d is left as running: %s", number, error)
                self._repository.patience.give_up()

    def _take_in(self, events: list[TrialEvent]) -> None:
        for event in events:
            running = self._scheduler.find(event.number, event.attempt)
            if running is None:
                continue  # of a trial that was ended or handed out again since
            match event:
                case TrialBegan():
                    self._maintenance.can_train()
                    if event.epochs_done:
                        logger.info(
                            "%s trial %d: goes on after epoch %d of %d",
                            self._study,
                            event.number,
                            event.epochs_done,
                            running.spec.run.training.epochs,
                        )
                case StepsDone():
                    pass  # it has extended the lease
                case TrialTrouble():
                    logger.warning("%s trial %d: %s", self._study, event.number, event.sentence)
                case EpochDone():
                    self._epoch_done(running, event.report)
                case TrialDone():
                    self._trained(running, event)
                case RungReached():
                    running.at_rung = True
                case TrialFailed():
                    self._failed(running, event)
                case TrialCancelled():
                    self._cancelled(running)
        self._score_all()
        self._watch.check()

    def _epoch_done(self, running: RunningTrial, report: EpochReport) -> None:
        if running.reports and report.epoch <= running.reports[-1].epoch:
            return  # reported by an earlier attempt, too
        running.reports.append(report)
        if running.is_baseline:
            self._scoring.add_baseline(report)

    def _trained(self, running: RunningTrial, end: TrialDone) -> None:
        running.end = end
        if end.found is not None:
            running.keep(end.found)
        self._files.spool_result(SpooledResult(running.spec.fingerprint, end, running.reports))
        if running.is_baseline:
            self._end_baseline(running, end)

    def _learn_targets(self, values: Mapping[str, float]) -> None:
        """Store the targets that are taken from the truth of a script, if they were not known.

        Before its baseline is told: a study with a complete baseline always has them.

        Raises:
            FieldsharpError: If none can be taken from this truth.
        """
        if self._facts.targets_known:
            return
        config = self._repository.config
        self._facts = with_observed(self._facts, config.objective, values)
        self._repository.set_facts(self._facts)
        self._verdicts.facts = self._facts
        self._scoring.targets = self._facts.targets
        self._progress.aims_at(self._facts.targets)
        logger.info(
            "%s: targets from the truth of the baseline: gradient %.4g, peak %.4g",
            self._study,
            self._facts.targets.gradient.low,
            self._facts.targets.peak.low,
        )

    def _require_same_truth(self, running: RunningTrial) -> None:
        """Check that a script's trial has the truth of the study, or that of its baseline."""
        config = self._repository.config
        if config.trainer is None:
            return
        of_study = {name: getattr(self._facts, name) for name in OBSERVED}
        is_of_study = not config.has_data and None not in of_study.values()
        before = of_study if is_of_study else self._scoring.last
        require_same_truth(running.reports[-1].judgement.overall, before)

    def _end_baseline(self, running: RunningTrial, end: TrialDone) -> None:
        if running.reports:
            try:
                self._learn_targets(running.reports[-1].judgement.overall)
            except FieldsharpError as error:
                if isinstance(error, StorageError):
                    raise
                self._fail(end.number, running.spec, str(error))
        found, search = end.found, self._repository.config.search
        self._scoring.end_baseline(found, rungs(search, found.epochs) if found else ())

    def _failed(self, running: RunningTrial, failure: TrialFailed) -> None:
        if running.pruned:
            self._cancelled(running)  # its worker died while it was being cancelled
            return
        retry = after_failure(
            failure,
            running.spec,
            self._recovery.attempts,
            lambda: self._lost(failure.number, failure.reason),
            stopping=self._stop_requests > 0,
        )
        self._retry(failure.number, running.spec, retry)
        if isinstance(retry, Retry) and retry.waits_for:
            self._maintenance.cannot_train(failure.reason, retry.waits_for)

    def _lost(self, number: int, reason: str) -> tuple[int, RetryHistory]:
        """Return the epochs in the newest checkpoint of a lost trial, and its lost attempts."""
        epochs_done = self._files.epochs_done(number)
        return epochs_done, self._repository.retry_history_after(number, epochs_done, reason)

    def _retry(self, number: int, spec: TrialSpec | None, retry: Retry | GiveUp) -> None:
        if isinstance(retry, GiveUp):
            self._fail(number, spec, retry.reason)
            return
        if retry.reason:
            logger.warning(
                "%s trial %d: %s; it is tried again %s",
                self._study,
                number,
                retry.reason,
                retry.note,
            )
        self._scheduler.put_back(number, retry.history, retry.micro_batches)

    def _score_all(self) -> None:
        # The baseline may have sent the epoch that other trials were waiting for.
        for running in self._scheduler.running:
            self._score(running)
        while given_up := self._scheduler.give_up_paused():  # the new verdict may end more of them
            for spec, record in given_up:
                self._verdicts.add(spec, record, is_complete=False)
                self._progress.pruned(spec, record)
                self._end(spec.number)
            self._conclude()

    def _score(self, running: RunningTrial) -> None:
        """Score the epochs that the baseline has reached, and end the trial after its last one."""
        while len(running.scores) < len(running.reports) and not running.pruned:
            report = running.reports[len(running.scores)]
            finished = running.spec.starts_from_baseline
            score = self._scoring.at_same_epoch(report, finished=finished)
            if score is None:
                return
            running.scores.append(score)
            number = running.spec.number
            rung = self._scheduler.paused.result(running, report)
            should_prune = self._repository.report(number, report.epoch, score.total, rung)
            self._progress.epoch(running.spec, report, score)
            if self._trackers is not None:
                self._trackers.epoch(running.spec, report)
            is_last = report.epoch == running.spec.run.training.epochs - 1
            is_done = is_last or running.end is not None  # then there is nothing to be saved
            if should_prune and not is_done and not running.is_baseline:
                running.pruned = True
                self._leases.cancel(number)
        if running.end is not None and (self._scoring.baseline_ended or running.pruned):
            self._finish(running, running.end)
        elif running.at_rung:
            self._scheduler.at_rung(running, stopping=self._stop_requests > 0)
            self._maintenance.changed()

    def _finish(self, running: RunningTrial, end: TrialDone) -> None:
        if running.pruned:
            self._progress.pruned(running.spec, self._store(running, end))
        elif not running.scores:
            self._fail(running.spec.number, running.spec, "it ended without a single epoch")
        else:
            try:
                self._require_same_truth(running)
            except ConfigError as error:
                self._fail(running.spec.number, running.spec, str(error))
                return
            # Against the finished baseline, however many epochs this trial had.
            running.scores[-1] = self._scoring.final(running.reports[-1])
            if running.is_baseline and end.found is not None:
                self._found(running, end.found)
            record = self._store(running, end)
            self._progress.completed(running.spec, record)
            if running.is_baseline:
                self._verdicts.warn_of_baseline(record)
            self._conclude()

    def _found(self, running: RunningTrial, found: FoundLength) -> None:
        """Give every trial the length of the baseline, which was not fixed."""
        running.spec = running.spec.with_length(found.epochs)
        self._scheduler.fix_length(found.epochs)
        logger.info(
            "%s trial %d: its RMSE was best after epoch %d of %d%s; every other trial is trained "
            "for as many",
            self._study,
            running.spec.number,
            found.epochs,
            found.epochs_looked_at,
            ", the most it may take, and still improving" if found.reached_most else "",
        )

    def _cancelled(self, running: RunningTrial) -> None:
        if running.pruned:
            self._finish(running, running.early_end())
        else:
            self._scheduler.put_back(running.spec.number)

    def _fail(self, number: int, spec: TrialSpec | None, reason: str) -> None:
        self._repository.fail(number, reason)
        self._end(number)
        if spec is None:
            logger.warning("%s trial %d: failed, %s", self._study, number, reason)
            return
        self._progress.failed(spec, reason)
        if RunningTrial(spec).is_baseline:
            raise self._no_baseline(number, reason)

    def _report_refused(self, refused: list[TrialRefusedError]) -> None:
        """Log which queued trials could not be trained, and why."""
        for error in refused:
            logger.warning("%s trial %d: failed, %s", self._study, error.number, error.reason)
            self._maintenance.changed()
            if error.is_baseline and not self._scoring.baseline_ended:
                raise self._no_baseline(error.number, error.reason)

    def _no_baseline(self, number: int, reason: str) -> FieldsharpError:
        return FieldsharpError(
            f"the baseline (trial {number}) failed, and no other trial can be scored without it: "
            f"{reason}"
        )

    def _store(self, running: RunningTrial, end: TrialDone) -> TrialRecord:
        """Write the end of a trial to the database, and return its record."""
        number = running.spec.number
        record = self._scoring.record(running, end)
        pictures = self._files.save_preview(number, trial_preview(running, end, record))
        if running.pruned:
            self._repository.prune(number, record, pictures)
        else:
            self._repository.complete(number, record, pictures, running.spec)
        # Before checkpoints are removed.
        self._verdicts.add(running.spec, record, is_complete=not running.pruned)
        self._end(number)
        return record

    def _conclude(self) -> None:
        self._verdicts.conclude(self._scheduler.finished)
        self._progress.concluded(self._verdicts.verdict)

    def _end(self, number: int) -> None:
        """Count a trial whose end is in the database, and remove the files it no longer needs."""
        self._scheduler.end(number)
        self._maintenance.changed()
        self._watch.remove_when_durable(lambda: self._files.remove_result(number))
        self._remove_checkpoints()

    def _remove_checkpoints(self) -> None:
        """Remove the checkpoints of ended trials, except the best ones and the baseline."""
        self._files.tidy(self._scheduler.ended, self._verdicts.wanted(self._recovery.keep_best))

    def _stop(self) -> None:
        """Let every trial finish its epoch, and take in the events until then.

        Raises:
            StoppedOnRequest: Unless there is nothing left to do.
        """
        self._leases.wind_down(self._study, self._take_in, lambda: self._stop_requests > 1)
        budget = self._repository.config.budget.trials
        if self._scheduler.running or self._scheduler.finished < budget:
            raise self._stopped("")

    def _stopped(self, more: str) -> StoppedOnRequest:
        return StoppedOnRequest(
            f"study {self._study!r} was stopped with {self._scheduler.finished} trials done{more}; "
            f"{resume_hint(self._repository.url, RESUME, self._study)}"
        )
