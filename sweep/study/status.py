"""Where a study stands: states, best trial, targets, time left."""

from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import median
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fields.errors import StudyError
from storage.database import database_errors
from sweep.configuration.names import setting_path, value_at
from sweep.configuration.settings import Scalar
from sweep.study.records import FAILURE, best_trial, is_baseline, trial_record, trial_spec
from sweep.study.studies import study_config, study_facts
from sweep.study.trial_spec import TrialSpec


@dataclass(frozen=True)
class TrialStatus:
    """A complete trial as a person wants to see it; physical units, validation split."""

    trial: int
    score: float
    gradient: float
    peak: float
    rmse: float
    params: dict[str, Scalar]
    preset: str | None
    metrics: dict[str, float]


@dataclass(frozen=True)
class StudyStatus:
    """Where a study stands.

    Attributes:
        study: Its name.
        states: Number of trials in each state.
        best: The complete trial with the lowest score.
        baseline: The trial with weight 0.
        targets: Least gradient and peak.
        observed: Observed gradient and peak on the validation split.
        units: Of the field.
        variable: The field.
        budget: Trials in all.
        eta_s: Seconds left at the pace of the finished trials; None where nothing runs.
        failures: Reason of each failed trial, by number.
    """

    study: str
    states: dict[str, int]
    best: TrialStatus | None
    baseline: TrialStatus | None
    targets: dict[str, float]
    observed: dict[str, float]
    units: str
    variable: str
    budget: int
    eta_s: float | None
    failures: dict[int, str]

    def as_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def study_status(study: Study, url: str) -> StudyStatus:
    """Read where a study stands.

    Raises:
        StudyError: If it was not started by this program.
        StorageError: If the database cannot be read.
    """
    with database_errors(url):
        trials = study.get_trials(deepcopy=False)
        config, facts = study_config(study), study_facts(study)
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    best = best_trial(complete)
    baseline = next((trial for trial in complete if is_baseline(trial)), None)
    return StudyStatus(
        study=study.study_name,
        states={s.name: sum(trial.state is s for trial in trials) for s in TrialState},
        best=trial_status(best) if best else None,
        baseline=trial_status(baseline) if baseline else None,
        targets={"gradient": facts.gradient.low, "peak": facts.peak.low},
        observed={"gradient": facts.gradient_observed, "peak": facts.peak_observed},
        units=facts.units,
        variable=facts.variable,
        budget=config.budget.trials,
        eta_s=_eta_s(trials, config.budget.trials),
        failures={
            trial.number: str(trial.user_attrs.get(FAILURE, "no reason was kept"))
            for trial in trials
            if trial.state is TrialState.FAIL
        },
    )


def trial_status(trial: FrozenTrial) -> TrialStatus:
    """Return what a person wants to see of a complete trial.

    Raises:
        StudyError: If it was not run by this program.
    """
    spec, record = trial_spec(trial), trial_record(trial)
    if spec is None or record is None or trial.value is None:
        raise StudyError(
            f"trial {trial.number} has no record of its training: it is {trial.state.name} or was "
            "not run by this program; choose a complete trial"
        )
    return TrialStatus(
        trial=trial.number,
        score=trial.value,
        gradient=record.metrics["gradient"],
        peak=record.metrics["peak"],
        rmse=record.metrics["rmse"],
        params=trained_values(trial, spec),
        preset=spec.preset,
        metrics=record.metrics,
    )


def trained_values(trial: FrozenTrial, spec: TrialSpec) -> dict[str, Scalar]:
    """Return the searched parameters with the values that were trained.

    For the baseline these are not the recorded ones: its weight, 0, lies outside its range.
    """
    tree = spec.run.model_dump()
    trained = {name: value_at(tree, setting_path(name)) for name in trial.params}
    return {name: value for name, value in trained.items() if value is not None}


def _eta_s(trials: list[FrozenTrial], budget: int) -> float | None:
    running = [trial for trial in trials if trial.state is TrialState.RUNNING]
    seconds = [
        (trial.datetime_complete - trial.datetime_start).total_seconds()
        for trial in trials
        if trial.datetime_complete and trial.datetime_start and trial.state is TrialState.COMPLETE
    ]
    if not running or not seconds:
        return None
    finished = sum(trial.state.is_finished() for trial in trials)
    now = datetime.now()
    spent = sum((now - t.datetime_start).total_seconds() for t in running if t.datetime_start)
    left = max(0, budget - finished) * median(seconds) - spent
    return max(0.0, left / len(running))
