"""A batch for verification: forecast, truth, last known frame and climatology.

Shape legend: B sample, T lead, C channel, H rows, W columns. Physical units, double precision.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps

import torch

from fieldsharp.fields.coordinates.grid_geometry import GridGeometry
from fieldsharp.fields.masked_statistics import Climatology
from fieldsharp.objectives.masked_field import MaskedField

Tensor = torch.Tensor


@dataclass(frozen=True, eq=False)
class VerificationBatch:
    """A batch of forecasts and the observations of the same times.

    Attributes:
        pred_BTCHW: The forecast.
        target_BTCHW: What was observed at the same times.
        persistence_BTCHW: The last frame before the forecast, repeated; None where unknown.
        mask_HW: Cells that count.
        climatology: Of the field; None where it is not known.
        known_truth: The observed field with derived fields that earlier verifications cached in it;
            None for one that is new.
        geometry: Shares and distances of the cells; None where all count the same and gradients are
            per cell.
    """

    pred_BTCHW: Tensor
    target_BTCHW: Tensor
    persistence_BTCHW: Tensor | None
    mask_HW: Tensor
    climatology: Climatology | None = None
    known_truth: MaskedField | None = None
    geometry: GridGeometry | None = None

    @cached_property
    def forecast(self) -> MaskedField:
        """The forecast with its derived fields."""
        return MaskedField(self.pred_BTCHW, self.mask_HW, self.climatology, self.geometry)

    @cached_property
    def truth(self) -> MaskedField:
        """The observed field with its derived fields."""
        if self.known_truth is not None:
            return self.known_truth
        return MaskedField(self.target_BTCHW, self.mask_HW, self.climatology, self.geometry)

    def mean_of_cells(self, values_BTCN: Tensor) -> Tensor:
        """Return the mean over channels and valid cells by their shares [B, T]."""
        return self.truth.mean_of_cells(values_BTCN)


Statistic = Callable[[VerificationBatch], Tensor]
"""A mean over the cells of each sample and lead [B, T, ...], to be averaged over samples and leads.

Further dimensions are shells of a spectrum, quantiles or regions. ``Largest`` and ``Gathered`` take
something other than the mean."""


def of_truth(statistic: Statistic) -> Statistic:
    """Have a statistic of the truth alone computed once, however many forecasts it is used for."""

    @wraps(statistic)
    def cached(case: VerificationBatch) -> Tensor:
        known = case.truth.statistics
        if cached not in known:
            known[cached] = statistic(case)
        return known[cached]

    return cached


@dataclass(frozen=True)
class Largest:
    """A statistic whose maximum over samples and leads is used, not its mean."""

    statistic: Statistic

    def __call__(self, case: VerificationBatch) -> Tensor:
        """Return the statistic of each sample and lead."""
        return self.statistic(case)


@dataclass(frozen=True)
class Gathered:
    """A statistic whose values are kept until the last sample, for what no mean can give.

    Attributes:
        statistic: The values of each sample and lead [B, T, N, ...]; N may differ between batches.
        formula: From the values of one lead, or of all leads, [N, ...] to what a metric's formula
            takes in place of averages.
        most: Of more values of a lead so many are kept, spread evenly over samples and cells.
    """

    statistic: Statistic
    formula: Callable[[Tensor], Tensor]
    most: int = 4000

    def __call__(self, case: VerificationBatch) -> Tensor:
        """Return the values of each sample and lead."""
        return self.statistic(case)
