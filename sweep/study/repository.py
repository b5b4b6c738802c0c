"""The study's book: the one place that asks Optuna for trials and tells it what came of them."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from fieldsharp.core.errors import StudyError, TrialEndedElsewhere
from fieldsharp.model.registry import NO_TERM
from fieldsharp.objectives.contenders import Contender
from fieldsharp.objectives.targets import Targets
from fieldsharp.objectives.verdict import SUCCESS, Verdict
from fieldsharp.storage.retry import DatabaseRetry
from fieldsharp.sweep.configuration.execution import seconds
from fieldsharp.sweep.configuration.presets import Preset, preset_parameters, presets
from fieldsharp.sweep.configuration.ranges import setting_path
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.space import distributions
from fieldsharp.sweep.study import trial_records
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.early_stop import settled_verdict
from fieldsharp.sweep.study.files.artifacts import Picture
from fieldsharp.sweep.study.lookup import study_identity
from fieldsharp.sweep.study.pruning import write_score
from fieldsharp.sweep.study.queued_trials import TrialRefusedError, refusal_of_queued_trial
from fieldsharp.sweep.study.retry_history import RetryHistory, retry_history
from fieldsharp.sweep.study.rung_results import RungResult, known_rung_results, objective_values
from fieldsharp.sweep.study.trial_records import (
    BestTrial,
    TrialRecord,
    best_trial,
    complete_baseline,
    counted,
    is_baseline,
    is_failed_baseline,
    paused_after,
    trial_record,
    trial_spec,
    why_left_out,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.study.trial_writer import write_outcome
from fieldsharp.sweep.study.unit_of_work import UnitOfWork
from fieldsharp.sweep.study.verdict_inputs import contenders
from fieldsharp.sweep.study.warm_start import warm_start_of

logger = logging.getLogger(__name__)
NO_WEIGHT = {"gradient_weight": 0.0}
ENDED_ELSEWHERE = "another program ended it; what it came to here does not count"


def _trained(preset: Preset) -> str:
    """Return what a preset trains, for people: the recorded parameters may be the nearest ones."""
    return ", ".join(f"{path} {value}" for path, value in preset.values.items())


def _is_ours(trial: FrozenTrial) -> bool:
    """Return whether a running trial was queued or handed out by a sweep."""
    return bool({trial_records.SPEC, trial_records.PRESET} & trial.user_attrs.keys())


class StudyRepository(UnitOfWork):
    """Asks, reports and tells. One per study, used by the coordinator alone."""

    def __init__(
        self,
        study: Study,
        config: SweepConfig,
        url: str,
        facts: DataSummary,
        patience: DatabaseRetry | None = None,
    ) -> None:
        super().__init__(study, url, patience or DatabaseRetry(seconds(config.recovery.patience)))
        self._facts = facts
        self._provenance = facts.provenance.model_dump(mode="json")
        self.config = config
        self._identity = study_identity(study)
        baseline, *rounds = presets(config)
        start = warm_start_of(study)
        earlier = [trial.preset for trial in start.trials] if start is not None else []
        self._presets = {preset.name: preset for preset in (baseline, *earlier, *rounds)}
        self._distributions: dict[str, BaseDistribution] = distributions(config.search)
        self._running: dict[int, Trial] = {}

    def keep_workers(self, count: int) -> None:
        """Keep how many trials there may be at a time, for whoever looks at the study."""
        self._write(lambda: self.study.set_user_attr(trial_records.WORKERS, count))

    def prepare(self) -> None:
        """Queue the presets of a new study."""
        self._write(self._prepare)

    def _prepare(self) -> None:
        trials = self._trials()
        # A baseline that failed is tried again, since nothing can be scored without one.
        there = {
            preset
            for trial in trials
            if isinstance(preset := trial.user_attrs.get(trial_records.PRESET), str)
            and not is_failed_baseline(trial)
            and not (trial.state is TrialState.COMPLETE and why_left_out(trial))
        }
        for preset in self._presets.values():
            if preset.name not in there:
                self._enqueue(preset)

    def left_running(self) -> list[int]:
        """Return the trials that are marked as running and that nobody is at.

        One that another program asked Optuna for is that program's, and is left alone.
        """

        def find() -> list[int]:
            running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            return [t.number for t in running if t.number not in self._running and _is_ours(t)]

        return self._read(find)

    def numbers(self) -> set[int]:
        """Return the numbers of all trials."""
        trials = self._read(self._trials)
        return {trial.number for trial in trials}

    def told(self) -> set[int]:
        """Return the numbers of all trials that ended."""
        trials = self._read(self._trials)
        return {trial.number for trial in trials if trial.state.is_finished()}

    def finished(self) -> int:
        """Return how many trials count towards the budget: all that ended, but failed baselines."""
        return self._read(lambda: counted(self._trials()))

    def baseline(self) -> TrialRecord | None:
        """Return the outcome of the baseline, None before it is complete."""
        trial = self._read(lambda: complete_baseline(self._trials()))
        return None if trial is None else trial_record(trial)

    def best(self) -> BestTrial | None:
        """Return the best trial that breaks no guard, None before there is one."""
        trial = self._read(lambda: best_trial(self._trials()))
        record = trial_record(trial) if trial is not None else None
        if trial is None or record is None:
            return None
        metrics = record.metrics
        return BestTrial(trial.number, record.score, metrics["gradient"], metrics["peak"])

    def ask(self) -> TrialSpec:
        """Return the next trial: one that was put back or queued, else the sampler's choice.

        Raises:
            TrialRefusedError: If the next of the queue cannot be trained; it was told as failed.
        """
        found = self._write(self._ask)
        if isinstance(found, TrialRefusedError):
            raise found
        return found

    def _ask(self) -> TrialSpec | TrialRefusedError:
        queued = self._next_in_the_queue()
        if queued is not None:
            space, trials = self.config.search.space, self._trials()
            reason = refusal_of_queued_trial(
                self._trial(queued.number), space, self._presets, trials
            )
            if reason:
                return self._refuse(queued, reason)
        trial = queued or self._new_trial()
        for name, distribution in self._distributions.items():
            trial._suggest(name, distribution)
        try:
            spec = self._spec(trial)
        except ValueError as error:
            if queued is None:
                raise
            words = " ".join(str(error).split())
            return self._refuse(queued, f"its values cannot be trained together ({words})")
        trial.set_user_attr(trial_records.SPEC, spec.model_dump(mode="json"))
        if trial_records.PROVENANCE not in trial.user_attrs:
            # Of this trial, not of the study: a study may be gone on with by a newer version.
            trial.set_user_attr(trial_records.PROVENANCE, self._provenance)
            if spec.preset is not None:
                trial.set_user_attr(trial_records.TRAINED, _trained(self._presets[spec.preset]))
        self._running[trial.number] = trial
        return spec

    def _refuse(self, trial: Trial, reason: str) -> TrialRefusedError:
        """Tell that a queued trial failed, without what another program wrote into it."""
        is_only = is_baseline(self._trial(trial.number)) and not any(
            is_baseline(other) and not is_failed_baseline(other) and other.number < trial.number
            for other in self._trials()
        )
        # Else it would stand for that preset, or for what the attributes say.
        for name in (*trial_records.READ_BACK, *(() if is_only else (trial_records.PRESET,))):
            if name in trial.user_attrs:
                trial.set_user_attr(name, None)
        trial.set_user_attr(trial_records.FAILURE, reason)
        self.study.tell(trial.number, state=TrialState.FAIL)
        return TrialRefusedError(trial.number, reason, is_baseline=is_only)

    def _spec(self, trial: Trial) -> TrialSpec:
        attributes = trial.user_attrs
        preset = self._presets.get(attributes.get(trial_records.PRESET, ""))
        values = {setting_path(name): value for name, value in trial.params.items()}
        run = preset.run(self.config, values) if preset else self.config.run_with(values)
        if run.loss.variant == NO_TERM:  # a weight on nothing is 0, and is shown as such
            run = run.model_copy(update={"loss": run.loss.model_copy(update=NO_WEIGHT)})
        earlier = trial_spec(trial._cached_frozen_trial)
        return TrialSpec(
            number=trial.number,
            attempt=earlier.attempt + 1 if earlier else 1,
            preset=preset.name if preset else None,
            data_sha256=self._provenance["data_sha256"],
            run=run,
            micro_batches=attributes.get(trial_records.MICRO_BATCHES, 1),
        )

    def adopt(self, number: int, attempt: int, fingerprint: str) -> TrialSpec | None:
        """Take a trial over whose result is at hand; None where it is not that trial's any more.

        Args:
            number: The trial.
            attempt: Which attempt the result is of: the last one that was handed out.
            fingerprint: Of what it trained: the database may be a copy put back, in which the
                number is another trial's.
        """
        return self._write(lambda: self._adopt(number, attempt, fingerprint))

    def _adopt(self, number: int, attempt: int, fingerprint: str) -> TrialSpec | None:
        found = next((t for t in self._trials() if t.number == number), None)
        spec = trial_spec(found) if found is not None else None
        if found is None or found.state.is_finished() or spec is None:
            return None
        if (spec.attempt, spec.fingerprint) != (attempt, fingerprint):
            return None
        if found.state is TrialState.WAITING:
            self.study._storage.set_trial_state_values(found._trial_id, TrialState.RUNNING)
        self._running[number] = Trial(self.study, found._trial_id)
        return spec

    def _next_in_the_queue(self) -> Trial | None:
        """Return the next trial of the queue, now running; None where there is none.

        The baseline comes first, also when it is tried again; a paused trial waits for its turn.
        """
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        queue = [trial for trial in waiting if paused_after(trial) is None]
        queue.sort(key=lambda trial: not is_baseline(trial))
        for trial in queue:
            # Read again: another program may have ended it since it was read.
            if not self._trial(trial.number).state.is_finished():
                return self._run(trial._trial_id)
        return None

    def _run(self, trial_id: int) -> Trial:
        self.study._storage.set_trial_state_values(trial_id, TrialState.RUNNING)
        return Trial(self.study, trial_id)

    def _new_trial(self) -> Trial:
        # Not Study.ask, which would take a paused trial for a queued one.
        self.study._thread_local.cached_all_trials = None
        return Trial(self.study, self.study._storage.create_new_trial(self.study._study_id))

    def report(self, number: int, epoch: int, score: float, rung: RungResult | None = None) -> bool:
        """Write the score after an epoch down and return whether the trial should be pruned.

        Args:
            number: The trial.
            epoch: From 0.
            score: After it.
            rung: What the trial came to, where it came to a rung with that epoch.
        """

        def report() -> bool:
            trial_id = self._running[number]._trial_id
            if rung is not None:
                kept = self._trial(number).user_attrs.get(trial_records.RUNGS, [])
                rungs = [*kept, rung.model_dump(mode="json")]
                self.study._storage.set_trial_user_attr(trial_id, trial_records.RUNGS, rungs)
            return write_score(self.study, trial_id, epoch, score)

        try:
            return self._write(report)
        except TrialEndedElsewhere:
            logger.warning("%s trial %d: %s", self.config.study, number, ENDED_ELSEWHERE)
            return True

    def complete(self, number: int, record: TrialRecord, pictures: Sequence[Picture] = ()) -> None:
        """Tell the result of a trial, and of which pictures there can be."""
        values = objective_values(
            self.config.objective.mode, record.score, record.score_parts, record.metrics["rmse"]
        )
        self._tell(number, TrialState.COMPLETE, list(values), record, pictures)

    def prune(self, number: int, record: TrialRecord, pictures: Sequence[Picture] = ()) -> None:
        """Tell that a trial was pruned; its last score is kept as its value."""
        trial_id, storage = self._running[number]._trial_id, self.study._storage

        def level() -> None:
            # Optuna takes the value of the last step, which a former attempt may have reported.
            for step in storage.get_trial(trial_id).intermediate_values:
                if step >= record.epochs:
                    storage.set_trial_intermediate_value(trial_id, step, record.score)

        self._tell(number, TrialState.PRUNED, None, record, pictures, before=level)

    def pause(
        self, number: int, epochs: int, record: TrialRecord, pictures: Sequence[Picture]
    ) -> None:
        """Have a running trial wait at a rung, with what it has come to.

        Args:
            number: The trial.
            epochs: It has trained.
            record: What it has come to.
            pictures: Which there can be.
        """

        def pause() -> None:
            trial, paused = self._trial(number), {trial_records.PAUSED: epochs}
            write_outcome(self.study, self._identity, trial, record, pictures, paused)
            self.study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)

        with suppress(TrialEndedElsewhere):  # going on with it says so
            self._write(pause)
        del self._running[number]

    def go_on(self, number: int) -> TrialSpec:
        """Return a paused trial, now running: a further attempt at the same.

        Raises:
            TrialRefusedError: If another program ended it.
        """

        def go_on() -> TrialSpec:
            trial = self._run(self._trial(number)._trial_id)
            trial.set_user_attr(trial_records.PAUSED, None)
            spec = self._spec(trial)
            trial.set_user_attr(trial_records.SPEC, spec.model_dump(mode="json"))
            self._running[number] = trial
            return spec

        try:
            return self._write(go_on)
        except TrialEndedElsewhere:
            raise TrialRefusedError(number, ENDED_ELSEWHERE) from None

    def give_up(self, number: int) -> None:
        """Tell that a paused trial was pruned: its turn does not come any more."""

        def give_up() -> None:
            trial = self._trial(number)
            if not trial.state.is_finished():
                self.study._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
                self.study.tell(number, state=TrialState.PRUNED)

        self._write(give_up)

    def rungs(self) -> dict[int, list[RungResult]]:
        """Return what every trial that came to a rung had come to there."""

        def read() -> dict[int, list[RungResult]]:
            return {t.number: found for t in self._trials() if (found := known_rung_results(t))}

        return self._read(read)

    def paused(self) -> list[tuple[TrialSpec, TrialRecord]]:
        """Return the trials that wait at a rung, and what they have come to there."""

        def read() -> list[tuple[TrialSpec, TrialRecord]]:
            paused = (trial for trial in self._trials() if paused_after(trial) is not None)
            both = ((trial_spec(trial), trial_record(trial)) for trial in paused)
            return [(spec, record) for spec, record in both if spec and record]

        return self._read(read)

    def fail(self, number: int, reason: str) -> None:
        """Tell that a trial failed, and why; also one that was left running."""

        def tell() -> None:
            trial = self._trial(number)
            if not trial.state.is_finished():
                self.study._storage.set_trial_user_attr(
                    trial._trial_id, trial_records.FAILURE, reason
                )
            self.study.tell(number, state=TrialState.FAIL, skip_if_finished=True)

        self._write(tell)
        self._running.pop(number, None)

    def lost_once_more(self, number: int, epochs_done: int, reason: str) -> RetryHistory:
        """Return how often a running trial was lost since it last got further, now included.

        Args:
            number: The trial; one that was never handed out was not lost.
            epochs_done: How far it got, by its checkpoints.
            reason: Why its last attempt ended.
        """

        def read() -> RetryHistory:
            trial = self._trial(number)
            spec = trial_spec(trial)
            attempt = spec.attempt if spec is not None else 0
            try:
                lost = retry_history(trial)
            except StudyError:  # another program wrote over it: the count begins anew
                lost = RetryHistory()
            return lost.and_another(attempt, epochs_done, reason)

        return self._read(read)

    def contenders(self) -> list[Contender]:
        """Return the complete trials as the verdict sees them."""
        return self._read(lambda: contenders(self._trials()))

    def settled(self, verdict: Verdict, targets: Targets) -> str:
        """Return why no further trial is needed, by all that ended; "" where one is."""
        budget = self.config.budget
        if verdict.name != SUCCESS or not budget.stop_on_success:  # the trials need no second look
            return settled_verdict(verdict, budget, (), targets)
        trials = self._read(self._trials)
        return settled_verdict(verdict, budget, trials, targets)

    def conclude(self, verdict: Verdict) -> None:
        """Write the verdict down with the study."""
        self._write(lambda: self.study.set_user_attr(trial_records.VERDICT, verdict.model_dump()))

    def put_back(
        self, number: int, lost: RetryHistory | None = None, micro_batches: int | None = None
    ) -> None:
        """Queue a running trial again, under its own number and with its own parameters.

        Args:
            number: The trial; also one that was left running.
            lost: What to keep of its lost attempts; None leaves them.
            micro_batches: Parts a batch is computed in from now on; None leaves them.
        """

        def put_back() -> None:
            trial_id, storage = self._trial(number)._trial_id, self.study._storage
            if lost is not None:
                storage.set_trial_user_attr(
                    trial_id, trial_records.LOST, lost.model_dump(mode="json")
                )
            if micro_batches is not None:
                storage.set_trial_user_attr(trial_id, trial_records.MICRO_BATCHES, micro_batches)
            storage.set_trial_state_values(trial_id, TrialState.WAITING)

        with suppress(TrialEndedElsewhere):
            self._write(put_back)
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
                return  # by a transaction of which only the answer was lost
            before()
            write_outcome(self.study, self._identity, trial, record, pictures)
            self.study.tell(number, values, state)

        self._write(tell)
        del self._running[number]

    def _enqueue(self, preset: Preset) -> None:
        self.study.enqueue_trial(
            preset_parameters(preset, self.config, self._facts.weight_units.get(preset.name, 1.0)),
            user_attrs={trial_records.PRESET: preset.name},
        )
