"""The study's book: the one place that asks Optuna for trials and tells it what came of them."""

import copy
import json

from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import Trial, TrialState

from objectives.guards import broken
from objectives.verdict import Contender, Verdict
from storage.database import database_errors, require_database
from sweep.configuration.names import setting_path
from sweep.configuration.presets import NO_TERM, Preset, preset_parameters, presets
from sweep.configuration.settings import SweepConfig
from sweep.configuration.space import distributions
from sweep.study import records
from sweep.study.contenders import contenders
from sweep.study.facts import StudyFacts
from sweep.study.records import (
    BestTrial,
    TrialRecord,
    best_trial,
    counted,
    is_baseline,
    is_failed_baseline,
    trial_record,
)
from sweep.study.trial_spec import TrialSpec

NO_WEIGHT = {"gradient_weight": 0.0}


def _trained(preset: Preset) -> str:
    """Return what a preset trains, for people: the recorded parameters may be the nearest ones."""
    return ", ".join(f"{path} {value}" for path, value in preset.values.items())


class Ledger:
    """Asks, reports and tells. One per study, used by the coordinator alone."""

    def __init__(self, study: Study, config: SweepConfig, url: str, facts: StudyFacts) -> None:
        self.study = study
        self._facts = facts
        self._provenance = facts.provenance.model_dump(mode="json")
        self.config = config
        self._url = url
        self._presets = {preset.name: preset for preset in presets(config)}
        self._distributions: dict[str, BaseDistribution] = distributions(config.search)
        self._running: dict[int, Trial] = {}

    def prepare(self) -> None:
        """Queue the presets of a new study, and again whatever a coordinator that died left."""
        with database_errors(self._url):
            trials = self.study.get_trials(deepcopy=False)
            for trial in trials:
                if trial.state is TrialState.RUNNING:
                    self._put_back(trial._trial_id)
            # A baseline that failed is tried again, since nothing can be scored without one.
            there = {
                trial.user_attrs.get(records.PRESET)
                for trial in trials
                if not is_failed_baseline(trial)
            }
            for preset in self._presets.values():
                if preset.name not in there:
                    self._enqueue(preset)

    def finished(self) -> int:
        """Return how many trials count towards the budget: all that ended, but failed baselines."""
        with database_errors(self._url):
            return counted(self.study.get_trials(deepcopy=False))

    def baseline(self) -> TrialRecord | None:
        """Return the outcome of the baseline, None before it is complete."""
        with database_errors(self._url):
            complete = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        for trial in complete:
            if is_baseline(trial):
                return trial_record(trial)
        return None

    def best(self) -> BestTrial | None:
        """Return the best trial that breaks no guard, None before there is one."""
        with database_errors(self._url):
            trial = best_trial(self.study.get_trials(deepcopy=False))
        record = trial_record(trial) if trial is not None else None
        if trial is None or record is None:
            return None
        metrics = record.metrics
        return BestTrial(trial.number, record.score, metrics["gradient"], metrics["peak"])

    def ask(self) -> TrialSpec:
        """Return the next trial: one that was put back or queued, else the sampler's choice."""
        require_database(self._url)
        with database_errors(self._url):
            trial = self._waiting_baseline() or self.study.ask(self._distributions)
            attributes = trial.user_attrs
            preset = self._presets.get(attributes.get(records.PRESET, ""))
            values = {setting_path(name): value for name, value in trial.params.items()}
            run = preset.run(self.config, values) if preset else self.config.run_with(values)
            if run.loss.variant == NO_TERM:  # a weight on nothing is 0, and is shown as such
                run = run.model_copy(update={"loss": run.loss.model_copy(update=NO_WEIGHT)})
            earlier = attributes.get(records.SPEC)
            spec = TrialSpec(
                number=trial.number,
                attempt=earlier["attempt"] + 1 if earlier else 1,
                preset=preset.name if preset else None,
                data_sha256=self._provenance["data_sha256"],
                run=run,
            )
            trial.set_user_attr(records.SPEC, spec.model_dump(mode="json"))
            # Of this trial, not of the study: a study may be gone on with by a newer version.
            trial.set_user_attr(records.PROVENANCE, self._provenance)
            if preset is not None:
                trial.set_user_attr(records.TRAINED, _trained(preset))
            self._running[trial.number] = trial
            return spec

    def _waiting_baseline(self) -> Trial | None:
        """Return the queued baseline, now running: it comes first, also when it is tried again."""
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        for queued in waiting:
            if is_baseline(queued):
                trial_id = queued._trial_id
                self.study._storage.set_trial_state_values(trial_id, TrialState.RUNNING)
                trial = Trial(self.study, trial_id)
                for name, distribution in self._distributions.items():
                    trial._suggest(name, distribution)
                return trial
        return None

    def report(self, number: int, epoch: int, score: float) -> bool:
        """Write the score after an epoch down and return whether the trial should be pruned."""
        require_database(self._url)
        trial_id = self._running[number]._trial_id
        storage = self.study._storage
        with database_errors(self._url):
            # Not Trial.report: that ignores a step a first attempt has reported already. Nor
            # Trial.should_prune: that looks at a copy which knows only what Trial.report wrote.
            storage.set_trial_intermediate_value(trial_id, epoch, score)
            so_far = copy.copy(storage.get_trial(trial_id))
            # Without what a former attempt reported of later epochs.
            steps = so_far.intermediate_values.items()
            so_far.intermediate_values = {step: v for step, v in steps if step <= epoch}
            return bool(self.study.pruner.prune(self.study, so_far))

    def complete(self, number: int, record: TrialRecord) -> None:
        """Tell the result of a trial."""
        self._tell(number, TrialState.COMPLETE, self._values(record), record)

    def _values(self, record: TrialRecord) -> list[float]:
        """Return what the search minimises."""
        if self.config.objective.mode == "score":
            return [record.score]
        parts = record.score_parts
        return [parts["gradient"], parts["peak"], record.metrics["rmse"]]

    def prune(self, number: int, record: TrialRecord) -> None:
        """Tell that a trial was pruned; its last score is kept as its value."""
        trial_id, storage = self._running[number]._trial_id, self.study._storage
        with database_errors(self._url):
            # Optuna takes the value of the last step, which a former attempt may have reported.
            for step in storage.get_trial(trial_id).intermediate_values:
                if step >= record.epochs:
                    storage.set_trial_intermediate_value(trial_id, step, record.score)
        self._tell(number, TrialState.PRUNED, None, record)

    def fail(self, number: int, reason: str) -> None:
        """Tell that a trial failed, and why."""
        trial = self._running[number]
        with database_errors(self._url):
            trial.set_user_attr(records.FAILURE, reason)
            self.study.tell(trial, state=TrialState.FAIL)
        del self._running[number]

    def contenders(self) -> list[Contender]:
        """Return the complete trials as the verdict sees them."""
        with database_errors(self._url):
            return contenders(self.study.get_trials(deepcopy=False))

    def conclude(self, verdict: Verdict) -> None:
        """Write the verdict down with the study."""
        require_database(self._url)
        with database_errors(self._url):
            self.study.set_user_attr(records.VERDICT, verdict.model_dump())

    def put_back(self, number: int) -> None:
        """Queue a running trial again, under its own number and with its own parameters."""
        trial_id = self._running[number]._trial_id
        with database_errors(self._url):
            self._put_back(trial_id)
        del self._running[number]

    def _put_back(self, trial_id: int) -> None:
        self.study._storage.set_trial_state_values(trial_id, TrialState.WAITING)

    def _tell(
        self, number: int, state: TrialState, values: list[float] | None, record: TrialRecord
    ) -> None:
        require_database(self._url)
        trial = self._running[number]
        with database_errors(self._url):
            # Everything is written before tell: a finished trial takes no more attributes.
            for name in records.SHOWN:
                trial.set_user_attr(name, record.metrics[name])
            trial.set_user_attr(records.SCORE, record.score)
            wrong = broken(record.guards)
            if wrong:
                text = "; ".join(f"{guard.name}: {guard.words}" for guard in wrong)
                trial.set_user_attr(records.GUARDS_BROKEN, text)
            for guard in record.guards:
                trial.set_constraint(guard.name, guard.violation)
            trial.set_user_attr(records.RECORD, json.loads(record.model_dump_json()))
            self.study.tell(trial, values, state)
        del self._running[number]

    def _enqueue(self, preset: Preset) -> None:
        self.study.enqueue_trial(
            preset_parameters(preset, self.config, self._facts.weight_units.get(preset.name, 1.0)),
            user_attrs={records.PRESET: preset.name},
        )
