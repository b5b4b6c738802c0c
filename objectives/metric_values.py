"""Metrics of a forecast as numbers: stored with a study and read without torch."""

from pydantic import ConfigDict

from fieldsharp.fields.settings import Settings


class MetricValues(Settings):
    """The metrics of a forecast, in physical units.

    Attributes:
        overall: Every metric over all samples and leads.
        by_lead: Every metric for each lead.
    """

    # A training that diverged has metrics too; guards then name what is wrong.
    model_config = ConfigDict(allow_inf_nan=True)

    overall: dict[str, float]
    by_lead: dict[str, list[float]]

    @property
    def leads(self) -> int:
        """The number of leads."""
        return len(next(iter(self.by_lead.values()), []))

    def at(self, lead: int) -> dict[str, float]:
        """Return every metric at one lead."""
        return {name: values[lead] for name, values in self.by_lead.items()}
