"""Chooses the next trial for a free slot: requeued, promoted, or new."""

import logging
from collections.abc import Callable

from fieldsharp.storage.errors.messages import resume_hint
from fieldsharp.storage.lock_owner import RESUME
from fieldsharp.sweep.configuration.execution import BudgetSettings
from fieldsharp.sweep.engine.baseline_scoring import BaselineScoring
from fieldsharp.sweep.engine.leases import Leases
from fieldsharp.sweep.engine.paused_trials import PausedTrials
from fieldsharp.sweep.engine.running_trial import RunningTrial
from fieldsharp.sweep.engine.verdict_tracker import VerdictTracker
from fieldsharp.sweep.monitoring.progress import Progress
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.queue_checks import TrialRefusedError
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.retry_history import RetryHistory
from fieldsharp.sweep.study.trial_records import TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)


class Scheduler:
    """Owns the running trials and the count of finished ones, and hands trials out.

    A trial is trained until its next rung at a time, as long as the budget allows.

    Args:
        repository: Of the study.
        leases: Passes the trials on to the executor.
        files: Of the study, next to the database.
        progress: Is told of every change.
        scoring: Against the baseline.
        verdicts: Of the study.
        clock: Seconds that never run backwards.

    Attributes:
        finished: Trials of the budget that are used.
        ended: Numbers of the trials whose end is in the database.
        paused: The paused trials.
    """

    def __init__(
        self,
        repository: StudyRepository,
        leases: Leases,
        files: StudyWorkspace,
        progress: Progress,
        scoring: BaselineScoring,
        verdicts: VerdictTracker,
        clock: Callable[[], float],
    ) -> None:
        self.finished = 0
        self.ended: set[int] = set()
        self.paused = PausedTrials(repository, files, scoring)
        self._running: dict[int, RunningTrial] = {}
        self._repository = repository
        self._study = repository.config.study
        self._leases = leases
        self._files = files
        self._progress = progress
        self._scoring = scoring
        self._verdicts = verdicts
        self._budget = Budget(self._study, repository.config.budget, clock)

    def prepare(self) -> None:
        """Read the trials that an earlier coordinator ended or paused."""
        self.paused.prepare()
        self.ended = self._repository.finished_numbers()
        self.finished = self._repository.finished()

    def begin(self) -> None:
        """Start the clock of the time limit."""
        self._budget.begin()

    @property
    def running(self) -> list[RunningTrial]:
        """The trials that are not queued, not paused and not ended."""
        return list(self._running.values())

    def find(self, number: int, attempt: int) -> RunningTrial | None:
        """Return a running trial, None if that attempt at it is over."""
        running = self._running.get(number)
        return running if running is not None and running.spec.attempt == attempt else None

    def adopt(self, running: RunningTrial) -> None:
        """Take over a trial whose result was left by an earlier coordinator."""
        self._running[running.spec.number] = running

    def end(self, number: int) -> None:
        """Count a trial whose end is in the database."""
        self._running.pop(number, None)
        self.finished += 1
        self.ended.add(number)

    def put_back(
        self, number: int, history: RetryHistory | None = None, micro_batches: int | None = None
    ) -> None:
        """Queue a trial again.

        Args:
            number: The trial.
            history: Its lost attempts; None leaves those in the database.
            micro_batches: Parts that a batch is trained in; None leaves it as it is.
        """
        self._repository.requeue(number, history, micro_batches)
        self._running.pop(number, None)
        self._progress.put_back(number)

    def fix_length(self, epochs: int) -> None:
        """Train every further trial for so many epochs, where no length is fixed yet."""
        if self._repository.config.training.length != "fixed":
            self._repository.fix_length(epochs)
            self.paused.fix_length()

    @property
    def wants_more(self) -> bool:
        """Whether another trial is to be started or resumed, now or soon."""
        if self._waits_for_the_baseline:
            return False
        if self._waits_for_a_lost_baseline:
            return True
        return self._may_go_on and (self._new > 0 or self._next_promoted() is not None)

    def hand_out(self) -> list[TrialRefusedError]:
        """Start or resume trials while there are free slots.

        Returns:
            The queued trials that could not be trained; each has used its part of the budget.
        """
        refused: list[TrialRefusedError] = []
        while self._leases.free_slots and self.wants_more:
            number = self._next_promoted()
            try:
                if number is None:
                    running = RunningTrial(self._repository.ask())
                    trained = self._files.epochs_done(running.spec.number)
                else:
                    trained = 0  # it may go on from its rung
                    running = self.paused.resume(number)
                    self._progress.waiting(self.paused.count)
            except TrialRefusedError as error:
                refused.append(error)
                self.finished += not error.is_baseline
                self.ended.add(error.number)
                continue
            self._running[running.spec.number] = running
            if number is None:
                self._repository.make_durable()  # else its result could find no trial
            self._send(running, trained)
            self._progress.started(running.spec)
        return refused

    def at_rung(self, running: RunningTrial, *, stopping: bool) -> None:
        """Go on with a trial that is among the best at its rung, or pause it.

        Args:
            running: All its epochs are scored.
            stopping: Whether no trial is handed out any more.
        """
        may = not stopping and self._leases.free_slots > 0 and self._may_go_on
        if not self.paused.is_at_rung(running):
            # Its checkpoint was ahead of a database that was restored or lost its last commits.
            if may:
                self._send(running)
            else:
                self.put_back(running.spec.number)
            return
        if may and self.paused.promotes(running, self._climbing, self._new):
            self._send(running)
            return
        record = self.paused.pause(running)
        del self._running[running.spec.number]
        self._progress.paused(running.spec, record)
        self._progress.waiting(self.paused.count)

    def give_up_paused(self) -> list[tuple[TrialSpec, TrialRecord]]:
        """End the paused trials that cannot go on any more, and return them."""
        is_over = bool(self._verdicts.needless) or self._is_used_up
        if not self.paused.count or not (is_over or self._may_go_on):
            return []  # out of time: a later start may give them more
        ended = self.paused.give_up(self._climbing, self._new, all_of_them=is_over)
        if ended:
            self._progress.waiting(self.paused.count)
        return ended

    def report_paused(self) -> None:
        """Log how many trials stay paused at the end, if any do."""
        if self.paused.count:
            then = resume_hint(self._repository.url, RESUME, self._study)
            logger.info("%s: trials that stay paused: %d; %s", self._study, self.paused.count, then)

    def _send(self, running: RunningTrial, trained: int = 0) -> None:
        """Have a trial trained until its next rung.

        Args:
            running: The trial.
            trained: Epochs in its checkpoint after which no rung rule has seen it yet.
        """
        until = self.paused.until(running.spec, trained)
        rungs = () if running.spec.starts_from_baseline else self.paused.rungs
        running.spec = running.spec.model_copy(update={"until": until, "rungs": rungs})
        running.at_rung = False
        self._leases.submit(running.spec, self._files.checkpoints(running.spec.number))

    def _next_promoted(self) -> int | None:
        """Return the paused trial that goes on next."""
        if self._waits_for_a_lost_baseline or self._is_used_up:
            return None
        return self.paused.next_promoted(self._climbing, self._new)

    @property
    def _climbing(self) -> list[int]:
        """The running trials that may reach a rung."""
        running = self._running.items()
        return [number for number, one in running if not one.spec.starts_from_baseline]

    @property
    def _is_used_up(self) -> bool:
        """Whether the budget is used by ended and running trials alone: it was lowered."""
        return self._budget.left(self.finished + len(self._running)) == 0

    @property
    def _may_go_on(self) -> bool:
        return self._budget.goes_on(needless=self._verdicts.needless)

    @property
    def _new(self) -> int:
        """How many trials of the budget are still to be started."""
        return self._budget.left(self.finished + len(self._running) + self.paused.count)

    @property
    def _waits_for_the_baseline(self) -> bool:
        """Whether trials wait for the baseline in training."""
        is_needed = self._repository.config.needs_baseline_first
        return is_needed and any(running.is_baseline for running in self._running.values())

    @property
    def _waits_for_a_lost_baseline(self) -> bool:
        """Whether running trials wait for a baseline that has to be trained again."""
        if self._scoring.baseline_ended or not self._running:
            return False
        return not any(running.is_baseline for running in self._running.values())


class Budget:
    """Decides whether trials may be started, and logs the reason once if not.

    Args:
        study: Named in the log.
        budget: Of trials and time.
        clock: Seconds that never run backwards.
    """

    def __init__(self, study: str, budget: BudgetSettings, clock: Callable[[], float]) -> None:
        self._study = study
        self._budget = budget
        self._clock = clock
        self._began_at = clock()
        self._logged: set[str] = set()

    def begin(self) -> None:
        """Start the clock of the time limit."""
        self._began_at = self._clock()

    def goes_on(self, *, needless: str) -> bool:
        """Return whether trials may be started or resumed.

        Args:
            needless: Why another trial could change nothing; "" if it could.
        """
        timeout_s = self._budget.timeout_s
        if timeout_s is not None and self._clock() - self._began_at >= timeout_s:
            limit = self._budget.timeout
            self._log_once(f"the time limit of {limit} is reached, no more trials are started")
            return False
        if needless:
            self._log_once(needless)
            return False
        return True

    def left(self, started: int) -> int:
        """Return how many trials may still be started after so many."""
        return max(0, self._budget.trials - started)

    def _log_once(self, sentence: str) -> None:
        """Log a sentence once."""
        if sentence not in self._logged:
            logger.info("%s: %s", self._study, sentence)
        self._logged.add(sentence)
