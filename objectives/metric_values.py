"""What a forecast came to, free of torch: it is kept with a study and read by its status."""

from pydantic import ConfigDict

from fieldsharp.fields.settings import Settings


class MetricValues(Settings):
    """What a forecast came to, physical units.

    Attributes:
        overall: Every metric over all samples and leads.
        by_lead: Every metric for each lead.
    """

    # A training that diverged is judged too, and then refused by name.
    model_config = ConfigDict(allow_inf_nan=True)

    overall: dict[str, float]
    by_lead: dict[str, list[float]]

    @property
    def leads(self) -> int:
        """How many leads there are."""
        return len(next(iter(self.by_lead.values()), []))

    def at(self, lead: int) -> dict[str, float]:
        """Return every metric at one lead."""
        return {name: values[lead] for name, values in self.by_lead.items()}
