"""What is usual for a field: each cell's mean, rare levels, and the range.

Shape legend: C channel, H rows, W columns, L levels.
"""

import math
from dataclasses import dataclass

import torch

from fieldsharp.fields.series import FieldSeries

Tensor = torch.Tensor
EVENT_SHARES = (0.9, 0.99)
"""An event is a value above this share of all values."""
MOST_VALUES_SORTED = 2_000_000


@dataclass(frozen=True)
class Climatology:
    """What is usual for a field, in physical units and double precision.

    Attributes:
        mean_CHW: Mean of each cell; 0 in masked cells.
        levels_L: Values exceeded in 10 % and 1 % of cells and frames.
        value_range: Largest minus smallest value.
    """

    mean_CHW: Tensor
    levels_L: Tensor
    value_range: float


def fit_climatology(series: FieldSeries, frames: range) -> Climatology:
    """Return what is usual in some frames, the training frames as a rule."""
    values_TCHW = torch.from_numpy(series.values_TCHW[frames.start : frames.stop])
    return climatology_of(values_TCHW, torch.from_numpy(series.mask_HW))


def climatology_of(values_TCHW: Tensor, mask_HW: Tensor) -> Climatology:
    """Return what is usual in these frames; masked cells never matter."""
    mean_CHW = torch.where(mask_HW, values_TCHW.double().mean(dim=0), 0.0)
    values = values_TCHW[..., mask_HW].flatten()
    every = -(-values.numel() // MOST_VALUES_SORTED)
    while math.gcd(every, int(mask_HW.sum())) > 1:  # else it would meet the same few cells again
        every += 1
    levels = torch.quantile(
        values[::every].double(), torch.tensor(EVENT_SHARES, dtype=torch.float64)
    )
    return Climatology(mean_CHW, levels, float(values.max()) - float(values.min()))
