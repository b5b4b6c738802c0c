"""Forecasts of one kind, trained with several seeds: figures of each seed and over all of them."""

from pydantic import Field

from fieldsharp.fields.settings import Settings
from fieldsharp.model.registry import NO_SHARPENER


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
    """One training in one of several predicted variables; physical units."""

    score: float
    gradient: float
    peak: float
    rmse: float


class MembersOfSeed(Settings):
    """The members of one training beside the ensembles that need no training.

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
    """One training compared with the baseline's of the same seed; physical units.

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
    """Forecasts of one of several predicted variables over new seeds, on one split."""

    score: Spread
    gradient: Spread
    peak: Spread
    rmse: Spread


class OverSeeds(Settings):
    """Forecasts of one kind over new seeds, on one split.

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
    def all_feasible(self) -> bool:
        """Whether it is feasible with every seed."""
        return self.feasible == len(self.outcomes)

    @property
    def mostly_feasible(self) -> bool:
        """Whether it is feasible with more than half of its seeds."""
        return 2 * self.feasible > len(self.outcomes)


class Configuration(Settings):
    """The configuration of a trial, in words."""

    trial: int
    configuration: str


class ConfirmedTrial(OverSeeds, Configuration):  # so its stored form begins with the trial
    """A configuration over new seeds, on one split.

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
