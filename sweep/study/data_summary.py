"""The summary of the data that is computed once and stored with the study."""

import math
from dataclasses import replace

from pydantic import Field

from fieldsharp.fields.settings import GridMeasures, Settings
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.targets import Band, Targets
from fieldsharp.sweep.study.provenance import Provenance


class BandSummary(Settings):
    """A target band as it is stored with the study; see ``objectives.targets.Band``."""

    low: float
    high: float
    offset: float

    @classmethod
    def of(cls, band: Band) -> "BandSummary":
        """Return a band as it is stored."""
        return cls(low=band.low, high=band.high, offset=band.offset)

    def band(self) -> Band:
        """Return the band."""
        return Band(self.low, self.high, self.offset)


AFTER_THE_BASELINE = "after the baseline"
"""Shown in place of targets that are taken from the truth that its script writes."""
_NOT_YET_KNOWN = Band(math.nan, math.nan, math.nan)


class LinearForecastSummary(Settings):
    """A fitted linear forecast on the validation split; physical units.

    Attributes:
        gradient: Predicted mean gradient.
        power_large_db: Power over the truth's at the largest scales and the first lead, in dB.
    """

    rmse: float
    gradient: float
    peak: float
    power_large_db: float | None = None


class VariableSummary(Settings):
    """What is known of one predicted variable before any training.

    Attributes:
        gradient: Band of the gradient; this and that of the peak are None before the baseline of a
            script whose targets are taken from its truth.
        gradient_observed: Observed mean gradient on the validation split; this and the two below
            are None where only a script reads the data, unless the targets are taken from its
            truth.
        peak_observed: Observed mean peak on the validation split.
        mean_observed: Observed mean on the validation split.
        rmse_persistence: RMSE of persistence on the validation split; None where only a script
            reads the data.
        linear: A linear forecast that was fitted on the training windows; None where only a script
            reads the data, and in studies of earlier versions.
    """

    variable: str
    units: str
    gradient: BandSummary | None
    peak: BandSummary | None
    gradient_observed: float | None
    peak_observed: float | None
    mean_observed: float | None
    rmse_persistence: float | None
    linear: LinearForecastSummary | None = None

    @property
    def targets_known(self) -> bool:
        """Whether the targets are; those from the truth of a script are after its baseline."""
        return self.gradient is not None and self.peak is not None

    @property
    def targets(self) -> Targets:
        """The bands the score measures against; all NaN where they are not known yet."""
        gradient, peak = (
            _NOT_YET_KNOWN if one is None else one.band() for one in (self.gradient, self.peak)
        )
        return Targets(gradient, peak)

    @property
    def least(self) -> dict[str, float | None]:
        """Least gradient and peak by name, None where they are not known yet."""
        bands = {"gradient": self.gradient, "peak": self.peak}
        return {name: None if band is None else band.low for name, band in bands.items()}


class DataSummary(VariableSummary):
    """The summary of the data that is computed once and stored with the study.

    What is of one variable is of the first that is predicted.

    Attributes:
        windows: Number of training, validation and test windows.
        weight_units: By preset, the factor from its weight to one of the search; 1 for presets
            that are not named.
        variation: Of the truth of the validation split in time; None where only a script reads the
            data, and in studies of earlier versions.
        measures: What forecasts are judged by of the grid.
        grid_notes: How cells are weighted and distances are known, a sentence each.
        others: The other predicted variables, by name.
    """

    windows: dict[str, int]
    weight_units: dict[str, float] = Field(default_factory=dict)
    provenance: Provenance
    variation: FieldVariation | None = None
    measures: GridMeasures = GridMeasures()
    grid_notes: tuple[str, ...] = ()
    others: dict[str, VariableSummary] = Field(
        default_factory=dict, exclude_if=lambda others: not others
    )

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the predicted variables, the first first."""
        return (self.variable, *self.others)

    def of(self, variable: str) -> "DataSummary":
        """Return the summary with one variable alone, as of a study that predicts no other."""
        if not self.others:
            return self
        own = self.others.get(variable, self)
        return self.model_copy(
            update={
                **{name: getattr(own, name) for name in VariableSummary.model_fields},
                "variation": self.variation and self.variation.of(variable),
                "others": {},
            }
        )

    @property
    def per(self) -> str:
        """The unit of length of gradients, as "per cell"."""
        return f"per {self.measures.per}"

    @property
    def targets(self) -> Targets:
        """The bands the score measures against, of every variable."""
        first = super().targets
        if not self.others:
            return first
        others = {name: one.targets for name, one in self.others.items()}
        return replace(first, variable=self.variable, others=others)
