"""The cells of a mask that count, by their index: found once, before a training.

How many cells of a mask count is known on its device alone, so indexing by the mask itself makes a
training wait for the device at each step; indexing by numbers of cells does not.
Shape legend: C channel, H rows, W columns, N cells that count.
"""

from collections.abc import MutableMapping
from typing import NamedTuple

import torch
from torch.utils.weak import WeakTensorKeyDictionary

from fieldsharp.fields.derivatives import interior_mask

Tensor = torch.Tensor


class CellIndex(NamedTuple):
    """Numbers of cells, counted along the rows, one row after the other.

    Attributes:
        valid_N: The valid cells of the grid [H, W].
        inner_N: The cells of the interior [H-2, W-2] whose whole 3 x 3 stencil is valid.
    """

    valid_N: Tensor
    inner_N: Tensor


# Kept by the mask itself, as terms of a loss are given nothing else; an entry goes with its mask,
# and holds for one version of it: torch counts changes in place.
_indexed: MutableMapping[Tensor, tuple[object, CellIndex]] = WeakTensorKeyDictionary()
_separated: MutableMapping[Tensor, tuple[object, tuple[Tensor, ...]]] = WeakTensorKeyDictionary()


def cell_index(mask_HW: Tensor) -> CellIndex:
    """Return the index of a mask: worked out at the first call, and again if the mask changed."""
    version = _version(mask_HW)
    kept = _indexed.get(mask_HW)
    if kept is None or kept[0] != version:
        index = CellIndex(_numbers(mask_HW), _numbers(interior_mask(mask_HW)))
        kept = _indexed[mask_HW] = version, index
    return kept[1]


def masks_of_channels(mask_CHW: Tensor) -> tuple[Tensor, ...]:
    """Return the mask [H, W] of each channel: the same tensors at each call, so they stay indexed.

    They are copies: a view would keep the tensor that it is a view of, and so the entry.
    """
    version = _version(mask_CHW)
    kept = _separated.get(mask_CHW)
    if kept is None or kept[0] != version:
        kept = _separated[mask_CHW] = version, tuple(mask_HW.clone() for mask_HW in mask_CHW)
    return kept[1]


def index_masks(masks: Tensor) -> None:
    """Index a mask [H, W], or that of each channel [C, H, W], before they are used."""
    for mask_HW in masks_of_channels(masks) if masks.dim() == 3 else (masks,):
        cell_index(mask_HW)


def indexed_on(masks: Tensor, device: torch.device | str) -> Tensor:
    """Return a mask [H, W], or that of each channel [C, H, W], on a device and indexed.

    It is indexed where it was before, so that nobody waits for the device.
    """
    moved = masks.to(device)
    if moved is masks:
        index_masks(masks)
        return masks
    before, after = (masks_of_channels(one) if one.dim() == 3 else (one,) for one in (masks, moved))
    for mask_HW, moved_HW in zip(before, after, strict=True):
        index = CellIndex(*(numbers_N.to(device) for numbers_N in cell_index(mask_HW)))
        _indexed[moved_HW] = (_version(moved_HW), index)
    return moved


def take_cells(fields: Tensor, numbers_N: Tensor) -> Tensor:
    """Return the values of some cells: [..., H, W] becomes [..., N]."""
    flat = fields.flatten(-2)
    if numbers_N.shape[0] == flat.shape[-1]:  # all cells
        return flat
    return flat.gather(-1, numbers_N.expand(*flat.shape[:-1], -1))


def _numbers(mask_HW: Tensor) -> Tensor:
    return mask_HW.flatten().nonzero().flatten()


def _version(mask: Tensor) -> object:
    """Return what changes with the mask; of inference tensors, which do not count, always new."""
    return object() if mask.is_inference() else mask._version
