"""The repository of a study: the only code that asks Optuna for trials and tells their results."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from optuna.study import Study
from optuna.trial import Trial, TrialState

from fieldsharp.core.errors import StudyError, TrialEndedElsewhere
from fieldsharp.objectives.verdicts.contender import Contender
from fieldsharp.objectives.verdicts.verdict import SUCCESS, Verdict
from fieldsharp.storage.optuna_adapter.trials import (
    open_trial,
    set_step_score,
    set_trial_attribute,
    set_trial_state,
)
from fieldsharp.storage.retry import DatabaseRetry
from fieldsharp.sweep.configuration.execution import seconds
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.space import make_pruner
from fieldsharp.sweep.study import trial_records
from fieldsharp.sweep.study.confirmation.records import Confirmation, read_confirmation
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.artifacts import Picture
from fieldsharp.sweep.study.leads import LEADS, StoredLeads, stored_leads, study_leads
from fieldsharp.sweep.study.lookup import study_identity
from fieldsharp.sweep.study.queue_checks import TrialRefusedError
from fieldsharp.sweep.study.retry_history import RetryHistory, retry_history
from fieldsharp.sweep.study.rung_results import RungResult, known_rung_results, objective_values
from fieldsharp.sweep.study.status.state import ScoredTrial, scored_trial
from fieldsharp.sweep.study.trial_queue import TrialQueue
from fieldsharp.sweep.study.trial_records import (
    TrialRecord,
    best_trial,
    complete_baseline,
    counted,
    paused_after,
    trial_record,
    trial_spec,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.study.trial_writer import write_outcome, write_score
from fieldsharp.sweep.study.unit_of_work import UnitOfWork
from fieldsharp.sweep.study.verdict import settled_verdict
from fieldsharp.sweep.study.verdict_inputs import contenders

logger = logging.getLogger(__name__)
ENDED_ELSEWHERE = "another program ended it; its result here does not count"


class StudyRepository(UnitOfWork):
    """Asks for trials, reports their scores and tells their results; for the coordinator alone.

    The study must have its sampler and pruner. Without ``patience`` with a database that does not
    answer, that of the configuration is used.
    """

    def __init__(
        self,
        study: Study,
        config: SweepConfig,
        url: str,
        facts: DataSummary,
        patience: DatabaseRetry | None = None,
    ) -> None:
        super().__init__(study, url, patience or DatabaseRetry(seconds(config.recovery.patience)))
        self.config = config
        self._identity = study_identity(study)
        self._facts = facts
        self._queue = TrialQueue(study, config, facts)
        self._running: dict[int, Trial] = {}

    def fix_length(self, epochs: int) -> None:
        """Train every further trial for so many epochs; the stored configuration stays."""
        self.config = self.config.with_length(epochs)
        self._queue.configure(self.config)
        self.study.pruner = make_pruner(self.config.search, epochs)

    def set_facts(self, facts: DataSummary) -> None:
        """Store what is known of the data, once the baseline of a script has told it."""
        tree = facts.model_dump(mode="json")
        self._write(lambda: self.study.set_user_attr(trial_records.FACTS, tree))
        self._facts = facts

    def set_worker_count(self, count: int) -> None:
        """Store how many trials may run at a time, for `status --watch` and the dashboard."""
        self._write(lambda: self.study.set_user_attr(trial_records.WORKERS, count))

    def prepare(self) -> None:
        """Queue the presets of a new study."""
        self._write(lambda: self._queue.enqueue_presets(self._trials()))

    def stale_running(self) -> list[int]:
        """Return the stale RUNNING trials: of an earlier coordinator, and run by no process.

        Trials that another program asked Optuna for are left out.
        """

        def find() -> list[int]:
            running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            by_a_sweep = {trial_records.SPEC, trial_records.PRESET}
            ours = (t.number for t in running if by_a_sweep & t.user_attrs.keys())
            return [number for number in ours if number not in self._running]

        return self._read(find)

    def numbers(self) -> set[int]:
        """Return the numbers of all trials."""
        return {trial.number for trial in self._read(self._trials)}

    def finished_numbers(self) -> set[int]:
        """Return the numbers of all trials that ended."""
        return {trial.number for trial in self._read(self._trials) if trial.state.is_finished()}

    def finished(self) -> int:
        """Return how many trials count towards the budget: all that ended, but failed baselines."""
        return self._read(lambda: counted(self._trials()))

    def baseline(self) -> TrialRecord | None:
        """Return the record of the baseline, None before it is complete."""
        trial = self._read(lambda: complete_baseline(self._trials()))
        return None if trial is None else trial_record(trial)

    def best(self) -> ScoredTrial | None:
        """Return the best trial that breaks no guard, None before there is one."""
        trial = self._read(lambda: best_trial(self._trials()))
        return None if trial is None else scored_trial(trial)

    def ask(self) -> TrialSpec:
        """Return the next trial, now running: a queued or requeued one, else the sampler's choice.

        Raises:
            TrialRefusedError: If the next of the queue cannot be trained; its state is then FAIL.
        """
        asked = self._write(self._queue.ask)  # a refusal is raised after its transaction
        if isinstance(asked, TrialRefusedError):
            raise asked
        trial, spec = asked
        self._running[trial.number] = trial
        return spec

    def adopt(self, number: int, attempt: int, fingerprint: str) -> TrialSpec | None:
        """Mark a trial as running whose result is in the spool; None where it is another's.

        The result must be of its last attempt, and of what was trained: in a restored copy of the
        database the number may be another trial's.
        """

        def adopt() -> TrialSpec | None:
            found = next((t for t in self._trials() if t.number == number), None)
            spec = trial_spec(found) if found is not None else None
            if found is None or found.state.is_finished() or spec is None:
                return None
            if (spec.attempt, spec.fingerprint) != (attempt, fingerprint):
                return None
            if found.state is TrialState.WAITING:
                set_trial_state(self.study, found, TrialState.RUNNING)
            self._running[number] = open_trial(self.study, found)
            return spec

        return self._write(adopt)

    def report(self, number: int, epoch: int, score: float, rung: RungResult | None = None) -> bool:
        """Write the score after an epoch, from 0, and return whether to prune the trial.

        ``rung`` is the result at a rung, where one lies after that epoch.
        """

        def report() -> bool:
            trial = self._running[number]
            if rung is not None:
                earlier = self._trial(number).user_attrs.get(trial_records.RUNGS, [])
                rungs = [*earlier, rung.model_dump(mode="json")]
                set_trial_attribute(self.study, trial, trial_records.RUNGS, rungs)
            return write_score(self.study, trial, epoch, score)

        try:
            return self._write(report)
        except TrialEndedElsewhere:
            logger.warning("%s trial %d: %s", self.config.study, number, ENDED_ELSEWHERE)
            return True

    def complete(
        self,
        number: int,
        record: TrialRecord,
        pictures: Sequence[Picture] = (),
        spec: TrialSpec | None = None,
    ) -> None:
        """Tell a trial as complete, with the pictures that can be drawn of it.

        A given ``spec`` replaces the stored one: the length of the baseline is known only now.
        """
        values = objective_values(
            self.config.objective.mode, record.value, record.score_parts, record.error
        )

        def write_spec() -> None:
            if spec is not None:
                stored = spec.model_dump(mode="json")
                set_trial_attribute(self.study, self._trial(number), trial_records.SPEC, stored)

        self._tell(number, TrialState.COMPLETE, list(values), record, pictures, write_spec)

    def prune(self, number: int, record: TrialRecord, pictures: Sequence[Picture] = ()) -> None:
        """Tell a trial as pruned, with its last score as its value."""

        def level() -> None:
            # Optuna takes the value of the last step, which a former attempt may have reported.
            trial = self._trial(number)
            for step in trial.intermediate_values:
                if step >= record.epochs:
                    set_step_score(self.study, trial, step, record.value)

        self._tell(number, TrialState.PRUNED, None, record, pictures, before=level)

    def pause(
        self, number: int, epochs: int, record: TrialRecord, pictures: Sequence[Picture]
    ) -> None:
        """Pause a running trial at a rung, with its outcome so far."""

        def pause() -> None:
            trial, paused = self._trial(number), {trial_records.PAUSED: epochs}
            write_outcome(self.study, self._identity, trial, record, pictures, paused)
            set_trial_state(self.study, trial, TrialState.WAITING)

        with suppress(TrialEndedElsewhere):  # reported when it is to be resumed
            self._write(pause)
        del self._running[number]

    def resume_paused(self, number: int) -> TrialSpec:
        """Return a paused trial, now running, as a further attempt at the same training.

        Raises:
            TrialRefusedError: If another program ended it.
        """

        def resume() -> TrialSpec:
            paused = self._trial(number)
            set_trial_state(self.study, paused, TrialState.RUNNING)
            trial = open_trial(self.study, paused)
            trial.set_user_attr(trial_records.PAUSED, None)
            spec = self._queue.spec(trial)
            trial.set_user_attr(trial_records.SPEC, spec.model_dump(mode="json"))
            self._running[number] = trial
            return spec

        try:
            return self._write(resume)
        except TrialEndedElsewhere:
            raise TrialRefusedError(number, ENDED_ELSEWHERE) from None

    def prune_paused(self, number: int) -> None:
        """Tell a paused trial as pruned."""

        def prune() -> None:
            trial = self._trial(number)
            if not trial.state.is_finished():
                set_trial_state(self.study, trial, TrialState.RUNNING)
                self.study.tell(number, state=TrialState.PRUNED)

        self._write(prune)

    def rungs(self) -> dict[int, list[RungResult]]:
        """Return the results at rungs, by number of the trial."""

        def read() -> dict[int, list[RungResult]]:
            return {t.number: found for t in self._trials() if (found := known_rung_results(t))}

        return self._read(read)

    def paused(self) -> list[tuple[TrialSpec, TrialRecord]]:
        """Return the paused trials, and their outcomes so far."""

        def read() -> list[tuple[TrialSpec, TrialRecord]]:
            paused = (trial for trial in self._trials() if paused_after(trial) is not None)
            pairs = ((trial_spec(trial), trial_record(trial)) for trial in paused)
            return [(spec, record) for spec, record in pairs if spec and record]

        return self._read(read)

    def fail(self, number: int, reason: str) -> None:
        """Tell a trial as failed, and why; also a stale RUNNING one."""

        def tell() -> None:
            trial = self._trial(number)
            if not trial.state.is_finished():
                set_trial_attribute(self.study, trial, trial_records.FAILURE, reason)
            self.study.tell(number, state=TrialState.FAIL, skip_if_finished=True)

        self._write(tell)
        self._running.pop(number, None)

    def retry_history_after(self, number: int, epochs_done: int, reason: str) -> RetryHistory:
        """Return the retry history of a running trial with the attempt that was lost just now.

        ``epochs_done`` counts its checkpoints; a trial that was never handed out has no attempt.
        """

        def read() -> RetryHistory:
            trial = self._trial(number)
            spec = trial_spec(trial)
            attempt = spec.attempt if spec is not None else 0
            try:
                history = retry_history(trial)
            except StudyError:  # another program overwrote it: the count begins anew
                history = RetryHistory()
            return history.and_another(attempt, epochs_done, reason)

        return self._read(read)

    def confirmation(self) -> Confirmation | None:
        """Return the confirmation of the study, None where there is none."""
        return self._read(lambda: read_confirmation(self.study))

    def contenders(self) -> list[Contender]:
        """Return the complete and pruned trials as the verdict compares them."""
        return self._read(lambda: contenders(self._trials()))

    def why_settled(self, verdict: Verdict) -> str:
        """Return why no further trial is needed, by all finished ones; "" where one is needed."""
        budget = self.config.budget
        if verdict.name != SUCCESS or not budget.stop_on_success:  # the trials make no difference
            return settled_verdict(verdict, budget, ())
        trials = self._read(self._trials)
        return settled_verdict(verdict, budget, trials)

    def leads(self) -> StoredLeads | None:
        """Return the leads of the trials over the best reference, and store them if they are new.

        Worked out at most once for the same complete trials, which takes seconds; see
        ``study_leads``.
        """
        attributes = self._read(lambda: self.study.user_attrs)
        found = study_leads(self._read(self._trials), self.config, self._facts, attributes)
        if found is not None and found != stored_leads(attributes):
            leads = found.model_dump(mode="json")
            self._write(lambda: self.study.set_user_attr(LEADS, leads))
        return found

    def set_verdict(self, verdict: Verdict) -> None:
        """Write the verdict as an attribute of the study."""
        self._write(lambda: self.study.set_user_attr(trial_records.VERDICT, verdict.model_dump()))

    def requeue(
        self, number: int, lost: RetryHistory | None = None, micro_batches: int | None = None
    ) -> None:
        """Queue a running trial again, also a stale one, with its own number and parameters.

        A new retry history, and the number of parts that a batch is computed in, replace the
        former ones unless they are None.
        """

        def requeue() -> None:
            trial = self._trial(number)
            if lost is not None:
                attempts = lost.model_dump(mode="json")
                set_trial_attribute(self.study, trial, trial_records.LOST, attempts)
            if micro_batches is not None:
                set_trial_attribute(self.study, trial, trial_records.MICRO_BATCHES, micro_batches)
            set_trial_state(self.study, trial, TrialState.WAITING)

        with suppress(TrialEndedElsewhere):
            self._write(requeue)
        self._running.pop(number, None)

    def _tell(
        self,
        number: int,
        state: TrialState,
        values: list[float] | None,
        record: TrialRecord,
        pictures: Sequence[Picture],
        before: Callable[[], None] = lambda: None,
    ) -> None:
        def tell() -> None:
            trial = self._trial(number)
            if trial.state.is_finished():
                return  # by a transaction whose commit succeeded but whose answer was lost
            before()
            write_outcome(self.study, self._identity, trial, record, pictures)
            self.study.tell(number, values, state)

        self._write(tell)
        del self._running[number]
