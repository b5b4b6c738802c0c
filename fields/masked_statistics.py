"""Statistics of the valid cells of a grid: climatology, sorted values, means of regions.

Shape legend: T time, C channel, H rows, W columns, N valid cells, L level, R region.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from fieldsharp.fields.device_copies import is_readable
from fieldsharp.fields.series import BoolArray, FieldSeries
from fieldsharp.fields.valid_values import Values, mean_of_cells, valid_values

Tensor = torch.Tensor
EVENT_SHARES = (0.9, 0.99)
"""An event is a value above this share of all values."""
MOST_VALUES_SORTED = 2_000_000
REGIONS_A_SIDE = 3
LEAST_CELLS_OF_A_REGION = 9
WHOLE_GRID = REGIONS_A_SIDE**2
"""Column of the whole grid, a region of its own in frames in which no other counts."""


@dataclass(frozen=True)
class Climatology:
    """Mean of each cell, rare levels and range of a field, physical units in double precision.

    Attributes:
        mean_CHW: Mean of each cell; 0 in masked cells.
        levels_L: Values exceeded in 10 % and 1 % of cells and frames.
        value_range: Largest minus smallest value.
    """

    mean_CHW: Tensor
    levels_L: Tensor
    value_range: float

    def on(self, device: torch.device) -> "Climatology":
        """Return the same on a device."""
        return replace(self, mean_CHW=self.mean_CHW.to(device), levels_L=self.levels_L.to(device))


def fit_climatology(series: FieldSeries, frames: range) -> Climatology:
    """Return the climatology of some frames, as a rule the training frames."""
    return _climatology(series.values_TCHW[frames.start : frames.stop], series.mask_HW)


def climatology_of(values_TCHW: Tensor, mask_HW: Tensor) -> Climatology:
    """Return the climatology of these frames; masked cells have no effect."""
    return _climatology(values_TCHW.numpy(), mask_HW.numpy())


def training_levels(series: FieldSeries, frames: range, shares: Sequence[float]) -> list[float]:
    """Return the values above these shares of the cells and frames, physical units.

    Args:
        series: The field.
        frames: As a rule the training frames.
        shares: Above 0 and below 1.
    """
    values_TCHW = series.values_TCHW[frames.start : frames.stop]
    return _levels(_some_values(values_TCHW, series.mask_HW)[0], shares).tolist()


def _climatology(values_TCHW: Values, mask_HW: BoolArray) -> Climatology:
    some, low, high = _some_values(values_TCHW, mask_HW)
    mean_CHW = torch.from_numpy(mean_of_cells(values_TCHW, mask_HW))
    return Climatology(mean_CHW, _levels(some, EVENT_SHARES), high - low)


def _levels(values_N: Tensor, shares: Sequence[float]) -> Tensor:
    return torch.quantile(values_N, torch.tensor(tuple(shares), dtype=torch.float64))


def _some_values(values_TCHW: Values, mask_HW: BoolArray) -> tuple[Tensor, float, float]:
    """Return values spread evenly over cells and frames, and the lowest and highest of all."""
    cells = int(mask_HW.sum())
    count = cells * math.prod(values_TCHW.shape[:2])
    every = -(-count // MOST_VALUES_SORTED)
    while math.gcd(every, cells) > 1:  # else it takes the same cells in each frame
        every += 1
    chosen, first, low, high = [], 0, math.inf, -math.inf
    for piece_N in valid_values(values_TCHW, mask_HW):
        low, high = min(low, float(piece_N.min())), max(high, float(piece_N.max()))
        chosen.append(piece_N[-first % every :: every].astype(np.float64))
        first += piece_N.size
    return torch.from_numpy(np.concatenate(chosen)), low, high


def in_rising_order(values: Tensor) -> Tensor:
    """Return the values along the last dimension in rising order, NaN last; can be trained on.

    On a CPU NumPy's sort is taken: torch's, measured on frames of 275 to 60,000 cells, takes 4 to 5
    times as long where a gradient is asked for and 13 to 25 times where none is.
    """
    if not is_readable(values) or values.dtype == torch.bfloat16:  # which NumPy has not
        return values.sort(dim=-1).values
    array = values.detach().numpy()
    if not values.requires_grad:
        return torch.from_numpy(np.sort(array, axis=-1))
    return values.gather(-1, torch.from_numpy(np.argsort(array, axis=-1)))


def region_weights(mask_HW: Tensor, weights_N: Tensor | None = None) -> Tensor:
    """Return, for each valid cell, its share in the mean of its region [N, R].

    The grid is cut into 3 x 3 regions; one with fewer than nine valid cells has no member, and
    where all have fewer the whole grid is the region.

    Args:
        mask_HW: Valid cells.
        weights_N: Share of each valid cell in a mean over the area; None where all are the same.
    """
    height, width = mask_HW.shape
    row_H = torch.arange(height, device=mask_HW.device) * REGIONS_A_SIDE // height
    column_W = torch.arange(width, device=mask_HW.device) * REGIONS_A_SIDE // width
    region_N = (row_H[:, None] * REGIONS_A_SIDE + column_W[None, :])[mask_HW]
    members_NR = torch.nn.functional.one_hot(region_N, WHOLE_GRID + 1).double()
    enough_R = members_NR.sum(dim=0) >= LEAST_CELLS_OF_A_REGION
    members_NR = members_NR * enough_R
    members_NR[:, WHOLE_GRID] = (~enough_R.any()).double()
    if weights_N is not None:
        members_NR = members_NR * weights_N[:, None]
        sum_R = members_NR.sum(dim=0)
        return members_NR / torch.where(sum_R > 0, sum_R, 1.0)
    return members_NR / members_NR.sum(dim=0).clamp(min=1.0)
