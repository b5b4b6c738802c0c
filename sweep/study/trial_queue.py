"""The queue of a study: its presets, what other programs queued, and what each trial trains."""

from collections.abc import Collection, Sequence

from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from fieldsharp.core.errors import StudyError
from fieldsharp.model.registry import NO_TERM
from fieldsharp.storage.optuna_adapter.trials import (
    create_trial,
    last_read,
    open_trial,
    read_trial,
    set_trial_state,
    suggest,
)
from fieldsharp.sweep.configuration.baseline_start import starting_from
from fieldsharp.sweep.configuration.presets import preset_parameters, presets
from fieldsharp.sweep.configuration.ranges import setting_path
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.space import distributions
from fieldsharp.sweep.study import trial_records
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.queue_checks import TrialRefusedError, refusal_of_queued_trial
from fieldsharp.sweep.study.trial_records import (
    complete_baseline,
    is_baseline,
    is_failed_baseline,
    paused_after,
    trial_spec,
    why_left_out,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.study.warm_start import warm_start_of

NO_WEIGHT = {"gradient_weight": 0.0}


class TrialQueue:
    """Chooses the next new trial: queued, else the sampler's choice.

    Every method is a part of a transaction that the caller opens.
    """

    def __init__(self, study: Study, config: SweepConfig, facts: DataSummary) -> None:
        self._study = study
        self._config = config
        self._weight_units = facts.weight_units
        self._provenance = facts.provenance.model_dump(mode="json")
        baseline, *rounds = presets(config)
        start = warm_start_of(study)
        earlier = [trial.preset for trial in start.trials] if start is not None else []
        self._presets = {preset.name: preset for preset in (baseline, *earlier, *rounds)}
        self._distributions = distributions(config.search)
        self._finished_baseline: TrialSpec | None = None

    def configure(self, config: SweepConfig) -> None:
        """Train further trials with this configuration, which differs in their length alone."""
        self._config = config

    def enqueue_presets(self, trials: Sequence[FrozenTrial]) -> None:
        """Queue the presets that are not among all trials of the study yet."""
        # A baseline that failed is tried again, since nothing can be scored without one.
        present = {
            preset
            for trial in trials
            if isinstance(preset := trial.user_attrs.get(trial_records.PRESET), str)
            and not is_failed_baseline(trial)
            and not (trial.state is TrialState.COMPLETE and why_left_out(trial))
        }
        for preset in self._presets.values():
            if preset.name not in present:
                unit = self._weight_units.get(preset.name, 1.0)
                parameters = preset_parameters(preset, self._config, unit)
                attributes = {trial_records.PRESET: preset.name}
                self._study.enqueue_trial(parameters, user_attrs=attributes)

    def ask(self) -> tuple[Trial, TrialSpec] | TrialRefusedError:
        """Return the next trial, now running, and what it trains.

        Returns:
            Or why the next of the queue cannot be trained; its state is then FAIL.
        """
        queued = self._next_queued()
        if queued is not None:
            trials = self._study.get_trials(deepcopy=False)
            stored = read_trial(self._study, queued.number)
            space = self._config.search.space
            reason = refusal_of_queued_trial(stored, space, self._presets, trials)
            if reason:
                return self._refuse(queued, reason, trials)
        trial = queued or create_trial(self._study)
        for name, distribution in self._distributions.items():
            suggest(trial, name, distribution)
        try:
            spec = self.spec(trial)
        except ValueError as error:
            if queued is None:
                raise
            reason = " ".join(str(error).split())
            reason = f"its values cannot be trained together ({reason})"
            return self._refuse(queued, reason, self._study.get_trials(deepcopy=False))
        trial.set_user_attr(trial_records.SPEC, spec.model_dump(mode="json"))
        if trial_records.PROVENANCE not in trial.user_attrs:
            # Of this trial, not of the study: a study may be resumed by a newer version.
            trial.set_user_attr(trial_records.PROVENANCE, self._provenance)
            if spec.preset is not None:  # for people: the parameters may be the nearest ones
                trained = self._presets[spec.preset].values.items()
                text = ", ".join(f"{path} {value}" for path, value in trained)
                trial.set_user_attr(trial_records.TRAINED, text)
        return trial, spec

    def spec(self, trial: Trial) -> TrialSpec:
        """Return what the next attempt at a trial trains.

        Raises:
            ValueError: If its values cannot be trained together.
        """
        attributes = trial.user_attrs
        preset = self._presets.get(attributes.get(trial_records.PRESET, ""))
        values = {setting_path(name): value for name, value in trial.params.items()}
        run = preset.run(self._config, values) if preset else self._config.run_with(values)
        if run.loss.variant == NO_TERM:  # without a term its weight is shown as 0
            run = run.model_copy(update={"loss": run.loss.model_copy(update=NO_WEIGHT)})
        starts_with = None
        if run.training.start == "baseline":
            baseline = self._baseline()
            run, starts_with = starting_from(run, baseline.run), baseline.number
        earlier = trial_spec(last_read(trial))
        return TrialSpec(
            number=trial.number,
            attempt=earlier.attempt + 1 if earlier else 1,
            preset=preset.name if preset else None,
            data_sha256=self._provenance["data_sha256"],
            run=run,
            measures=self._config.objective.measures,
            members=self._config.objective.members_judged,
            micro_batches=attributes.get(trial_records.MICRO_BATCHES, 1),
            starts_with=starts_with,
        )

    def _baseline(self) -> TrialSpec:
        """Return what the finished baseline was trained with.

        Raises:
            StudyError: If there is none.
        """
        if self._finished_baseline is not None:  # which does not change any more
            return self._finished_baseline
        found = complete_baseline(self._study.get_trials(deepcopy=False))
        spec = trial_spec(found) if found is not None else None
        if spec is None:
            raise StudyError(
                f"study {self._study.study_name!r} has no complete baseline, whose weights the "
                "next trial goes on from; resume the study, which trains it first"
            )
        self._finished_baseline = spec
        return spec

    def _next_queued(self) -> Trial | None:
        """Return the first queued trial, now running; None where the queue is empty.

        The baseline comes first, also when it is tried again; paused trials are not queued.
        """
        waiting = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        queue = [trial for trial in waiting if paused_after(trial) is None]
        queue.sort(key=lambda trial: not is_baseline(trial))
        for trial in queue:
            # Read again: another program may have ended it since it was read.
            if not read_trial(self._study, trial.number).state.is_finished():
                set_trial_state(self._study, trial, TrialState.RUNNING)
                return open_trial(self._study, trial)
        return None

    def _refuse(
        self, trial: Trial, reason: str, trials: Collection[FrozenTrial]
    ) -> TrialRefusedError:
        """Tell a queued trial as failed, without the attributes another program wrote to it."""
        is_only = is_baseline(read_trial(self._study, trial.number)) and not any(
            is_baseline(other) and not is_failed_baseline(other) and other.number < trial.number
            for other in trials
        )
        # Otherwise it would count as that preset, or be read with these attributes.
        for name in (*trial_records.READ_BACK, *(() if is_only else (trial_records.PRESET,))):
            if name in trial.user_attrs:
                trial.set_user_attr(name, None)
        trial.set_user_attr(trial_records.FAILURE, reason)
        self._study.tell(trial.number, state=TrialState.FAIL)
        return TrialRefusedError(trial.number, reason, is_baseline=is_only)
