"""Metrics of a forecast as numbers: stored with a study and read without torch."""

import math
from statistics import fmean

from pydantic import ConfigDict

from fieldsharp.objectives.per_variable import PerVariable, named


class MetricValues(PerVariable):
    """The metrics of a forecast, in physical units.

    Attributes:
        overall: Every metric over all samples and leads.
        by_lead: Every metric for each lead.
        others: Those of every other predicted variable, by name.
    """

    # A training that diverged has metrics too; guards then name what is wrong.
    model_config = ConfigDict(allow_inf_nan=True)

    overall: dict[str, float]
    by_lead: dict[str, list[float]]

    @property
    def leads(self) -> int:
        """The number of leads."""
        return len(next(iter(self.by_lead.values()), []))

    @property
    def is_of_members(self) -> bool:
        """Whether these are the metrics of members that are judged together."""
        return "spread_over_error" in self.overall

    @property
    def crps(self) -> float:
        """Fair CRPS of the members; of a single forecast its mean absolute error."""
        return self.overall["crps"] if self.is_of_members else self.overall["mae"]

    @property
    def all_overall(self) -> dict[str, float]:
        """Every metric over all samples and leads; of the others by names as ``u10: rmse``."""
        others = {
            named(variable, name): value
            for variable, one in self.others.items()
            for name, value in one.overall.items()
        }
        return {**self.overall, **others} if others else self.overall

    @property
    def error(self) -> float:
        """The error that trainings and trials are compared by where their scores are equal.

        The RMSE over all samples and leads, of members their CRPS; of several variables, whose
        units differ, the mean of them, each as a share of the RMSE of each cell's mean.
        """
        return self._error_in("crps" if self.is_of_members else "rmse")

    @property
    def error_of_persistence(self) -> float:
        """The same of the last known frame; infinite where that is not known."""
        if "rmse_persistence" not in self.overall:
            return math.inf
        return self._error_in("rmse_persistence")

    def _error_in(self, metric: str) -> float:
        if not self.others:
            return self.overall[metric]
        return fmean(one.overall[metric] / one.overall["rmse_climatology"] for one in self.each())

    def at(self, lead: int) -> dict[str, float]:
        """Return every metric at one lead."""
        return {name: values[lead] for name, values in self.by_lead.items()}
