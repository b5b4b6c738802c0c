"""The trainings of a confirmation, how they are compared, and how the winner is tested."""

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
from fieldsharp.sweep.study.confirmation.candidates import (
    candidates,
    new_seeds,
    used_seeds,
    with_seed,
)
from fieldsharp.sweep.study.confirmation.comparison import ConfirmedForecasts
from fieldsharp.sweep.study.confirmation.records import Confirmation, FixedWinner, Tested
from fieldsharp.sweep.study.confirmation.runs import Runs, read_runs
from fieldsharp.sweep.study.confirmation.seed_scoring import SeedScoring
from fieldsharp.sweep.study.confirmation.winner import compare, measure
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.formatting import describe
from fieldsharp.sweep.study.lookup import study_config, study_data_summary
from fieldsharp.sweep.study.trial_spec import Part, TrialSpec
from fieldsharp.sweep.trials.evaluator import Evaluator, Persistence


@dataclass(frozen=True)
class ConfirmationPlan:
    """What is trained and compared on the validation split, and then tested.

    Attributes:
        config: Of the study.
        facts: Of the study.
        trials: Whose configurations are trained, the baseline first; each other names the
            sharpener that the search chose for it.
        seeds: Each configuration is trained with every one.
        finished_trials: How many trials of the study are finished.
    """

    config: SweepConfig
    facts: DataSummary
    trials: Sequence[TrialSpec]
    seeds: Sequence[int]
    finished_trials: int

    def specs(self) -> list[TrialSpec]:
        """Return every training to compare: all configurations with a seed before the next seed."""
        return self._specs(self.trials, "validation")

    def test_specs(self, fixed: FixedWinner) -> list[TrialSpec]:
        """Return the trainings that are tested: those of the baseline and of the winner."""
        return self._specs(self._tested_trials(fixed), "test")

    def _tested_trials(self, fixed: FixedWinner) -> list[TrialSpec]:
        return [spec for spec in self.trials if spec.is_baseline or spec.number == fixed.trial]

    def _specs(self, trials: Sequence[TrialSpec], part: Part) -> list[TrialSpec]:
        return [
            with_seed(spec, seed, self.config, self.facts, part)
            for seed in self.seeds
            for spec in trials
        ]

    def compared(self, runs: Runs, earlier: FixedWinner | None) -> tuple[Confirmation, FixedWinner]:
        """Compare the trials on the validation split, and fix the winner.

        Args:
            runs: Every training, judged on the validation split.
            earlier: The winner that an earlier call fixed.

        Raises:
            FieldsharpError: If the baseline failed with every seed.
        """
        forecasts = self._forecasts(self.trials, runs, self.facts.targets, self.facts.variation)
        return compare(forecasts, self.finished_trials, earlier)

    def tested(self, fixed: FixedWinner, runs: Runs, store: SeriesStore) -> Tested:
        """Return what the winner comes to on the test split, beside baseline and best reference.

        Args:
            fixed: The winner.
            runs: Its trainings and those of the baseline, judged on the test split.
            store: Of the data.
        """
        targets, field = _test_split(self.config, store)
        return measure(self._forecasts(self._tested_trials(fixed), runs, targets, field), fixed)

    def _forecasts(
        self,
        trials: Sequence[TrialSpec],
        runs: Runs,
        targets: Targets,
        field: FieldVariation | None,
    ) -> ConfirmedForecasts:
        return ConfirmedForecasts.of(
            {spec.number: describe(spec) for spec in trials},
            self.seeds,
            runs,
            SeedScoring(self.config.objective, targets, field),
            self.config.search.seed,
        )


def make_plan(study: Study, url: str, top: int, seeds: int) -> ConfirmationPlan:
    """Choose the trials to confirm, and their new seeds.

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
    chosen_seeds = new_seeds(seeds, used_seeds(trials))
    runs = read_runs(study, url, "validation")
    done = {key for key, run in runs.items() if run.failure is None}
    confirmed = {n for n, _ in done if all((n, seed) in done for seed in chosen_seeds)}
    chosen = candidates(study.study_name, trials, top, confirmed)
    find_device(config.training)
    files = DataFiles.of(config.data.path)
    if files.sha256() != facts.provenance.data_sha256:
        raise DataError(
            f"the data file {files} is not the one study {config.study!r} was started "
            "on: it has other contents; put the old one back, or start another study"
        )
    return ConfirmationPlan(
        config=config,
        facts=facts,
        trials=chosen,
        seeds=chosen_seeds,
        finished_trials=sum(trial.state.is_finished() for trial in trials),
    )


def _test_split(config: SweepConfig, store: SeriesStore) -> tuple[Targets, FieldVariation]:
    """Return the targets of the test split, and the variation of its truth."""
    data = load_forecast_data(config.data, measures=config.objective.measures, store=store)
    evaluator = Evaluator(data, data.test)
    observed = evaluator.evaluate(Persistence.of(data), detail=False)
    targets = resolve_all_targets(
        config.objective, observed, evaluator.names, chosen_elsewhere=True
    )
    return targets, evaluator.field_variation()
