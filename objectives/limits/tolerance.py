"""How far above the truth's value a limit on what is too much lies, on a logarithmic scale."""

import math
from dataclasses import dataclass

from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.metric_values import MetricValues

EARNED = 2.0
"""Multiple of the tolerance for a forecast that is better than the baseline throughout."""
MOST_EARNED = 3.0
"""The same at most, where the truth varies between blocks of time or samples are few."""


@dataclass(frozen=True)
class Tolerance:
    """What widens the tolerance of every guard against excess.

    Attributes:
        field: The variation of the truth of the split; None where it is not known.
        is_earned: Whether the forecast is better than the baseline throughout.
    """

    field: FieldVariation | None = None
    is_earned: bool = False

    @classmethod
    def of(
        cls, values: MetricValues, baseline: MetricValues | None, field: FieldVariation | None
    ) -> "Tolerance":
        """Return that of a forecast.

        Nothing is earned where the variation is not known, as in studies of earlier versions.
        """
        if field is None or baseline is None:
            return cls(field)
        return cls(field, is_better_throughout(values, baseline))

    def decibels(self, limit: float, metric: str) -> float:
        """Return a limit in dB over the truth; one of 0 or below stays."""
        return self._widened(limit, self._largest(metric, 0.0))

    def ratio(self, limit: float, perfect: float, metric: str) -> float:
        """Return a limit on a metric whose value for the truth is given; one below that stays."""
        if not limit > perfect > 0.0:
            return limit
        largest = math.log(self._largest(metric, 1.0))
        return perfect * math.exp(self._widened(math.log(limit / perfect), largest))

    def _largest(self, metric: str, least: float) -> float:
        return least if self.field is None else self.field.largest.get(metric, least)

    def _widened(self, tolerance: float, largest: float) -> float:
        if tolerance <= 0.0:
            return tolerance
        wide = tolerance if self.field is None else tolerance * self.field.widening
        if not self.is_earned:
            return wide
        earned = max(EARNED * wide, wide + largest)
        return min(earned, max(wide, MOST_EARNED * tolerance))


def is_better_throughout(values: MetricValues, baseline: MetricValues) -> bool:
    """Return whether a forecast is better than the baseline where no excess helps, at every lead.

    In RMSE and gradient correlation, and no worse in fractions skill of the highest 10 % and the
    critical success index above the 90 % or the 99 % level. The last two are known after the last
    epoch alone: before, the first two decide. A forecast with more leads is compared with the
    baseline's last.
    """

    def differences(metric: str) -> list[float] | None:
        ours, theirs = values.by_lead.get(metric), baseline.by_lead.get(metric)
        if ours is None or not theirs:
            return None
        return [value - theirs[min(lead, len(theirs) - 1)] for lead, value in enumerate(ours)]

    error, correlation = differences("rmse"), differences("gradient_correlation")
    if error is None or correlation is None:
        return False
    better = all(change < 0.0 for change in error) and all(change > 0.0 for change in correlation)
    skill = differences("fss_90")
    success = [differences(name) for name in ("csi_90", "csi_99")]
    return better and _no_worse(skill) and any(_no_worse(one) for one in success)


def _no_worse(differences: list[float] | None) -> bool:
    return differences is None or all(change >= 0.0 for change in differences)
