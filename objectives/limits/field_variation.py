"""How much the truth of a split varies in time, as numbers: stored with a study, without torch."""

import math

from pydantic import Field

from fieldsharp.objectives.per_variable import PerVariable

ENOUGH_SAMPLES = 8.0
"""So many independent samples fix a metric well enough for the limits as they are."""


class FieldVariation(PerVariable):
    """The variation in time of the truth that forecasts are compared with.

    Attributes:
        independent_samples: Windows of the split divided by the number in which the field
            decorrelates.
        largest: Of metrics that guards against excess limit, the value of the block of the split
            in which the truth has most of it, relative to the whole split: a ratio, or in dB for
            metrics that are in dB; at least 1 or 0.
    """

    independent_samples: float = Field(ge=1.0)
    largest: dict[str, float] = Field(default_factory=dict)

    @property
    def widening(self) -> float:
        """The factor of tolerances, on a logarithmic scale: 1 where there are enough samples."""
        return self.widening_below(ENOUGH_SAMPLES)

    def widening_below(self, enough: float) -> float:
        """Return the same where so many samples are enough."""
        return max(1.0, math.sqrt(enough / self.independent_samples))
