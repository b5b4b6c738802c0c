"""The data that the pictures of one trial are drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fieldsharp.objectives.members.result import MembersResult
from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.pictures.number_scale import shown
from fieldsharp.sweep.pictures.sharpness_source import SharpnessSource
from fieldsharp.sweep.study.files.previews import ForecastPreview, ObservedPreview, TrialPreview


@dataclass(frozen=True)
class PictureSource:
    """A finished trial with its previews and those of the baseline.

    Attributes:
        observed: Observations of the window that pictures show.
        preview: The trial's forecast of that window, and its training history.
        baseline: The same of the baseline; None for the baseline itself, or without its preview.
        feasible: Whether it breaks no guard.
        by_lead: Its metrics at each lead, ``gradient``, ``gradient_observed``, ``peak`` and
            ``peak_observed`` among them; physical units.
        sharpness: The forecasts of its study and their frontier; None if not known.
        members: Scores of its members; None where none are judged together.
        member_references: The same of ensembles that need no training, by name.
    """

    observed: ObservedPreview
    preview: TrialPreview
    baseline: TrialPreview | None
    number: int
    feasible: bool
    by_lead: Mapping[str, Sequence[float]]
    targets: Targets
    sharpness: SharpnessSource | None = None
    members: MembersResult | None = None
    member_references: Mapping[str, MembersResult] = field(default_factory=dict)

    @property
    def forecast(self) -> ForecastPreview | None:
        """The trial's forecast, None if it was pruned or is on another grid."""
        return _on_grid_of(self.observed, self.preview.forecast)

    @property
    def baseline_forecast(self) -> ForecastPreview | None:
        """The baseline's forecast, None if there is none or it is on another grid."""
        return _on_grid_of(self.observed, self.baseline.forecast if self.baseline else None)

    @property
    def field_name(self) -> str:
        """Name of the field, printable and not too long."""
        return shown(self.observed.variable)

    def heading(self, subject: str) -> list[str]:
        """Return the lines above a picture: trial, subject, and whether the trial can win."""
        lines = [f"Trial {self.number}: {subject}"]
        if not self.feasible:
            lines.append("It breaks a guard, so it cannot win, however sharp it is.")
        return lines


def _on_grid_of(
    observed: ObservedPreview, forecast: ForecastPreview | None
) -> ForecastPreview | None:
    return forecast if forecast is not None and forecast.is_beside(observed) else None
