"""Scaling to [0, 1], fitted on the training frames alone.

Shape legend: N frames, C channel, H rows, W columns.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from fieldsharp.core.errors import DataError
from fieldsharp.fields.series import BoolArray, FieldSeries, FloatArray
from fieldsharp.fields.static_fields import StaticField
from fieldsharp.fields.valid_values import sum_of, valid_values


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


@dataclass(frozen=True)
class ScaledVariable:
    """How a variable is scaled: another input, a static field or a forcing.

    Attributes:
        name: As settings name it.
        units: As the file states them.
        scaling: Fitted on the training frames; of a static field on all cells.
    """

    name: str
    units: str
    scaling: Scaling


def to_physical(unit_BTCHW: torch.Tensor, scalings: Sequence[Scaling]) -> torch.Tensor:
    """Return frames [..., C, H, W] of variables in physical units, double precision.

    Args:
        unit_BTCHW: A channel for each variable, in units of its training range.
        scalings: Of each variable.
    """
    if len(scalings) == 1:
        return scalings[0].to_physical(unit_BTCHW)
    channels = (
        scaling.to_physical(unit_BTCHW[..., channel : channel + 1, :, :])
        for channel, scaling in enumerate(scalings)
    )
    return torch.cat(list(channels), dim=-3)


def fit_scaling(series: FieldSeries, frames: range) -> Scaling:
    """Fit the scaling on the valid cells of the given frames."""
    low, high, total, count = math.inf, -math.inf, 0.0, 0
    for piece_N in valid_values(series.values_TCHW[frames.start : frames.stop], series.mask_HW):
        low, high = min(low, float(piece_N.min())), max(high, float(piece_N.max()))
        total, count = sum_of(piece_N, total), count + piece_N.size
    return Scaling(low=low, high=high, fill=total / count)


def scaling_of_static(field: StaticField) -> Scaling:
    """Fit the scaling of a field without time on its known cells.

    Raises:
        DataError: If none is known, or all are the same.
    """
    known = field.values_HW[np.isfinite(field.values_HW)]
    if not len(known) or known.min() == known.max():
        found = f"is {known[0]:g} everywhere" if len(known) else "has no value"
        raise DataError(
            f"data.static names {field.name}, which {found} and tells a predictor nothing; leave "
            "it out"
        )
    return Scaling(float(known.min()), float(known.max()), float(known.mean(dtype=np.float64)))


def unit_frames(values_NCHW: FloatArray, mask_HW: BoolArray, scaling: Scaling) -> torch.Tensor:
    """Return frames in units of the training range, masked cells filled."""
    filled = np.where(mask_HW, values_NCHW, np.float32(scaling.fill))
    return torch.from_numpy(filled).sub_(scaling.low).div_(scaling.high - scaling.low)
