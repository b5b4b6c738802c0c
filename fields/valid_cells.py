"""The cells of a mask that count, by their index: found once, before a training.

How many cells of a mask count is known on its device alone, so indexing by the mask itself makes
whoever does it wait for the device each time; indexing by numbers of cells does not.
Shape legend: C channel, H rows, W columns, N cells that count.
"""

from collections.abc import Callable, Hashable, MutableMapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.weak import WeakTensorKeyDictionary

from fieldsharp.fields.derivatives import cross_mask, interior_mask
from fieldsharp.fields.device_copies import send

Tensor = torch.Tensor
BoolArray = npt.NDArray[np.bool_]


class CellIndex(NamedTuple):
    """Numbers of cells, counted along the rows, one row after the other.

    Attributes:
        valid_N: The valid cells of the grid [H, W].
        inner_N: The cells of the interior [H-2, W-2] whose whole 3 x 3 stencil is valid.
        cross_N: The cells of the interior [H-2, W-2] that are valid with their four neighbours.
    """

    valid_N: Tensor
    inner_N: Tensor
    cross_N: Tensor


# Kept by the mask itself, as terms of a loss are given nothing else; an entry goes with its mask,
# and holds for one version of it: torch counts changes in place.
_derived: MutableMapping[Tensor, tuple[object, dict[Hashable, tuple[Tensor, ...]]]] = (
    WeakTensorKeyDictionary()
)
_arrays: MutableMapping[Tensor, tuple[object, BoolArray]] = WeakTensorKeyDictionary()
_on_cpu: MutableMapping[Tensor, tuple[object, Tensor]] = WeakTensorKeyDictionary()
_separated: MutableMapping[Tensor, tuple[object, tuple[Tensor, ...]]] = WeakTensorKeyDictionary()


def cell_index(mask_HW: Tensor) -> CellIndex:
    """Return the index of a mask: worked out at the first call, and again if the mask changed."""
    found = derived_once(mask_HW, "index", _indexed)
    assert isinstance(found, CellIndex)
    return found


def interior_of(mask_HW: Tensor) -> Tensor:
    """Return the mask of the interior [H-2, W-2], see ``interior_mask``: the same at each call."""
    return derived_once(mask_HW, "interior", lambda on_cpu_HW: (interior_mask(on_cpu_HW),))[0]


def derived_once(
    mask_HW: Tensor, name: Hashable, derive: Callable[[Tensor], tuple[Tensor, ...]]
) -> tuple[Tensor, ...]:
    """Return what follows from a mask alone, on the device of the mask.

    Derived on the CPU at the first call, and again if the mask changed, and sent without waiting.

    Args:
        mask_HW: Cells that count.
        name: Of what is derived.
        derive: From the mask on the CPU to new tensors.
    """
    version = _version(mask_HW)
    kept = _derived.get(mask_HW)
    if kept is None or kept[0] != version:
        kept = _derived[mask_HW] = version, {}
    if name not in kept[1]:
        found = derive(mask_on_cpu(mask_HW))
        if mask_HW.device.type != "cpu":
            sent = [_sent(one, mask_HW.device) for one in found]
            found = CellIndex(*sent) if isinstance(found, CellIndex) else tuple(sent)
        kept[1][name] = found
    return kept[1][name]


def mask_on_cpu(mask_HW: Tensor) -> Tensor:
    """Return a mask on the CPU: that which was sent to its device, or a copy that is waited for."""
    if mask_HW.device.type == "cpu":
        return mask_HW
    kept = _on_cpu.get(mask_HW)
    return kept[1] if kept is not None and kept[0] == _version(mask_HW) else mask_HW.cpu()


def mask_array(mask_HW: Tensor) -> BoolArray:
    """Return a mask as NumPy reads it, not to be changed."""
    version = _version(mask_HW)
    kept = _arrays.get(mask_HW)
    if kept is None or kept[0] != version:
        kept = _arrays[mask_HW] = version, mask_on_cpu(mask_HW).numpy()
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
        if moved_HW.device.type != "cpu":
            _on_cpu[moved_HW] = _version(moved_HW), mask_on_cpu(mask_HW)
        cell_index(moved_HW)
    return moved


def take_cells(fields: Tensor, numbers_N: Tensor) -> Tensor:
    """Return the values of some cells: [..., H, W] becomes [..., N]."""
    flat = fields.flatten(-2)
    if numbers_N.shape[0] == flat.shape[-1]:  # all cells
        return flat
    return flat.gather(-1, numbers_N.expand(*flat.shape[:-1], -1))


def put_cells(values: Tensor, numbers_N: Tensor, size: tuple[int, int]) -> Tensor:
    """Return fields with these values in some cells, 0 in others: [..., N] becomes [..., H, W]."""
    cells = size[0] * size[1]
    if numbers_N.shape[0] != cells:
        flat = values.new_zeros(*values.shape[:-1], cells)
        values = flat.scatter(-1, numbers_N.expand(*values.shape[:-1], -1), values)
    return values.reshape(*values.shape[:-1], *size)


def _indexed(mask_HW: Tensor) -> CellIndex:
    return CellIndex(
        _numbers(mask_HW), _numbers(interior_mask(mask_HW)), _numbers(cross_mask(mask_HW))
    )


def _sent(derived: Tensor, device: torch.device) -> Tensor:
    """Return what was derived on the device; a mask can be used there as others can."""
    sent = send(derived, device, derived.dtype)
    if derived.dtype == torch.bool:
        _on_cpu[sent] = _version(sent), derived
    return sent


def _numbers(mask_HW: Tensor) -> Tensor:
    return mask_HW.flatten().nonzero().flatten()


def _version(mask: Tensor) -> object:
    """Return what changes with the mask; of inference tensors, which do not count, always new."""
    return object() if mask.is_inference() else mask._version
