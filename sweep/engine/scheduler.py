"""Whose turn it is: a trial that was put back, a paused one among the best, or a new one."""

import logging
from collections.abc import Callable

from fieldsharp.storage.errors.hints import go_on
from fieldsharp.storage.study_lock import RESUME
from fieldsharp.sweep.engine.baseline_scoring import BaselineScoring
from fieldsharp.sweep.engine.budget import Budget
from fieldsharp.sweep.engine.leases import Leases
from fieldsharp.sweep.engine.paused_trials import PausedTrials
from fieldsharp.sweep.engine.running_trial import RunningTrial
from fieldsharp.sweep.engine.verdict_tracker import VerdictTracker
from fieldsharp.sweep.monitoring.progress import Progress
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.queue_checks import TrialRefusedError
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.trial_records import TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)


class Scheduler:
    """Hands trials out, each until its next rung, as long as the budget allows.

    Args:
        repository: The study's book.
        leases: Who takes the trials.
        files: The study's files beside the database.
        progress: What is told how far it is.
        scoring: Against the baseline.
        standing: Of the study.
        clock: Seconds that never run backwards.

    Attributes:
        running: The trials that are not in the queue, not paused and not ended, by number.
        finished: How many trials of the budget are used.
        pausing: The paused ones.
    """

    def __init__(
        self,
        repository: StudyRepository,
        leases: Leases,
        files: StudyWorkspace,
        progress: Progress,
        scoring: BaselineScoring,
        standing: VerdictTracker,
        clock: Callable[[], float],
    ) -> None:
        self.running: dict[int, RunningTrial] = {}
        self.finished = 0
        self.pausing = PausedTrials(repository, files, scoring)
        self._repository = repository
        self._study = repository.config.study
        self._leases = leases
        self._files = files
        self._progress = progress
        self._scoring = scoring
        self._standing = standing
        self._allowance = Budget(self._study, repository.config.budget, clock)

    def begin(self) -> None:
        """Begin to count the time."""
        self._allowance.begin()

    @property
    def wants_more(self) -> bool:
        """Whether another trial is to be started or gone on with, if not now then soon."""
        if self._waits_for_a_lost_baseline:
            return True
        return self._may_go_on and (self._new > 0 or self._next_up() is not None)

    def hand_out(self) -> list[TrialRefusedError]:
        """Start trials, or go on with them, as many as there are free slots for.

        Returns:
            The waiting trials that could not be trained; each has used its part of the budget.
        """
        refused: list[TrialRefusedError] = []
        while self._leases.free_slots and self.wants_more:
            number = self._next_up()
            try:
                if number is None:
                    running = RunningTrial(self._repository.ask())
                    trained = self._files.epochs_done(running.spec.number)
                else:
                    trained = 0  # it may go on from its rung
                    running = self.pausing.go_on(number)
                    self._progress.waiting(self.pausing.count)
            except TrialRefusedError as error:
                refused.append(error)
                self.finished += not error.is_baseline
                continue
            self.running[running.spec.number] = running
            if number is None:
                self._repository.make_durable()  # its result could else not be told
            self._send(running, trained)
            self._progress.started(running.spec)
        return refused

    def at_rung(self, running: RunningTrial, *, stopping: bool) -> None:
        """Go on with a trial that is among the best at its rung, or have it wait there.

        Args:
            running: All its epochs are scored.
            stopping: Whether nothing is handed out any more.
        """
        may = not stopping and self._leases.free_slots > 0 and self._may_go_on
        if not self.pausing.is_at_rung(running):
            # Its checkpoint was ahead of the database, which was put back or lost its last words.
            if may:
                self._send(running)
            else:
                self._put_back(running)
            return
        if may and self.pausing.goes_on(running, self.running, self._new):
            self._send(running)
            return
        record = self.pausing.pause(running)
        del self.running[running.spec.number]
        self._progress.paused(running.spec, record)
        self._progress.waiting(self.pausing.count)

    def given_up(self) -> list[tuple[TrialSpec, TrialRecord]]:
        """Tell of the paused trials whose turn cannot come any more, and return them."""
        is_over = bool(self._standing.needless) or self._is_used_up
        if not self.pausing.count or not (is_over or self._may_go_on):
            return []  # out of time: more of it may be given to those that wait
        ended = self.pausing.give_up(self.running, self._new, all_of_them=is_over)
        if ended:
            self._progress.waiting(self.pausing.count)
        return ended

    def say_what_stays_paused(self) -> None:
        """Say how many trials wait for more time, if any do."""
        if self.pausing.count:
            then = go_on(self._repository.url, RESUME, self._study)
            logger.info(
                "%s: trials that stay paused: %d; %s", self._study, self.pausing.count, then
            )

    def _send(self, running: RunningTrial, trained: int = 0) -> None:
        """Have a trial trained until its next rung.

        Args:
            running: The trial.
            trained: Epochs it has behind it, of which nobody has judged whether it may go on.
        """
        until = self.pausing.until(running.spec, trained)
        running.spec = running.spec.model_copy(update={"until": until})
        running.at_rung = False
        self._leases.submit(running.spec, self._files.checkpoints(running.spec.number))

    def _next_up(self) -> int | None:
        """Return the paused trial whose turn it is."""
        if self._waits_for_a_lost_baseline or self._is_used_up:
            return None
        return self.pausing.next_up(self.running, self._new)

    def _put_back(self, running: RunningTrial) -> None:
        number = running.spec.number
        self._repository.requeue(number)
        del self.running[number]
        self._progress.put_back(number)

    @property
    def _is_used_up(self) -> bool:
        """Whether as many trials as there may be ended or are at work: the budget was lowered."""
        return self._allowance.to_begin(self.finished + len(self.running)) == 0

    @property
    def _may_go_on(self) -> bool:
        return self._allowance.goes_on(needless=self._standing.needless)

    @property
    def _new(self) -> int:
        """How many trials of the budget are still to be begun."""
        return self._allowance.to_begin(self.finished + len(self.running) + self.pausing.count)

    @property
    def _waits_for_a_lost_baseline(self) -> bool:
        """Whether trials cannot end, whatever the budget, before it is tried again."""
        if self._scoring.baseline_ended or not self.running:
            return False
        return not any(running.is_baseline for running in self.running.values())
