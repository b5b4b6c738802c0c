"""Spatial derivatives on a masked grid, in units of the field per cell.

Every operator uses only cells whose whole stencil is valid: a coast is no gradient.
Shape legend: B batch, T lead, C channel, H rows (y), W columns (x). Results on the interior have
H-2 rows and W-2 columns.
"""

import torch

Tensor = torch.Tensor


def zero_masked(field_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the field with masked cells 0, whatever they held (NaN included)."""
    return torch.where(mask_HW, field_BTCHW, 0.0)


def masked_mean(field_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return the mean over channels and valid cells, one value per sample and lead [B, T].

    NaN where no cell is valid.
    """
    cells = mask_HW.sum() * field_BTCHW.shape[2]
    return zero_masked(field_BTCHW, mask_HW).sum(dim=(2, 3, 4)) / cells


def mean_or_zero(field_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """Return ``masked_mean``, but 0 where no cell is valid, with a gradient of 0."""
    cells = mask_HW.sum().clamp(min=1) * field_BTCHW.shape[2]
    return zero_masked(field_BTCHW, mask_HW).sum(dim=(2, 3, 4)) / cells


def interior_mask(mask_HW: Tensor) -> Tensor:
    """Return the interior cells [H-2, W-2] whose whole 3 x 3 stencil is valid."""
    rows = mask_HW[:-2] & mask_HW[1:-1] & mask_HW[2:]
    return rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]


def cross_mask(mask_HW: Tensor) -> Tensor:
    """Return the interior cells [H-2, W-2] that are valid with their four neighbours."""
    centre = mask_HW[1:-1, 1:-1]
    return centre & mask_HW[:-2, 1:-1] & mask_HW[2:, 1:-1] & mask_HW[1:-1, :-2] & mask_HW[1:-1, 2:]


def sobel(field_BTCHW: Tensor) -> tuple[Tensor, Tensor]:
    """Return Sobel/8 derivatives along x and y on the interior.

    Kernels [[-1,0,1],[-2,0,2],[-1,0,1]]/8 and its transpose: on a plane they give its slope.
    The field must be finite; masked cells are excluded by the caller with ``interior_mask``.
    """
    across = field_BTCHW[..., :, 2:] - field_BTCHW[..., :, :-2]
    gx = (across[..., :-2, :] + 2.0 * across[..., 1:-1, :] + across[..., 2:, :]) / 8.0
    down = field_BTCHW[..., 2:, :] - field_BTCHW[..., :-2, :]
    gy = (down[..., :, :-2] + 2.0 * down[..., :, 1:-1] + down[..., :, 2:]) / 8.0
    return gx, gy


def sobel_magnitude(field_BTCHW: Tensor, eps: float = 0.0) -> Tensor:
    """Return sqrt(gx^2 + gy^2 + eps) on the interior; eps > 0 keeps its derivative finite at 0."""
    gx, gy = sobel(field_BTCHW)
    return torch.sqrt(gx * gx + gy * gy + eps)


def laplacian(field_BTCHW: Tensor) -> Tensor:
    """Return the Laplacian [[0,-1,0],[-1,4,-1],[0,-1,0]]/4 on the interior."""
    centre = field_BTCHW[..., 1:-1, 1:-1]
    around = (
        field_BTCHW[..., :-2, 1:-1]
        + field_BTCHW[..., 2:, 1:-1]
        + field_BTCHW[..., 1:-1, :-2]
        + field_BTCHW[..., 1:-1, 2:]
    )
    return centre - around / 4.0


def forward_differences(field_BTCHW: Tensor) -> tuple[Tensor, Tensor]:
    """Return differences to the next cell along x [.., H, W-1] and along y [.., H-1, W]."""
    return (
        field_BTCHW[..., :, 1:] - field_BTCHW[..., :, :-1],
        field_BTCHW[..., 1:, :] - field_BTCHW[..., :-1, :],
    )


def forward_masks(mask_HW: Tensor) -> tuple[Tensor, Tensor]:
    """Return which forward differences join two valid cells, along x and along y."""
    return mask_HW[:, 1:] & mask_HW[:, :-1], mask_HW[1:] & mask_HW[:-1]
