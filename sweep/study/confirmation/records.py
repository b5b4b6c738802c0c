"""Confirmation of the best trials as it is stored: new seeds, evaluated on the test split."""

import json
from collections.abc import Mapping, Sequence

from optuna.study import Study
from optuna.trial import FrozenTrial
from pydantic import Field, model_validator

from fieldsharp.fields.settings import Settings
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.frontier.frontier import Frontier
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.verdicts.verdict import CONFIRM_FIRST, SUCCESS, Verdict
from fieldsharp.storage.database import require_database
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.storage.optuna_adapter.transaction import one_transaction
from fieldsharp.sweep.study.data_summary import BandSummary
from fieldsharp.sweep.study.trial_records import VERDICT, read_stored

CONFIRMATION = "confirmation"
RUN_PREFIX = "confirm:"
Runs = dict[tuple[int, int], "ConfirmedRun"]
"""By trial and seed."""


class ConfirmedRun(Settings):
    """One training of a trial's configuration with a new seed.

    Device and precision (of its matrix products) are empty where it failed.

    Attributes:
        judgement: Every metric on the test split after the last epoch, physical units, with the
            sharpener; None where it failed.
        failure: Why it failed; None where it did not.
        seconds: Wall time of the training.
        sharpening: The sharpener of its forecast, or none.
        without: Every metric without the sharpener; None where it has none, or failed.
        sharpened: Every metric under each sharpener that could be fitted; only of the baseline,
            and None where an earlier version trained it.
        frontier: The least RMSE at each sharpness, on the test split; only of the baseline, None
            where an earlier version trained it.
    """

    trial: int
    seed: int
    judgement: MetricValues | None = None
    failure: str | None = None
    seconds: float = 0.0
    device: str = ""
    precision: str = ""
    sharpening: str = NO_SHARPENER
    without: MetricValues | None = None
    sharpened: dict[str, MetricValues] | None = None
    frontier: Frontier | None = None

    @property
    def forecasts(self) -> Mapping[str, MetricValues]:
        """The metrics of its forecast by sharpener, that without first; empty where it failed."""
        if self.judgement is None:
            return {}
        return {
            NO_SHARPENER: self.without or self.judgement,
            self.sharpening: self.judgement,
            **(self.sharpened or {}),
        }

    @model_validator(mode="after")
    def _evaluated_or_failed(self) -> "ConfirmedRun":
        if (self.judgement is None) == (self.failure is None):
            raise ValueError("a run has either a judgement or a failure")
        return self


class BrokenGuard(Settings):
    """A guard that a forecast breaks, at the lead where it is most broken; None for a single lead.

    Attributes:
        value: Of the forecast; None where it is not finite.
    """

    name: str
    lead: int | None
    value: float | None
    limit: float | None


class SeedOfVariable(Settings):
    """One training in one of several predicted variables; physical units, test split."""

    score: float
    gradient: float
    peak: float
    rmse: float


class MembersOfSeed(Settings):
    """The members of one training beside the ensembles that need no training; test split.

    Of several variables, of that in which they are the least ahead.

    Attributes:
        crps: Fair CRPS, in units of the first variable.
        spread_over_error: 1 is honest.
        crps_over_reference: CRPS over that of the reference they are least ahead of.
        variogram_over_reference: The same of the variogram score.
        rmse_of_mean_over_baseline: RMSE of the mean of endless members over the baseline's.
    """

    crps: float
    spread_over_error: float
    crps_over_reference: float
    variogram_over_reference: float
    rmse_of_mean_over_baseline: float


class SeedOutcome(Settings):
    """One training compared with the baseline's of the same seed; physical units, test split.

    Of several predicted variables the score is the mean, guards are those of all, and gradient,
    peak and RMSE are of the first.

    Attributes:
        score: The lower the better; None, as the figures below, where the training failed.
        gradient, peak: Predicted means.
        guards_broken: Names, the most broken first.
        broken: The same with lead, value and limit; none in confirmations of earlier versions.
        failure: Why the training failed.
        error: What tells equal scores apart, see ``MetricValues.error``; None of one variable.
        members: How the members of an ensemble compare; None of another forecast.
        variables: Each predicted variable by itself; none where there is one.
    """

    seed: int
    score: float | None = None
    gradient: float | None = None
    peak: float | None = None
    rmse: float | None = None
    guards_broken: list[str] = Field(default_factory=list)
    broken: list[BrokenGuard] = Field(default_factory=list)
    failure: str | None = None
    error: float | None = Field(None, exclude_if=lambda error: error is None)
    members: MembersOfSeed | None = Field(None, exclude_if=lambda members: members is None)
    variables: dict[str, SeedOfVariable] = Field(
        default_factory=dict, exclude_if=lambda variables: not variables
    )

    @property
    def feasible(self) -> bool:
        """Whether it was trained to the end and breaks no guard."""
        return self.failure is None and not self.guards_broken


class Spread(Settings):
    """A mean over seeds and its standard error, None for a single seed."""

    mean: float
    error: float | None


class VariableOverSeeds(Settings):
    """Forecasts of one of several predicted variables over new seeds, on the test split."""

    score: Spread
    gradient: Spread
    peak: Spread
    rmse: Spread


class OverSeeds(Settings):
    """Forecasts of one kind over new seeds, on the test split.

    Attributes:
        score, gradient, peak, rmse: Over the seeds whose training did not fail; None where all did.
        held_score: The score that the winner is chosen by, over all its seeds that the baseline has
            too: a seed with which the training failed counts as the baseline's score with that
            seed, one that breaks a guard as the higher of both scores, so neither is ever a gain.
        rmse_over_baseline: Mean over the seeds of its RMSE over the baseline's with the same seed;
            None where every training failed.
        below_baseline: The baseline's held score minus this one, paired by seed; None for the
            baseline itself.
        feasible: Number of seeds with which it was trained to the end and breaks no guard.
        outcomes: One for each seed. Seeds with which the baseline failed are left out for all but
            the baseline, since they cannot be compared.
        variables: Each predicted variable by itself, over the seeds whose training did not fail;
            none where there is one variable, or all failed.
    """

    score: Spread | None
    held_score: Spread
    gradient: Spread | None
    peak: Spread | None
    rmse: Spread | None
    rmse_over_baseline: float | None
    below_baseline: Spread | None
    feasible: int
    outcomes: list[SeedOutcome]
    variables: dict[str, VariableOverSeeds] = Field(
        default_factory=dict, exclude_if=lambda variables: not variables
    )

    @property
    def mostly_feasible(self) -> bool:
        """Whether it is feasible with more than half of its seeds."""
        return 2 * self.feasible > len(self.outcomes)


class Configuration(Settings):
    """The configuration of a trial, in words."""

    trial: int
    configuration: str


class ConfirmedTrial(OverSeeds, Configuration):  # so its stored form begins with the trial
    """A configuration over new seeds, on the test split.

    Attributes:
        sharpening: The sharpener of its forecasts that the search chose, or none; it is fitted
            again with each seed.
    """

    sharpening: str = NO_SHARPENER


class Named(Settings):
    """The name of a sharpener."""

    name: str


class ConfirmedReference(OverSeeds, Named):
    """The baseline under a sharpener, without any further training, over the same seeds."""


class ConfirmedBands(Settings):
    """The bands of one variable on the test split."""

    gradient: BandSummary
    peak: BandSummary


class Confirmation(Settings):
    """The confirmation of the best trials of a study.

    Attributes:
        winner: The trial with the lowest mean held score among those feasible with more than half
            of their seeds, which may be the baseline; None where there is none.
        sentence: The result in words.
        finished_trials: Number of finished trials of the study at that time.
        gradient, peak: Bands on the test split.
        trials: The baseline as it is, then the others in the order of the search.
        references: The baseline under each sharpener; none where an earlier version trained it.
        variables: The bands of each predicted variable; none where there is one.
    """

    winner: int | None
    sentence: str
    baseline: int
    seeds: list[int]
    finished_trials: int
    gradient: BandSummary
    peak: BandSummary
    trials: list[ConfirmedTrial]
    references: list[ConfirmedReference] = Field(default_factory=list)
    variables: dict[str, ConfirmedBands] = Field(
        default_factory=dict, exclude_if=lambda variables: not variables
    )

    def sharpness(self, one: OverSeeds) -> list[tuple[str, Spread, BandSummary]]:
        """Return the gradient and peak of a forecast beside their bands, of each variable.

        With the names of what they are, such as ``gradient`` or ``gradient of u10``; none where
        every training failed.
        """
        found: list[tuple[str, Spread | None, BandSummary]] = [
            (f"{name} of {variable}", getattr(one.variables[variable], name), getattr(bands, name))
            for variable, bands in self.variables.items()
            if variable in one.variables
            for name in ("gradient", "peak")
        ]
        if not self.variables:
            found = [("gradient", one.gradient, self.gradient), ("peak", one.peak, self.peak)]
        return [(name, spread, band) for name, spread, band in found if spread is not None]

    def for_trial(self, number: int) -> ConfirmedTrial | None:
        """Return the confirmation of a trial, None where it was not confirmed."""
        return next((trial for trial in self.trials if trial.trial == number), None)

    def newer_trials(self, trials: Sequence[FrozenTrial]) -> int:
        """Return how many trials of the study finished after the confirmation."""
        return sum(trial.state.is_finished() for trial in trials) - self.finished_trials


def next_step(verdict: Verdict, confirmation: Confirmation | None) -> str:
    """Return the advice of a verdict, without "confirm first" where that is done already."""
    about = verdict.trial
    if about is None or confirmation is None or confirmation.for_trial(about) is None:
        return verdict.next
    return verdict.next.removeprefix(CONFIRM_FIRST)


def shortfall(verdict: Verdict, confirmation: Confirmation | None) -> str | None:
    """Return which targets a success missed in its confirmation, None where it missed none."""
    about = verdict.trial
    if verdict.name != SUCCESS or about is None or confirmation is None:
        return None
    confirmed = confirmation.for_trial(about)
    if confirmed is None:
        return None
    missed = [
        f"{name} {spread.mean:.4g} of {band.low:.4g}"
        for name, spread, band in confirmation.sharpness(confirmed)
        if spread.mean < band.low
    ]
    if not missed:
        return None
    return f"trial {about} falls short of its targets on new seeds and the test split: " + (
        " and ".join(missed)
    )


def read_confirmation(study: Study) -> Confirmation | None:
    """Return the confirmation of a study, None where none was completed.

    Raises:
        StudyError: If another version of this program wrote it.
    """
    attribute = study.user_attrs.get(CONFIRMATION)
    if attribute is None:
        return None
    return read_stored(
        Confirmation, attribute, f"{CONFIRMATION} kept with study {study.study_name!r}"
    )


def write_confirmation(
    study: Study, url: str, confirmation: Confirmation, verdict: Verdict | None = None
) -> None:
    """Store the confirmation of a study, and the verdict that it leads to, None to leave that.

    Only while the study's lock is held.
    """
    _write(study, url, {CONFIRMATION: confirmation, **({VERDICT: verdict} if verdict else {})})


def read_runs(study: Study, url: str) -> Runs:
    """Return every stored confirmation run of a study.

    Raises:
        StudyError: If another version of this program wrote one.
        StorageError: If the database cannot be read.
    """
    with database_errors(url):
        attributes = study.user_attrs
    stored = [
        read_stored(ConfirmedRun, attribute, f"{name} kept with study {study.study_name!r}")
        for name, attribute in attributes.items()
        if name.startswith(RUN_PREFIX)
    ]
    return {(run.trial, run.seed): run for run in stored}


def write_run(study: Study, url: str, run: ConfirmedRun) -> None:
    """Store a run as soon as it has ended; only while the study's lock is held."""
    _write(study, url, {f"{RUN_PREFIX}{run.trial}:{run.seed}": run})


def _write(study: Study, url: str, values: Mapping[str, Settings]) -> None:
    require_database(url)
    with database_errors(url), one_transaction(study):
        for name, value in values.items():
            study.set_user_attr(name, json.loads(value.model_dump_json()))
