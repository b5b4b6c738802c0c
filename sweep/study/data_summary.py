"""What is found out about the data once, and kept with the study."""

from pydantic import Field

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.targets import Band, Targets
from fieldsharp.sweep.study.provenance import Provenance


class BandSummary(Settings):
    """A band as it is kept with the study; see ``objectives.targets.Band``."""

    low: float
    high: float
    offset: float

    @classmethod
    def of(cls, band: Band) -> "BandSummary":
        """Return a band as it is kept."""
        return cls(low=band.low, high=band.high, offset=band.offset)

    def band(self) -> Band:
        """Return the band."""
        return Band(self.low, self.high, self.offset)


class DataSummary(Settings):
    """What is found out about the data once and kept with the study.

    Attributes:
        variable: Name of the field.
        units: Its units.
        gradient: Band of the gradient.
        peak: Band of the peak.
        gradient_observed: Observed mean gradient on the validation split; this and the three below
            are None where a script knows the data alone.
        peak_observed: Observed mean peak on the validation split.
        mean_observed: Observed mean on the validation split.
        rmse_persistence: RMSE of persistence on the validation split.
        windows: Number of training, validation and test windows.
        weight_units: By preset, what its weight is multiplied by to be one of the search; 1 where
            it is not named.
        provenance: Versions, commit, data.
    """

    variable: str
    units: str
    gradient: BandSummary
    peak: BandSummary
    gradient_observed: float | None
    peak_observed: float | None
    mean_observed: float | None
    rmse_persistence: float | None
    windows: dict[str, int]
    weight_units: dict[str, float] = Field(default_factory=dict)
    provenance: Provenance

    @property
    def targets(self) -> Targets:
        """The bands the score measures against."""
        return Targets(self.gradient.band(), self.peak.band())
