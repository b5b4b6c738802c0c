"""The members of a trial beside ensembles that need no training; validation split."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fieldsharp.objectives.members.result import MembersResult
from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.study.files.previews import ForecastPreview, MembersPreview, ObservedPreview
from fieldsharp.sweep.study.trial_records import TrialRecord


@dataclass(frozen=True)
class MembersComparison:
    """An ensemble of the study beside its references and the baseline.

    Attributes:
        number: Of the trial.
        is_chosen: Whether the report is about it; else it is the best of those that were trained as
            ensembles.
        record: Its own.
        baseline: The baseline's record.
        targets: Of the validation split.
        observed: Preview of the observations; None without previews.
        forecast: Preview of its forecast; None likewise.
    """

    number: int
    is_chosen: bool
    record: TrialRecord
    baseline: TrialRecord
    targets: Targets
    observed: ObservedPreview | None = None
    forecast: ForecastPreview | None = None

    def of(self, variable: str) -> "MembersComparison":
        """Return the comparison in one of several predicted variables alone."""
        position = list(self.targets.by_variable).index(variable)
        observed, forecast = self.observed, self.forecast
        if observed is None or forecast is None or position > len(observed.others):
            observed = forecast = None
        return replace(
            self,
            record=self.record.of(variable),
            baseline=self.baseline.of(variable),
            targets=self.targets.by_variable[variable],
            observed=observed and observed.of(position),
            forecast=forecast and forecast.of(position),
        )

    @property
    def name(self) -> str:
        """What the ensemble is called."""
        return f"trial {self.number}"

    @property
    def result(self) -> MembersResult:
        """Scores of its members."""
        return self.record.members[self.record.sharpener].first

    @property
    def references(self) -> Mapping[str, MembersResult]:
        """Scores of the ensembles that need no training, by name."""
        return {name: one.first for name, one in self.baseline.members.items()}

    @property
    def best_reference(self) -> str | None:
        """The name of that with the lowest CRPS over all leads; None where there is none."""
        crps = {name: one.overall.crps for name, one in self.references.items()}
        return min(crps, key=lambda name: crps[name], default=None)

    @property
    def guards_broken(self) -> list[str]:
        """Names of the guards that it breaks."""
        return [guard.name for guard in self.record.guards if not guard.ok]

    @property
    def preview(self) -> MembersPreview | None:
        """Its members in the window that pictures show."""
        return self.forecast.members if self.forecast is not None else None
