"""Attributes of studies and trials in the database: names, models, and readers of them."""

import math
from collections.abc import Sequence
from typing import Any, TypeGuard, TypeVar

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from pydantic import Field, ValidationError

from fieldsharp.core.errors import StudyError
from fieldsharp.fields.settings import Settings
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.frontier.frontier import Frontier
from fieldsharp.objectives.guards import GuardOutcome
from fieldsharp.objectives.guards_of_variables import outcomes_of
from fieldsharp.objectives.leads.window_statistics import WindowStatistics
from fieldsharp.objectives.members.result import MembersResult
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.ranking import ranked
from fieldsharp.objectives.score import trial_value
from fieldsharp.sweep.configuration.presets import BASELINE
from fieldsharp.sweep.study.sharpening_records import SharpenedForecast, Sharpening
from fieldsharp.sweep.study.trial_spec import TrialSpec

# Study attributes.
CONFIG = "config"
FACTS = "facts"
VERDICT = "verdict"
IDENTITY = "identity"
WARM_START = "warm start"
WORKERS = "workers"
# Trial attributes. Programs read RECORD; the named figures beside it are for people.
SPEC = "spec"
RECORD = "record"
PROVENANCE = "provenance"
PRESET = "preset"
TRAINED = "trained"
FAILURE = "failure"
LOST = "lost attempts"
MICRO_BATCHES = "micro batches"
RUNGS = "rungs"
PAUSED = "paused after epoch"
SCORE = "score"
VALUE = "searched value"
GUARDS_BROKEN = "guards broken"
ERROR = "rmse / climatology, mean of variables"
"""Only of a trial that predicts several."""
READ_BACK = (SPEC, RECORD, LOST, MICRO_BATCHES, RUNGS, PAUSED, SCORE, VALUE, ERROR)
"""Attributes of a trial that this program reads back."""
PAUSED_STATE = "PAUSED"
"""Paused trials are stored with Optuna's state WAITING."""
SHOWN = ("gradient", "peak", "rmse", "anomaly_correlation", "skill_persistence")


class VariableRecord(Settings):
    """The outcome of a finished trial in one of several predicted variables.

    Attributes:
        score, score_parts: Of the variable alone.
        baseline_rmse: RMSE of the baseline that the score was computed with.
        rmse_multiples: As of ``TrialRecord``.
    """

    score: float
    score_parts: dict[str, float]
    baseline_rmse: float
    rmse_multiples: list[float] = Field(default_factory=list)


class TrialRecord(Settings):
    """The outcome of a finished trial.

    Of several predicted variables, score and its parts are the means over variables and guards are
    those of all; what is in units of a field, such as RMSE and multiples, is of the first.

    Attributes:
        judgement: Every metric on the validation split after the last epoch, physical units, with
            the sharpener of the trial.
        judgements_by_epoch: The same after each epoch; only of the baseline, which other trials are
            compared with epoch by epoch.
        score: The value that the search minimises in the mode ``score``.
        score_parts: The terms of the score.
        baseline_rmse: RMSE of the baseline that the score was computed with.
        epochs: Epochs trained.
        seconds: Wall time of the trial.
        peak_memory_mb: Peak memory of its worker.
        precision: Of its matrix products.
        sharpening: Its sharpener, and its forecast without it; None in studies of earlier versions.
        references: The baseline under each sharpener; only of the baseline.
        sharpened_by_epoch: Metrics under each sharpener by epochs done, at rungs; only of the
            baseline.
        frontier: The least RMSE at each sharpness, on the validation split; only of the baseline,
            None where it is not known.
        window_statistics: Of the forecast as it is and under each sharpener that was tried, in
            each window of the validation split; the truth's only with the baseline. None in
            studies of earlier versions, and of a trial that did not run all its epochs.
        steps: Training steps of its epochs; None where they are not known.
        epochs_looked_at: Epochs that a baseline of length ``auto`` was trained in all, to find
            ``epochs``; None of others.
        reached_most: Whether such a baseline ended only because it had taken ``most_steps``, and
            its RMSE was still improving; None of others.
        rmse_multiples: Largest RMSE that the guard ``rmse`` allows at each lead, as a multiple of
            its own; only of the baseline, empty in studies of earlier versions.
        members: Scores of all members together, by name of the sharpener or reference; only where
            members are judged: of a trial with its sharpener, of the baseline the references'.
        variables: Each predicted variable by itself, the first first; empty where there is one.
    """

    judgement: MetricValues
    judgements_by_epoch: list[MetricValues] = Field(default_factory=list)
    score: float
    score_parts: dict[str, float]
    guards: list[GuardOutcome]
    baseline_rmse: float
    epochs: int
    seconds: float
    peak_memory_mb: float
    device: str
    precision: str
    sharpening: Sharpening | None = None
    references: list[SharpenedForecast] = Field(default_factory=list)
    sharpened_by_epoch: dict[int, dict[str, MetricValues]] = Field(default_factory=dict)
    frontier: Frontier | None = None
    window_statistics: WindowStatistics | None = None
    steps: int | None = None
    epochs_looked_at: int | None = None
    reached_most: bool | None = None
    rmse_multiples: list[float] = Field(default_factory=list)
    members: dict[str, MembersResult] = Field(
        default_factory=dict, exclude_if=lambda members: not members
    )
    variables: dict[str, VariableRecord] = Field(
        default_factory=dict, exclude_if=lambda variables: not variables
    )

    def of(self, variable: str) -> "TrialRecord":
        """Return the outcome in one variable, as of a study that predicts no other."""
        own = self.variables.get(variable)
        if own is None:
            return self
        return self.model_copy(
            update={
                **{name: getattr(own, name) for name in VariableRecord.model_fields},
                "judgement": self.judgement.of(variable),
                "judgements_by_epoch": [one.of(variable) for one in self.judgements_by_epoch],
                "guards": outcomes_of(self.guards, variable, self.judgement.others),
                "sharpening": self.sharpening and self.sharpening.of(variable),
                "references": [one.alone(variable) for one in self.references],
                "sharpened_by_epoch": {
                    epochs: {name: one.of(variable) for name, one in found.items()}
                    for epochs, found in self.sharpened_by_epoch.items()
                },
                "frontier": self.frontier and self.frontier.of(variable),
                "window_statistics": self.window_statistics and self.window_statistics.of(variable),
                "members": {name: one.of(variable) for name, one in self.members.items()},
                "variables": {},
            }
        )

    @property
    def unsharpened(self) -> SharpenedForecast:
        """The forecast without its sharpener; in studies of earlier versions there is no other."""
        if self.sharpening is not None:
            return self.sharpening.without
        return SharpenedForecast(
            name=NO_SHARPENER, judgement=self.judgement, score=self.score, guards=self.guards
        )

    @property
    def member_references(self) -> dict[str, MetricValues]:
        """Metrics of the ensembles that need no training, by name; only of the baseline."""
        found = {one.name: one.judgement for one in self.references}
        return {name: values for name, values in found.items() if values.is_of_members}

    @property
    def error(self) -> float:
        """What tells trials of equal score apart; see ``MetricValues.error``."""
        return self.judgement.error

    @property
    def metrics(self) -> dict[str, float]:
        """Every metric over all samples and leads; see ``MetricValues.all_overall``."""
        return self.judgement.all_overall

    @property
    def feasible(self) -> bool:
        """Whether every guard holds."""
        return all(guard.ok for guard in self.guards)

    @property
    def value(self) -> float:
        """What the search minimises in the mode ``score``, and trials are ranked by."""
        if self.sharpening is None:
            return self.score
        return trial_value(self.score, self.sharpening.without.score)

    @property
    def sharpener(self) -> str:
        """The name of its sharpener; none in studies of versions that had none."""
        return self.sharpening.name if self.sharpening is not None else NO_SHARPENER


def trial_spec(trial: FrozenTrial) -> TrialSpec | None:
    """Return the specification of a trial, None where there is none that can be read."""
    try:
        return read_spec(trial)
    except StudyError:
        return None


def trial_record(trial: FrozenTrial) -> TrialRecord | None:
    """Return the outcome of a trial, None where there is none that can be read."""
    try:
        return read_record(trial)
    except StudyError:
        return None


def read_spec(trial: FrozenTrial) -> TrialSpec | None:
    """Return the specification of a trial, None for a trial that no sweep handed out.

    Raises:
        StudyError: If another version or another program wrote it.
    """
    spec = _trial_attribute(TrialSpec, trial, SPEC)
    if spec is not None and spec.number != trial.number:
        raise StudyError(f"the {SPEC} of trial {trial.number} is that of trial {spec.number}")
    return spec


def read_record(trial: FrozenTrial) -> TrialRecord | None:
    """Return the outcome of a trial, None where there is none.

    Raises:
        StudyError: If another version or another program wrote it.
    """
    return _trial_attribute(TrialRecord, trial, RECORD)


def why_left_out(trial: FrozenTrial) -> str:
    """Return why a complete or pruned trial is not compared with the others, "" where it is."""
    try:
        spec, record = read_spec(trial), read_record(trial)
    except StudyError as error:
        return str(error)
    if spec is None or record is None:
        return "it was not run by this program"
    return ""


def was_run(trial: FrozenTrial) -> bool:
    """Return whether a trial has the attributes that a sweep writes to each that ends normally.

    Cheap, since their contents are not validated; see ``why_left_out``.
    """
    attributes = trial.user_attrs
    spec = attributes.get(SPEC)
    return (
        isinstance(spec, dict)
        and spec.get("number") == trial.number
        and isinstance(attributes.get(RECORD), dict)
        and _is_number(attributes.get(SCORE))
    )


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


Stored = TypeVar("Stored", bound=Settings)


def read_stored(model: type[Stored], attribute: Any, what: str) -> Stored:
    """Return a stored attribute, called ``what`` in errors, as the model it was written from.

    Raises:
        StudyError: If another version of this program wrote it.
    """
    try:
        return model.model_validate(attribute)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "all of it"
        raise StudyError(
            f"the {what} is of another version of this program ({where}: {first['msg']}); read it "
            "with that version"
        ) from error


def study_attribute(model: type[Stored], study: Study, name: str) -> Stored | None:
    """Return what is stored in an attribute of a study; None where it has none.

    Raises:
        StudyError: If another version of this program wrote it.
    """
    attribute = study.user_attrs.get(name)
    if attribute is None:
        return None
    return read_stored(model, attribute, f"{name} kept with study {study.study_name!r}")


def _trial_attribute(model: type[Stored], trial: FrozenTrial, name: str) -> Stored | None:
    attribute = trial.user_attrs.get(name)
    if attribute is None:
        return None
    return read_stored(model, attribute, f"{name} of trial {trial.number}")


def is_failed_baseline(trial: FrozenTrial) -> bool:
    """Return whether a trial is a failed baseline, which is retried and costs no budget."""
    return is_baseline(trial) and trial.state is TrialState.FAIL


def counted(trials: list[FrozenTrial]) -> int:
    """Return how many trials count towards the budget: all finished ones but failed baselines."""
    return sum(t.state.is_finished() and not is_failed_baseline(t) for t in trials)


def is_baseline(trial: FrozenTrial) -> bool:
    """Return whether a trial is the baseline."""
    return trial.user_attrs.get(PRESET) == BASELINE


def paused_after(trial: FrozenTrial) -> int | None:
    """Return after how many epochs a trial is paused, None where it is not."""
    epochs = trial.user_attrs.get(PAUSED)
    if trial.state is not TrialState.WAITING or not was_run(trial):
        return None  # another program can queue a trial with any attribute
    return epochs if isinstance(epochs, int) and epochs > 0 else None


def state_name(trial: FrozenTrial) -> str:
    """Return the state of a trial by name: Optuna's, or PAUSED."""
    return trial.state.name if paused_after(trial) is None else PAUSED_STATE


def states(trials: Sequence[FrozenTrial]) -> dict[str, int]:
    """Return the number of trials in each state; paused ones do not count as WAITING."""
    paused = sum(paused_after(trial) is not None for trial in trials)
    found = {state.name: sum(t.state is state for t in trials) for state in TrialState}
    found[TrialState.WAITING.name] -= paused
    return {**found, PAUSED_STATE: paused}


def complete_baseline(trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
    """Return the baseline that trials are compared with, None before one is complete.

    Not simply the first baseline: that may have failed and been retried, or have been added by
    another program.
    """
    complete = (t for t in trials if is_baseline(t) and t.state is TrialState.COMPLETE)
    return next((trial for trial in complete if not why_left_out(trial)), None)


def is_feasible(trial: FrozenTrial) -> bool:
    """Return whether a trial breaks no guard."""
    return all(value <= 0.0 for value in trial.constraints.values())


def trial_score(trial: FrozenTrial) -> float:
    """Return the score of a complete trial, whatever the search minimises; the lower the better."""
    score = trial.user_attrs.get(SCORE)
    return float(score) if _is_number(score) and not math.isnan(score) else math.inf


def ranking_value(trial: FrozenTrial) -> float:
    """Return what a complete trial is ranked by: its score, a tenth of it without its sharpener."""
    value = trial.user_attrs.get(VALUE)
    return float(value) if _is_number(value) else trial_score(trial)


def trial_error(trial: FrozenTrial) -> float:
    """Return what tells complete trials of equal score apart: the RMSE; NaN where not stored.

    Of several variables, whose units differ, ``MetricValues.error``.
    """
    error = trial.user_attrs.get(ERROR, trial.user_attrs.get("rmse"))
    return float(error) if _is_number(error) else math.nan


def by_score(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return complete trials, the best first; values within 0.001 are told apart by the RMSE."""
    ordered = sorted(trials, key=lambda trial: trial.number)
    errors = [trial_error(t) for t in ordered]
    return [ordered[index] for index in ranked([ranking_value(t) for t in ordered], errors)]


def best_trial(trials: list[FrozenTrial]) -> FrozenTrial | None:
    """Return the complete trial with the lowest ranking value that breaks no guard.

    Of values within 0.001 that with the lowest RMSE, then the earlier. Where every trial breaks a
    guard, the baseline, which at least is not sharp in a wrong way; None before it is complete.
    """
    complete = [t for t in trials if t.state is TrialState.COMPLETE and was_run(t)]
    feasible = [t for t in complete if is_feasible(t)]
    while feasible:
        best = by_score(feasible)[0]
        if not why_left_out(best):
            return best
        feasible.remove(best)
    return complete_baseline(complete)
