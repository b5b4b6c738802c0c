"""The trainings of a confirmation, and the targets on the test split."""

from collections.abc import Sequence
from dataclasses import dataclass

from optuna.study import Study

from fieldsharp.core.errors import DataError, StudyError
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.fields.stored_series.store import SeriesStore
from fieldsharp.model.device import find_device
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.targets import Targets, resolve_all_targets
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.confirmation.candidates import candidates, new_seeds
from fieldsharp.sweep.study.confirmation.records import (
    Confirmation,
    ConfirmedBands,
    Runs,
    read_runs,
)
from fieldsharp.sweep.study.confirmation.result_in_words import in_words
from fieldsharp.sweep.study.confirmation.seed_scoring import (
    SeedScoring,
    confirmed_references,
    confirmed_trials,
    winner,
)
from fieldsharp.sweep.study.data_summary import BandSummary, DataSummary
from fieldsharp.sweep.study.formatting import describe
from fieldsharp.sweep.study.lookup import study_config, study_data_summary
from fieldsharp.sweep.study.shared_data import coordinator_store
from fieldsharp.sweep.study.trial_records import trial_spec
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.evaluator import Evaluator, Persistence


@dataclass(frozen=True)
class ConfirmationPlan:
    """The trainings, and the targets that their forecasts are scored against.

    Attributes:
        config: Of the study.
        facts: Of the study.
        trials: Whose configurations are trained, the baseline first; each other names the
            sharpener that the search chose for it.
        seeds: Each configuration is trained with every one.
        targets: Of the test split.
        field: The variation of the truth of the test split.
        finished_trials: How many trials of the study are finished.
    """

    config: SweepConfig
    facts: DataSummary
    trials: Sequence[TrialSpec]
    seeds: Sequence[int]
    targets: Targets
    field: FieldVariation
    finished_trials: int

    def specs(self) -> list[TrialSpec]:
        """Return every training: all configurations with a seed before the next seed."""
        return [self._spec(spec, seed) for seed in self.seeds for spec in self.trials]

    def _spec(self, spec: TrialSpec, seed: int) -> TrialSpec:
        start = spec.run.start_from
        if start is not None:
            first = start.training.model_copy(update={"seed": seed})
            start = start.model_copy(update={"training": first})
        run = spec.run.model_copy(
            update={
                # The path as the study knows it now: the file may have moved since the trial ran.
                "data": spec.run.data.model_copy(update={"path": self.config.data.path}),
                "training": spec.run.training.model_copy(update={"seed": seed}),
                "start_from": start,
            }
        )
        return TrialSpec(
            number=spec.number,
            preset=spec.preset,
            run=run,
            data_sha256=self.facts.provenance.data_sha256,
            judged_on="test",
            measures=self.config.objective.measures,
            members=self.config.objective.members_judged,
            starts_with=spec.starts_with,
        )

    def confirmation(self, runs: Runs) -> Confirmation:
        """Return the confirmation from its runs.

        Raises:
            FieldsharpError: If the baseline failed with every seed.
        """
        scoring = SeedScoring(self.config.objective, self.targets, self.field)
        configurations = {spec.number: describe(spec) for spec in self.trials}
        trials = confirmed_trials(configurations, self.seeds, runs, scoring)
        baselines = [runs[trials[0].trial, seed] for seed in self.seeds]
        references = confirmed_references(baselines, scoring)
        best = winner(trials)
        return Confirmation(
            winner=best.trial if best else None,
            sentence=in_words(best, trials, references),
            baseline=self.trials[0].number,
            seeds=list(self.seeds),
            finished_trials=self.finished_trials,
            gradient=BandSummary.of(self.targets.gradient),
            peak=BandSummary.of(self.targets.peak),
            trials=trials,
            references=references,
            variables={
                name: ConfirmedBands(
                    gradient=BandSummary.of(bands.gradient), peak=BandSummary.of(bands.peak)
                )
                for name, bands in self.targets.by_variable.items()
                if name
            },
        )


def make_plan(study: Study, url: str, top: int, seeds: int) -> ConfirmationPlan:
    """Choose the trials to confirm, and compute the targets on the test split.

    Raises:
        StudyError: If there is nothing to confirm.
        DataError: If the data cannot be read, or is not what the study was started on.
        ConfigError: If the device is not there.
    """
    with database_errors(url):
        config, facts = study_config(study), study_data_summary(study)
        trials = study.get_trials(deepcopy=False)
    if config.trainer is not None:
        raise StudyError(
            f"study {study.study_name!r} trains a script, whose seeds and test split are its own; "
            "run it by hand with the values that export shows and other seeds"
        )
    used = {spec.run.training.seed for trial in trials if (spec := trial_spec(trial))}
    chosen_seeds = new_seeds(seeds, used)
    done = {key for key, run in read_runs(study, url).items() if run.failure is None}
    confirmed = {n for n, _ in done if all((n, seed) in done for seed in chosen_seeds)}
    chosen = candidates(study.study_name, trials, top, confirmed)
    find_device(config.training)
    targets, field = _test_split(config, facts, coordinator_store(config, url))
    return ConfirmationPlan(
        config=config,
        facts=facts,
        trials=chosen,
        seeds=chosen_seeds,
        targets=targets,
        field=field,
        finished_trials=sum(trial.state.is_finished() for trial in trials),
    )


def _test_split(
    config: SweepConfig, facts: DataSummary, store: SeriesStore
) -> tuple[Targets, FieldVariation]:
    """Return the targets of the test split, and the variation of its truth."""
    data = load_forecast_data(config.data, measures=config.objective.measures, store=store)
    files = DataFiles.of(config.data.path)
    if files.sha256() != facts.provenance.data_sha256:
        raise DataError(
            f"the data file {files} is not the one study {config.study!r} was started "
            "on: it has other contents; put the old one back, or start another study"
        )
    evaluator = Evaluator(data, data.test)
    observed = evaluator.evaluate(Persistence.of(data), detail=False)
    targets = resolve_all_targets(
        config.objective, observed, evaluator.names, chosen_elsewhere=True
    )
    return targets, evaluator.field_variation()
