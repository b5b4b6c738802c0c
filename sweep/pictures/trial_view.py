"""What the pictures of a trial are drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.pictures.number_scale import shown
from fieldsharp.sweep.study.files.previews import ForecastPreview, ObservedPreview, TrialPreview


@dataclass(frozen=True)
class TrialView:
    """A trial that ended, as its pictures see it.

    Attributes:
        observed: What was observed in the window shown.
        sample: What the trial forecast for it, and how its training went.
        baseline: The same of the baseline; None for the baseline itself, or where it is not kept.
        number: Of the trial.
        feasible: Whether it breaks no guard.
        by_lead: Its metrics at each lead, ``gradient``, ``gradient_observed``, ``peak`` and
            ``peak_observed`` among them; physical units.
        targets: What gradient and peak must reach.
        units: Of the field.
    """

    observed: ObservedPreview
    sample: TrialPreview
    baseline: TrialPreview | None
    number: int
    feasible: bool
    by_lead: Mapping[str, Sequence[float]]
    targets: Targets
    units: str

    @property
    def forecast(self) -> ForecastPreview | None:
        """The trial's forecast, None where it was pruned or is of another grid."""
        return _of_this_grid(self.sample.forecast, self.observed)

    @property
    def baseline_forecast(self) -> ForecastPreview | None:
        """The baseline's, likewise."""
        kept = self.baseline.forecast if self.baseline is not None else None
        return _of_this_grid(kept, self.observed)

    def heading(self, what: str) -> list[str]:
        """Return the lines above a picture: which trial, what is seen, and whether to trust it."""
        lines = [f"Trial {self.number}: {what}"]
        if not self.feasible:
            lines.append("It breaks a guard, so it cannot win, however sharp it is.")
        return lines


def _of_this_grid(
    forecast: ForecastPreview | None, observed: ObservedPreview
) -> ForecastPreview | None:
    return forecast if forecast is not None and forecast.is_beside(observed) else None


def field_name(observed: ObservedPreview) -> str:
    """Return what the field is called, as it may stand in a picture."""
    return shown(observed.variable)


def valid_time(observed: ObservedPreview, lead: int) -> str:
    """Return when a lead is valid, as it may stand in a picture."""
    return shown(observed.times[lead].replace("T", " "))
