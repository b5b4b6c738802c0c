"""The study's book: the one place that asks Optuna for trials and tells it what came of them."""

import copy
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from optuna.distributions import BaseDistribution
from optuna.pruners import NopPruner
from optuna.study import Study
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.trial import FrozenTrial, Trial, TrialState

from objectives.guards import broken
from objectives.targets import Targets
from objectives.verdict import SUCCESS, Contender, Verdict
from storage.database import (
    database_errors,
    database_file,
    make_durable,
    require_database,
)
from storage.one_transaction import one_transaction
from storage.patience import Patience
from storage.trial_attributes import set_trial_attributes
from sweep.configuration.duration import seconds
from sweep.configuration.names import setting_path
from sweep.configuration.presets import NO_TERM, Preset, preset_parameters, presets
from sweep.configuration.settings import SweepConfig
from sweep.configuration.space import distributions
from sweep.study import records
from sweep.study.artifacts import Picture, artifact_attributes
from sweep.study.contenders import contenders
from sweep.study.facts import StudyFacts
from sweep.study.lost_attempts import LostAttempts, lost_attempts
from sweep.study.records import (
    BestTrial,
    TrialRecord,
    best_trial,
    complete_baseline,
    counted,
    is_baseline,
    is_failed_baseline,
    trial_record,
    trial_spec,
)
from sweep.study.settled import settled
from sweep.study.studies import study_identity
from sweep.study.trial_spec import TrialSpec
from sweep.study.warm_start import begun_with

T = TypeVar("T")
NO_WEIGHT = {"gradient_weight": 0.0}


def _trained(preset: Preset) -> str:
    """Return what a preset trains, for people: the recorded parameters may be the nearest ones."""
    return ", ".join(f"{path} {value}" for path, value in preset.values.items())


class Ledger:
    """Asks, reports and tells. One per study, used by the coordinator alone.

    Every act is one transaction, and is tried again while the database is unavailable. Only the
    answer to the last word of a transaction can be lost, so an act does no harm when done twice.
    """

    def __init__(
        self,
        study: Study,
        config: SweepConfig,
        url: str,
        facts: StudyFacts,
        patience: Patience | None = None,
    ) -> None:
        self.study = study
        self._facts = facts
        self._provenance = facts.provenance.model_dump(mode="json")
        self.config = config
        self.url = url
        self._file = database_file(url)
        self._identity = study_identity(study)
        self.patience = patience or Patience(seconds(config.recovery.patience))
        baseline, *rounds = presets(config)
        start = begun_with(study)
        earlier = [trial.preset for trial in start.trials] if start is not None else []
        self._presets = {preset.name: preset for preset in (baseline, *earlier, *rounds)}
        self._distributions: dict[str, BaseDistribution] = distributions(config.search)
        self._running: dict[int, Trial] = {}

    def _read(self, what: Callable[[], T]) -> T:
        """Return what is read from the storage, once it succeeds."""

        def attempt() -> T:
            with database_errors(self.url):
                return what()

        return self.patience.call(attempt)

    def _write(self, what: Callable[[], T]) -> T:
        """Return what an act on the storage returns, once it succeeds: wholly, or not at all."""

        def attempt() -> T:
            require_database(self.url, self._file)
            with database_errors(self.url), one_transaction(self.study):
                return what()

        return self.patience.call(attempt)

    def prepare(self) -> None:
        """Queue the presets of a new study."""
        self._write(self._prepare)

    def _prepare(self) -> None:
        trials = self.study.get_trials(deepcopy=False)
        # A baseline that failed is tried again, since nothing can be scored without one.
        there = {
            trial.user_attrs.get(records.PRESET)
            for trial in trials
            if not is_failed_baseline(trial)
        }
        for preset in self._presets.values():
            if preset.name not in there:
                self._enqueue(preset)

    def left_running(self) -> list[int]:
        """Return the trials that are marked as running and that nobody is at."""

        def find() -> list[int]:
            running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            return [trial.number for trial in running if trial.number not in self._running]

        return self._read(find)

    def numbers(self) -> set[int]:
        """Return the numbers of all trials."""
        trials = self._read(lambda: self.study.get_trials(deepcopy=False))
        return {trial.number for trial in trials}

    def told(self) -> set[int]:
        """Return the numbers of all trials that ended."""
        trials = self._read(lambda: self.study.get_trials(deepcopy=False))
        return {trial.number for trial in trials if trial.state.is_finished()}

    def finished(self) -> int:
        """Return how many trials count towards the budget: all that ended, but failed baselines."""
        return self._read(lambda: counted(self.study.get_trials(deepcopy=False)))

    def baseline(self) -> TrialRecord | None:
        """Return the outcome of the baseline, None before it is complete."""
        trial = self._read(lambda: complete_baseline(self.study.get_trials(deepcopy=False)))
        return None if trial is None else trial_record(trial)

    def best(self) -> BestTrial | None:
        """Return the best trial that breaks no guard, None before there is one."""
        trial = self._read(lambda: best_trial(self.study.get_trials(deepcopy=False)))
        record = trial_record(trial) if trial is not None else None
        if trial is None or record is None:
            return None
        metrics = record.metrics
        return BestTrial(trial.number, record.score, metrics["gradient"], metrics["peak"])

    def ask(self) -> TrialSpec:
        """Return the next trial: one that was put back or queued, else the sampler's choice."""
        return self._write(self._ask)

    def _ask(self) -> TrialSpec:
        trial = self._waiting_baseline() or self.study.ask()
        for name, distribution in self._distributions.items():
            trial._suggest(name, distribution)
        spec = self._spec(trial)
        trial.set_user_attr(records.SPEC, spec.model_dump(mode="json"))
        if records.PROVENANCE not in trial.user_attrs:
            # Of this trial, not of the study: a study may be gone on with by a newer version.
            trial.set_user_attr(records.PROVENANCE, self._provenance)
            if spec.preset is not None:
                trial.set_user_attr(records.TRAINED, _trained(self._presets[spec.preset]))
        self._running[trial.number] = trial
        return spec

    def _spec(self, trial: Trial) -> TrialSpec:
        attributes = trial.user_attrs
        preset = self._presets.get(attributes.get(records.PRESET, ""))
        values = {setting_path(name): value for name, value in trial.params.items()}
        run = preset.run(self.config, values) if preset else self.config.run_with(values)
        if run.loss.variant == NO_TERM:  # a weight on nothing is 0, and is shown as such
            run = run.model_copy(update={"loss": run.loss.model_copy(update=NO_WEIGHT)})
        earlier = attributes.get(records.SPEC)
        return TrialSpec(
            number=trial.number,
            attempt=earlier["attempt"] + 1 if earlier else 1,
            preset=preset.name if preset else None,
            data_sha256=self._provenance["data_sha256"],
            run=run,
            micro_batches=attributes.get(records.MICRO_BATCHES, 1),
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
        found = next((t for t in self.study.get_trials(deepcopy=False) if t.number == number), None)
        spec = trial_spec(found) if found is not None else None
        if found is None or found.state.is_finished() or spec is None:
            return None
        if (spec.attempt, spec.fingerprint) != (attempt, fingerprint):
            return None
        if found.state is TrialState.WAITING:
            self.study._storage.set_trial_state_values(found._trial_id, TrialState.RUNNING)
        self._running[number] = Trial(self.study, found._trial_id)
        return spec

    def _waiting_baseline(self) -> Trial | None:
        """Return the queued baseline, now running: it comes first, also when it is tried again."""
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        for queued in waiting:
            if is_baseline(queued):
                trial_id = queued._trial_id
                self.study._storage.set_trial_state_values(trial_id, TrialState.RUNNING)
                return Trial(self.study, trial_id)
        return None

    def report(self, number: int, epoch: int, score: float) -> bool:
        """Write the score after an epoch down and return whether the trial should be pruned."""
        return self._write(lambda: self._report(self._running[number]._trial_id, epoch, score))

    def _report(self, trial_id: int, epoch: int, score: float) -> bool:
        storage = self.study._storage
        # Not Trial.report: that ignores a step a first attempt has reported already. Nor
        # Trial.should_prune: that looks at a copy which knows only what Trial.report wrote.
        if isinstance(self.study.pruner, NopPruner):
            storage.set_trial_intermediate_value(trial_id, epoch, score)
            return False
        known = epoch in storage.get_trial(trial_id).intermediate_values
        storage.set_trial_intermediate_value(trial_id, epoch, score)
        if known:  # an attempt before this one was let go on from here, with what was known then
            return False
        so_far = copy.copy(storage.get_trial(trial_id))
        # Without what a former attempt reported of later epochs.
        steps = so_far.intermediate_values.items()
        so_far.intermediate_values = {step: v for step, v in steps if step <= epoch}
        return bool(self.study.pruner.prune(self.study, so_far))

    def complete(self, number: int, record: TrialRecord, pictures: Sequence[Picture] = ()) -> None:
        """Tell the result of a trial, and of which pictures there can be."""
        self._tell(number, TrialState.COMPLETE, self._values(record), record, pictures)

    def _values(self, record: TrialRecord) -> list[float]:
        """Return what the search minimises."""
        if self.config.objective.mode == "score":
            return [record.score]
        parts = record.score_parts
        return [parts["gradient"], parts["peak"], record.metrics["rmse"]]

    def prune(self, number: int, record: TrialRecord, pictures: Sequence[Picture] = ()) -> None:
        """Tell that a trial was pruned; its last score is kept as its value."""
        trial_id, storage = self._running[number]._trial_id, self.study._storage

        def level() -> None:
            # Optuna takes the value of the last step, which a former attempt may have reported.
            for step in storage.get_trial(trial_id).intermediate_values:
                if step >= record.epochs:
                    storage.set_trial_intermediate_value(trial_id, step, record.score)

        self._tell(number, TrialState.PRUNED, None, record, pictures, before=level)

    def fail(self, number: int, reason: str) -> None:
        """Tell that a trial failed, and why; also one that was left running."""

        def tell() -> None:
            trial = self._running_trial(number)
            if not trial.state.is_finished():
                self.study._storage.set_trial_user_attr(trial._trial_id, records.FAILURE, reason)
            self.study.tell(number, state=TrialState.FAIL, skip_if_finished=True)

        self._write(tell)
        self._running.pop(number, None)

    def lost_once_more(self, number: int, epochs_done: int, reason: str) -> LostAttempts:
        """Return how often a running trial was lost since it last got further, now included.

        Args:
            number: The trial; one that was never handed out was not lost.
            epochs_done: How far it got, by its checkpoints.
            reason: Why its last attempt ended.
        """

        def read() -> LostAttempts:
            trial = self._running_trial(number)
            spec = trial_spec(trial)
            attempt = spec.attempt if spec is not None else 0
            return lost_attempts(trial).and_another(attempt, epochs_done, reason)

        return self._read(read)

    def contenders(self) -> list[Contender]:
        """Return the complete trials as the verdict sees them."""
        return self._read(lambda: contenders(self.study.get_trials(deepcopy=False)))

    def settled(self, verdict: Verdict, targets: Targets) -> str:
        """Return why no further trial is needed, by all that ended; "" where one is."""
        budget = self.config.budget
        if verdict.name != SUCCESS or not budget.stop_on_success:  # the trials need no second look
            return settled(verdict, budget, (), targets)
        trials = self._read(lambda: self.study.get_trials(deepcopy=False))
        return settled(verdict, budget, trials, targets)

    def conclude(self, verdict: Verdict) -> None:
        """Write the verdict down with the study."""
        self._write(lambda: self.study.set_user_attr(records.VERDICT, verdict.model_dump()))

    def put_back(
        self, number: int, lost: LostAttempts | None = None, micro_batches: int | None = None
    ) -> None:
        """Queue a running trial again, under its own number and with its own parameters.

        Args:
            number: The trial; also one that was left running.
            lost: What to keep of its lost attempts; None leaves them.
            micro_batches: Parts a batch is computed in from now on; None leaves them.
        """

        def put_back() -> None:
            trial_id, storage = self._running_trial(number)._trial_id, self.study._storage
            if lost is not None:
                storage.set_trial_user_attr(trial_id, records.LOST, lost.model_dump(mode="json"))
            if micro_batches is not None:
                storage.set_trial_user_attr(trial_id, records.MICRO_BATCHES, micro_batches)
            storage.set_trial_state_values(trial_id, TrialState.WAITING)

        self._write(put_back)
        self._running.pop(number, None)

    def make_durable(self) -> None:
        """Have everything that was told survive a power cut too."""
        self._read(lambda: make_durable(self.url))

    def _running_trial(self, number: int) -> FrozenTrial:
        storage = self.study._storage
        trial_id = storage.get_trial_id_from_study_id_trial_number(self.study._study_id, number)
        return storage.get_trial(trial_id)

    def _tell(
        self,
        number: int,
        state: TrialState,
        values: list[float] | None,
        record: TrialRecord,
        pictures: Sequence[Picture],
        before: Callable[[], None] = lambda: None,
    ) -> None:
        trial_id = self._running[number]._trial_id

        def tell() -> None:
            trial = self._running_trial(number)
            if trial.state.is_finished():
                return  # by a transaction of which only the answer was lost
            before()
            # Everything is written before tell: a finished trial takes no more attributes.
            shown: dict[str, object] = {name: record.metrics[name] for name in records.SHOWN}
            wrong = broken(record.guards)
            if wrong:
                shown[records.GUARDS_BROKEN] = "; ".join(f"{g.name}: {g.words}" for g in wrong)
            kept = {
                records.SCORE: record.score,
                records.RECORD: json.loads(record.model_dump_json()),
            }
            # As Trial.set_constraint does, which reads the whole trial back for each of them.
            constraints = {f"{_CONSTRAINTS_KEY}:{g.name}": g.violation for g in record.guards}
            spec = trial_spec(trial)
            artifacts = artifact_attributes(self._identity, spec, pictures) if spec else {}
            attributes = {**constraints, **artifacts}
            set_trial_attributes(self.study, trial_id, {**shown, **kept}, attributes)
            self.study.tell(number, values, state)

        self._write(tell)
        del self._running[number]

    def _enqueue(self, preset: Preset) -> None:
        self.study.enqueue_trial(
            preset_parameters(preset, self.config, self._facts.weight_units.get(preset.name, 1.0)),
            user_attrs={records.PRESET: preset.name},
        )
