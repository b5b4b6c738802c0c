"""Scaling to [0, 1], fitted on the training frames alone."""

from dataclasses import dataclass

import numpy as np
import torch

from fieldsharp.fields.series import FieldSeries


@dataclass(frozen=True)
class Scaling:
    """Linear map between physical units and [0, 1] on the training frames.

    Attributes:
        low: Smallest training value, physical units.
        high: Largest training value, physical units.
        fill: Mean training value, physical units: the input of a network in masked cells, so that
            the coast is no cliff.
    """

    low: float
    high: float
    fill: float

    def to_unit(self, physical: torch.Tensor) -> torch.Tensor:
        """Return values in units of the training range."""
        return (physical - self.low) / (self.high - self.low)

    def to_physical(self, unit: torch.Tensor) -> torch.Tensor:
        """Return values in physical units, in double precision."""
        return unit.double() * (self.high - self.low) + self.low


def fit_scaling(series: FieldSeries, frames: range) -> Scaling:
    """Fit the scaling on the valid cells of the given frames."""
    inside = series.values_TCHW[frames.start : frames.stop, :, series.mask_HW]
    return Scaling(
        low=float(inside.min()), high=float(inside.max()), fill=float(inside.mean(dtype=np.float64))
    )
