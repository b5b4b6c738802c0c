"""What sharpeners did to the forecast of a trial, as it is stored with the trial."""

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.guards import GuardOutcome
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.sharpened import JudgedForecast


class SharpenedForecast(Settings):
    """A forecast under a sharpener; physical units, validation split.

    Attributes:
        name: Of the sharpener.
        judgement: Every metric.
        score: Relative to the baseline as it is.
        guards: Each the worse outcome of the forecasts with and without the sharpener.
    """

    name: str
    judgement: MetricValues
    score: float
    guards: list[GuardOutcome]

    @classmethod
    def of(cls, judged: JudgedForecast) -> "SharpenedForecast":
        """Return a judged forecast as it is stored."""
        return cls(
            name=judged.sharpener,
            judgement=judged.values,
            score=judged.score.total,
            guards=judged.guards,
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
