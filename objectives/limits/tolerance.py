"""How far above the truth's value a limit on what is too much lies, on a logarithmic scale."""

import math
from dataclasses import dataclass

from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import GuardSettings

EARNED = 2.0
"""Multiple of the tolerance for a forecast that is better than the baseline throughout."""
MOST_EARNED = 3.0
"""The same at most, where the truth varies between blocks of time or samples are few."""
ENOUGH_FOR_SPREAD = 16.0
"""So many independent samples fix the spread of members beside their error."""
ENOUGH_FOR_MEMBERS = 32.0
"""The same for what members have too much of. What the truth of few windows has more or less of
than usual, a forecast that follows it has too; members have it in part alone."""
ENOUGH_FOR_VARIATION = 64.0
"""The same for standard deviations of members and correlations of their mean."""
OF_VARIATION = ("std_ratio", "region_std_ratio")


@dataclass(frozen=True)
class Tolerance:
    """What widens the tolerance of every guard against excess.

    Attributes:
        field: The variation of the truth of the split; None where it is not known.
        is_earned: Whether the forecast is better than the baseline throughout.
        of_members: Whether these are limits of the members of an ensemble.
    """

    field: FieldVariation | None = None
    is_earned: bool = False
    of_members: bool = False

    @classmethod
    def of(
        cls, values: MetricValues, baseline: MetricValues | None, field: FieldVariation | None
    ) -> "Tolerance":
        """Return that of a forecast.

        Nothing is earned where the variation is not known, as in studies of earlier versions.
        """
        if field is None or baseline is None:
            return cls(field, of_members=values.is_of_members)
        return cls(field, is_better_throughout(values, baseline), values.is_of_members)

    def decibels(self, limit: float, metric: str) -> float:
        """Return a limit in dB over the truth; one of 0 or below stays."""
        return self._widened(limit, metric, self._largest(metric, 0.0))

    def ratio(self, limit: float, perfect: float, metric: str) -> float:
        """Return a limit on a metric whose value for the truth is given; one below that stays."""
        if not limit > perfect > 0.0:
            return limit
        largest = math.log(self._largest(metric, 1.0))
        return perfect * math.exp(self._widened(math.log(limit / perfect), metric, largest))

    def spread(self, limit: float) -> float:
        """Return a limit, on either side, of a spread as a share of what is honest."""
        if self.field is None or limit <= 0.0:
            return limit
        return math.exp(math.log(limit) * self.field.widening_below(ENOUGH_FOR_SPREAD))

    def drops(self, settings: GuardSettings) -> GuardSettings:
        """Return the settings with the least correlations of the mean of members.

        Few members in few windows have a mean whose correlation is lower or higher by chance.
        """
        if not self.of_members or self.field is None:
            return settings
        few = self.field.widening_below(ENOUGH_FOR_VARIATION)
        share = 1.0 - few * (1.0 - settings.gradient_correlation_share)
        return settings.model_copy(
            update={
                "gradient_correlation_share": max(0.0, share),
                "correlation_drop": few * settings.correlation_drop,
                "correlation_least": min(
                    settings.correlation_least, settings.correlation_least / few
                ),
            }
        )

    def _largest(self, metric: str, least: float) -> float:
        return least if self.field is None else self.field.largest.get(metric, least)

    def _widening(self, metric: str) -> float:
        """Return the factor of a tolerance where the split has few independent samples."""
        if self.field is None:
            return 1.0
        if not self.of_members:
            return self.field.widening
        enough = ENOUGH_FOR_VARIATION if metric in OF_VARIATION else ENOUGH_FOR_MEMBERS
        return self.field.widening_below(enough)

    def _widened(self, tolerance: float, metric: str, largest: float) -> float:
        if tolerance <= 0.0:
            return tolerance
        wide = tolerance * self._widening(metric)
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
