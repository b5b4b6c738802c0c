"""Regions of a grid: 3 x 3 of them, and the whole grid where none has enough valid cells.

Shape legend: H rows, W columns, N valid cells, R region.
"""

import torch

Tensor = torch.Tensor
REGIONS_A_SIDE = 3
LEAST_CELLS_OF_A_REGION = 9
WHOLE_GRID = REGIONS_A_SIDE**2
"""Column of the whole grid, a region of its own in frames in which no other counts."""


def region_weights(mask_HW: Tensor) -> Tensor:
    """Return, for each valid cell, its share in the mean of its region [N, R].

    The grid is cut into 3 x 3 regions; one with fewer than nine valid cells has no member, and
    where all have fewer the whole grid is the region.
    """
    height, width = mask_HW.shape
    row_H = torch.arange(height, device=mask_HW.device) * REGIONS_A_SIDE // height
    column_W = torch.arange(width, device=mask_HW.device) * REGIONS_A_SIDE // width
    region_N = (row_H[:, None] * REGIONS_A_SIDE + column_W[None, :])[mask_HW]
    members_NR = torch.nn.functional.one_hot(region_N, WHOLE_GRID + 1).double()
    enough_R = members_NR.sum(dim=0) >= LEAST_CELLS_OF_A_REGION
    members_NR = members_NR * enough_R
    members_NR[:, WHOLE_GRID] = (~enough_R.any()).double()
    return members_NR / members_NR.sum(dim=0).clamp(min=1.0)
