"""Forecasts with and without a sharpener, judged and compared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from fieldsharp.objectives.guards import GuardOutcome, total_violation
from fieldsharp.objectives.guards_of_variables import check_all_guards
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.ranking import ranked
from fieldsharp.objectives.score import Score, score_values
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import Targets

Violation = Callable[[Sequence[GuardOutcome]], float]
"""From the outcome of all guards to their total violation; 0 where they hold."""


@dataclass(frozen=True)
class JudgedForecast:
    """A forecast, as it is or under a sharpener.

    Attributes:
        sharpener: Its name, or that for none.
        values: Every metric.
        score: Relative to the baseline.
        guards: Their outcomes; under a sharpener each is the worse of the forecasts with and
            without it, see ``with_guards_of``.
    """

    sharpener: str
    values: MetricValues
    score: Score
    guards: list[GuardOutcome]

    @property
    def feasible(self) -> bool:
        """Whether every guard holds."""
        return all(guard.ok for guard in self.guards)

    @property
    def error(self) -> float:
        """Root mean square error; see ``MetricValues.error``."""
        return self.values.error

    def with_guards_of(self, plain: "JudgedForecast") -> "JudgedForecast":
        """Return it with the worse outcome of each guard, its own or that of the plain forecast.

        A sharpener sets amplitudes. It cannot make a forecast right that is sharp for a wrong
        reason: noise that it weakens to the truth's power is still noise.
        """
        before = {guard.name: guard for guard in plain.guards}
        worse = [
            max(guard, before.get(guard.name, guard), key=lambda one: one.violation)
            for guard in self.guards
        ]
        return JudgedForecast(self.sharpener, self.values, self.score, worse)


def judge(
    forecasts: Mapping[str, MetricValues],
    plain: str,
    objective: ObjectiveSettings,
    targets: Targets,
    baseline: MetricValues,
    field: FieldVariation | None = None,
    rmse_multiples: Mapping[str, Sequence[float]] = MappingProxyType({}),
    crps: Mapping[str, float] | None = None,
) -> list[JudgedForecast]:
    """Return a forecast as it is and under each sharpener, compared with the baseline.

    Args:
        forecasts: Metrics by name of the sharpener.
        plain: The name in it that stands for no sharpener.
        objective: How a forecast is scored.
        targets: What gradient and peak must reach.
        baseline: Metrics of the baseline as it is.
        field: The variation of the truth of the split, where it is known.
        rmse_multiples: Largest RMSE at each lead, see ``check_all_guards``.
        crps: Of members, see ``score_values``.

    Returns:
        The plain forecast first, the others in the order given.
    """
    judged = {
        name: JudgedForecast(
            name,
            values,
            score_values(values, targets, baseline, objective, crps),
            check_all_guards(values, objective.guards, baseline, field, rmse_multiples),
        )
        for name, values in forecasts.items()
    }
    as_it_is = judged.pop(plain)
    return [as_it_is, *(one.with_guards_of(as_it_is) for one in judged.values())]


def best_of(
    judged: Sequence[JudgedForecast], violation: Violation = total_violation
) -> JudgedForecast:
    """Return the forecast with the lowest score that breaks no guard.

    Of scores within 0.001 that with gradient and peak nearest the centres of their bands, then the
    first. Where all break a guard, the one with the least total violation.
    """
    best = position_of_best(
        [one.score.total for one in judged],
        [one.score.off_centre for one in judged],
        [violation(one.guards) for one in judged],
    )
    return judged[best]


def position_of_best(
    scores: Sequence[float], tie_breakers: Sequence[float], violations: Sequence[float]
) -> int:
    """Return which forecast has the lowest score among those that break no guard.

    Where all break one, that with the least total violation.

    Args:
        scores: The lower the better.
        tie_breakers: Of the same forecasts, the lower the better where scores are equal.
        violations: Total violation of guards; 0 where they hold.
    """
    feasible = [i for i, violation in enumerate(violations) if violation <= 0.0]
    if not feasible:
        return min(range(len(violations)), key=violations.__getitem__)
    order = ranked([scores[i] for i in feasible], [tie_breakers[i] for i in feasible])
    return feasible[order[0]]
