"""The coordinator: asks for trials, hands them out, judges what comes back, tells.

It is the only writer of its study. Workers send metrics; the score is made here, because it needs
the baseline's RMSE, which no other trial knows.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fields.errors import FieldsharpError, StoppedOnRequest, StorageError
from objectives.guards import broken, check_guards
from objectives.judgement import Judgement
from objectives.score import Score, score_forecast
from objectives.verdict import NOTHING_TO_FIX, Contender, Verdict, asks_nothing, reach_verdict
from sweep.configuration.presets import BASELINE
from sweep.running.executor import (
    EpochDone,
    Executor,
    TrialCancelled,
    TrialDone,
    TrialEvent,
    TrialFailed,
)
from sweep.running.progress import Progress
from sweep.running.trial import EpochReport
from sweep.study.contenders import contender
from sweep.study.facts import StudyFacts
from sweep.study.ledger import Ledger
from sweep.study.records import TrialRecord
from sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)
POLL_S = 0.5
STOP_GRACE_S = 10.0


@dataclass
class _Running:
    """A trial at work: what it has sent, and how much of that is judged."""

    spec: TrialSpec
    reports: list[EpochReport] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    end: TrialDone | None = None
    pruned: bool = False


class Coordinator:
    """Runs one study until its budget is used or it is told to stop."""

    def __init__(
        self,
        ledger: Ledger,
        executor: Executor,
        facts: StudyFacts,
        progress: Progress,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._executor = executor
        self._targets = facts.targets
        self._units = facts.units
        self._progress = progress
        self._clock = clock
        self._budget = ledger.config.budget
        self._objective = ledger.config.objective
        self._running: dict[int, _Running] = {}
        self._stop_requests = 0
        self._finished = 0
        self._baseline: list[Judgement] = []
        self._baseline_ended = False
        self._out_of_time = False
        self._contenders: list[Contender] = []
        self._verdict: Verdict | None = None
        self._said_needless = False

    def request_stop(self) -> None:
        """Ask for an orderly end; safe to call from a signal handler. Twice: at once."""
        self._stop_requests += 1

    def run(self) -> None:
        """Work until the budget is used.

        Raises:
            StoppedOnRequest: If it was told to stop; the trials at work are queued again.
            FieldsharpError: If the baseline fails, since nothing can be scored without it.
        """
        self._ledger.prepare()
        self._finished = self._ledger.finished()
        earlier = self._ledger.baseline()
        if earlier is not None:
            self._baseline = earlier.judgements_by_epoch
            self._baseline_ended = True
        self._contenders = self._ledger.contenders()
        self._conclude()
        started = self._clock()
        self._progress.begin(self._finished, self._budget.trials, self._ledger.best())
        try:
            while not self._stop_requests:
                self._hand_out(started)
                if not self._running:
                    return
                self._take_in(self._executor.poll(POLL_S))
            self._stop()
        finally:
            self._progress.end()
            self._put_everything_back()

    def _put_everything_back(self) -> None:
        """Leave no trial marked as running with nobody at it, whatever ended the work."""
        for number in list(self._running):
            try:
                self._put_back(number)
            except StorageError as error:
                # The error that ended the work is on its way up; the next start puts back the rest.
                logger.warning("trial %d is left as running: %s", number, error)

    def _hand_out(self, started: float) -> None:
        timeout_s = self._budget.timeout_s
        if timeout_s is not None and self._clock() - started >= timeout_s:
            if not self._out_of_time:
                logger.info(
                    "%s: the time limit of %s is reached, no more trials are started",
                    self._ledger.config.study,
                    self._budget.timeout,
                )
            self._out_of_time = True
            return
        if self._needless:
            if not self._said_needless:
                logger.info(
                    "%s: nothing to fix, no more trials are started; to go on anyway set "
                    "budget.stop_on_nothing_to_fix to false",
                    self._ledger.config.study,
                )
            self._said_needless = True
            return
        while (
            self._executor.free_slots and self._finished + len(self._running) < self._budget.trials
        ):
            spec = self._ledger.ask()
            self._running[spec.number] = _Running(spec)
            self._executor.submit(spec)
            self._progress.started(spec)

    def _take_in(self, events: list[TrialEvent]) -> None:
        for event in events:
            running = self._running.get(event.number)
            if running is None or running.spec.attempt != event.attempt:
                continue  # of a trial that was ended or handed out again since
            match event:
                case EpochDone():
                    running.reports.append(event.report)
                    if running.spec.preset == BASELINE:
                        self._baseline.append(event.report.judgement)
                case TrialDone():
                    running.end = event
                    if running.spec.preset == BASELINE:
                        self._baseline_ended = True
                case TrialFailed() if running.pruned:
                    self._cancelled(running)  # its worker died, but what it was told to do was end
                case TrialFailed() if self._stop_requests:
                    # Perhaps only because the signal to stop went to the whole process group.
                    self._put_back(event.number)
                case TrialFailed():
                    self._fail(running, event.reason)
                case TrialCancelled():
                    self._cancelled(running)
        # The baseline may have brought what the others were waiting for.
        for running in list(self._running.values()):
            self._judge(running)

    def _judge(self, running: _Running) -> None:
        """Score the epochs for which the baseline's RMSE is known; finish the trial after all."""
        while len(running.scores) < len(running.reports) and not running.pruned:
            report = running.reports[len(running.scores)]
            baseline = self._baseline_at(report.epoch)
            if baseline is None:
                return
            score = self._score(report, baseline)
            running.scores.append(score)
            number = running.spec.number
            should_prune = self._ledger.report(number, report.epoch, score.total)
            self._progress.epoch(running.spec, report, score)
            is_last = report.epoch == running.spec.run.training.epochs - 1
            if should_prune and not is_last and running.spec.preset != BASELINE:
                running.pruned = True
                if running.end is None:
                    self._executor.cancel(number)
        if running.end is not None and (self._baseline_ended or running.pruned):
            self._finish(running, running.end)

    def _baseline_at(self, epoch: int) -> Judgement | None:
        """Return the baseline after an epoch, or after its last; None if not known yet."""
        if epoch < len(self._baseline):
            return self._baseline[epoch]
        return self._baseline[-1] if self._baseline_ended else None

    def _score(self, report: EpochReport, baseline: Judgement) -> Score:
        return score_forecast(
            report.metrics, self._targets, baseline.overall["rmse"], self._objective.rmse_weight
        )

    def _finish(self, running: _Running, end: TrialDone) -> None:
        number = running.spec.number
        if running.pruned:
            report = running.reports[len(running.scores) - 1]  # later ones are not judged
            self._ledger.prune(number, self._record(running, end))
            self._close(running)
            self._progress.pruned(running.spec, report, running.scores[-1])
        elif not running.scores:
            self._fail(running, "it ended without a single epoch")
        else:
            # Against the finished baseline, however many epochs this trial had.
            score = self._score(running.reports[-1], self._baseline[-1])
            running.scores[-1] = score
            record = self._record(running, end)
            self._ledger.complete(number, record)
            self._close(running)
            wrong = broken(record.guards)
            self._progress.completed(running.spec, running.reports[-1], score, wrong)
            self._contenders.append(contender(running.spec, record))
            if running.spec.preset == BASELINE:
                self._look_at_the_baseline(record)
            self._conclude()

    def _look_at_the_baseline(self, record: TrialRecord) -> None:
        study, metrics = self._ledger.config.study, record.metrics
        given = self._objective.targets
        for sentence in asks_nothing(given, self._targets, metrics["gradient"], metrics["peak"]):
            logger.warning("%s: %s", study, sentence)
        for guard in broken(check_guards(record.judgement, self._objective.guards, None)):
            logger.warning(
                "%s: the baseline itself breaks the guard %s: %s", study, guard.name, guard.words
            )

    def _conclude(self) -> None:
        """Bring the study's verdict up to date."""
        to_come = max(0, self._budget.trials - self._finished)
        verdict = reach_verdict(self._contenders, self._targets, self._units, to_come)
        if verdict != self._verdict:
            self._ledger.conclude(verdict)
            self._verdict = verdict

    @property
    def _needless(self) -> bool:
        """Whether there is nothing that a further trial could mend."""
        wanted = self._budget.stop_on_nothing_to_fix
        return wanted and self._verdict is not None and self._verdict.name == NOTHING_TO_FIX

    def _cancelled(self, running: _Running) -> None:
        if running.pruned:
            elapsed = sum(report.seconds for report in running.reports)
            end = TrialDone(running.spec.number, running.spec.attempt, elapsed, 0.0, "", "")
            self._finish(running, end)
        else:
            self._put_back(running.spec.number)

    def _fail(self, running: _Running, reason: str) -> None:
        self._ledger.fail(running.spec.number, reason)
        self._close(running)
        self._progress.failed(running.spec, reason)
        if running.spec.preset == BASELINE:
            raise FieldsharpError(
                f"the baseline (trial {running.spec.number}) failed, and no other trial can be "
                f"scored without it: {reason}"
            )

    def _close(self, running: _Running) -> None:
        del self._running[running.spec.number]
        self._finished += 1

    def _put_back(self, number: int) -> None:
        del self._running[number]
        self._ledger.put_back(number)

    def _record(self, running: _Running, end: TrialDone) -> TrialRecord:
        judged = running.reports[: len(running.scores)]
        score = running.scores[-1]
        is_baseline = running.spec.preset == BASELINE
        # A pruned trial is compared with the baseline of its age, a complete one with the finished.
        then = self._baseline_at(judged[-1].epoch) if running.pruned else None
        baseline = then or self._baseline[-1]
        judgement = judged[-1].judgement
        return TrialRecord(
            judgement=judgement,
            judgements_by_epoch=[report.judgement for report in judged] if is_baseline else [],
            score=score.total,
            score_parts={"gradient": score.gradient, "peak": score.peak, "rmse": score.rmse},
            guards=check_guards(judgement, self._objective.guards, baseline),
            baseline_rmse=baseline.overall["rmse"],
            epochs=len(judged),
            seconds=end.seconds,
            peak_memory_mb=end.peak_memory_mb,
            device=end.device,
            precision=end.precision,
        )

    def _stop(self) -> None:
        """Cancel what runs, taking in results that are already on their way."""
        logger.warning("%s: stopping; once more ends it at once", self._ledger.config.study)
        for number in list(self._running):
            self._executor.cancel(number)
        deadline = self._clock() + STOP_GRACE_S
        while self._running and self._stop_requests < 2 and self._clock() < deadline:
            self._take_in(self._executor.poll(POLL_S))
            if all(running.end is not None for running in self._running.values()):
                break  # done, but waiting for a baseline that will not come now
        raise StoppedOnRequest(
            f"study {self._ledger.config.study!r} was stopped with {self._finished} trials done; "
            "run the same command again to go on"
        )
