"""What sharpeners did to the forecast of a trial, as it is stored with the trial."""

from collections.abc import Sequence

from pydantic import Field

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.guards import GuardOutcome, total_violation
from fieldsharp.objectives.guards_of_variables import outcomes_of
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.sharpened import JudgedForecast, position_of_best


class SharpenedForecast(Settings):
    """A forecast under a sharpener; physical units, validation split.

    Attributes:
        name: Of the sharpener.
        judgement: Every metric.
        score: Relative to the baseline as it is.
        guards: Each the worse outcome of the forecasts with and without the sharpener.
        scores: Of each predicted variable, by name, where there are several: the score is their
            mean.
    """

    name: str
    judgement: MetricValues
    score: float
    guards: list[GuardOutcome]
    scores: dict[str, float] = Field(default_factory=dict, exclude_if=lambda scores: not scores)

    @classmethod
    def of(cls, judged: JudgedForecast) -> "SharpenedForecast":
        """Return a judged forecast as it is stored."""
        return cls(
            name=judged.sharpener,
            judgement=judged.values,
            score=judged.score.total,
            guards=judged.guards,
            scores={name: one.total for name, one in judged.score.by_variable.items()},
        )

    def alone(self, variable: str) -> "SharpenedForecast":
        """Return the forecast of one variable alone."""
        if not self.scores:
            return self
        return SharpenedForecast(
            name=self.name,
            judgement=self.judgement.of(variable),
            score=self.scores[variable],
            guards=outcomes_of(self.guards, variable, self.judgement.others),
        )

    @property
    def feasible(self) -> bool:
        """Whether every guard holds."""
        return all(guard.ok for guard in self.guards)


class Sharpening(Settings):
    """The sharpener of a trial, and its forecast without it.

    Attributes:
        name: Of the sharpener, or none.
        without: The forecast as it is.
    """

    name: str
    without: SharpenedForecast

    def of(self, variable: str) -> "Sharpening":
        """Return the same of one variable alone."""
        return Sharpening(name=self.name, without=self.without.alone(variable))


def best_sharpened(references: Sequence[SharpenedForecast]) -> SharpenedForecast | None:
    """Return the best of the references that are single forecasts, see ``best_reference``."""
    return best_reference([one for one in references if not one.judgement.is_of_members])


def best_reference(references: Sequence[SharpenedForecast]) -> SharpenedForecast | None:
    """Return the best of the baseline's sharpened forecasts, None where there are none.

    That with the lowest score that breaks no guard, of scores within 0.001 with the lowest RMSE;
    where all break one, that with the least total violation.
    """
    if not references:
        return None
    best = position_of_best(
        [one.score for one in references],
        [one.judgement.error for one in references],
        [total_violation(one.guards) for one in references],
    )
    return references[best]
