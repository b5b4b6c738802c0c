from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch
from scipy import ndimage

from fieldsharp.fields.valid_cells import (
    cell_index,
    index_masks,
    indexed_on,
    masks_of_channels,
    take_cells,
)

Tensor = torch.Tensor


def masks() -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    row = torch.zeros(9, 13, dtype=torch.bool)
    row[4] = True
    return {
        "all": torch.ones(9, 13, dtype=torch.bool),
        "some": torch.rand(9, 13, generator=draw) > 0.1,
        "a row": row,
        "none": torch.zeros(9, 13, dtype=torch.bool),
    }


every_mask = pytest.mark.parametrize("mask_HW", masks().values(), ids=masks().keys())


@every_mask
def test_cells_are_numbered_along_the_rows(mask_HW: Tensor) -> None:
    index = cell_index(mask_HW)

    inside = ndimage.binary_erosion(mask_HW.numpy(), np.ones((3, 3)), border_value=0)[1:-1, 1:-1]
    assert index.valid_N.tolist() == np.flatnonzero(mask_HW.numpy()).tolist()
    assert index.inner_N.tolist() == np.flatnonzero(inside).tolist()


@every_mask
def test_values_and_gradients_are_those_of_the_mask_as_an_index(mask_HW: Tensor) -> None:
    draw = torch.Generator().manual_seed(1)
    # A part of a larger tensor, as the last lead of a forecast is.
    fields = torch.randn(2, 3, 1, 9, 13, generator=draw)[:, -1:].requires_grad_()
    weights = torch.randn(2, 1, 1, int(mask_HW.sum()), generator=draw)

    found = take_cells(fields, cell_index(mask_HW).valid_N)

    expected = fields[..., mask_HW]
    assert torch.equal(found, expected)
    slopes = [torch.autograd.grad((one * weights).sum(), fields)[0] for one in (found, expected)]
    assert torch.equal(*slopes)


def test_a_mask_is_indexed_once() -> None:
    mask_HW = masks()["some"]

    assert cell_index(mask_HW) is cell_index(mask_HW)


def test_a_mask_that_was_changed_is_indexed_anew() -> None:
    mask_HW = masks()["all"]
    before = cell_index(mask_HW)

    mask_HW[2, 3] = False

    assert len(before.valid_N) == 9 * 13
    assert len(cell_index(mask_HW).valid_N) == 9 * 13 - 1


def test_an_inference_tensor_that_was_changed_is_indexed_anew() -> None:
    with torch.inference_mode():
        mask_HW = torch.ones(9, 13, dtype=torch.bool)
        cell_index(mask_HW)
        mask_HW[2, 3] = False

        assert len(cell_index(mask_HW).valid_N) == 9 * 13 - 1


def test_an_index_goes_with_its_mask() -> None:
    both = torch.stack([masks()["all"], masks()["some"]])
    index_masks(both)
    index = weakref.ref(cell_index(masks_of_channels(both)[1]).valid_N)

    del both
    gc.collect()

    assert index() is None


def test_the_masks_of_channels_are_the_same_tensors_until_they_change() -> None:
    some = masks()
    both = torch.stack([some["all"], some["some"]])
    first = masks_of_channels(both)

    assert all(one is other for one, other in zip(masks_of_channels(both), first, strict=True))
    both[1, 0, 0] = ~both[1, 0, 0]
    assert torch.equal(torch.stack(masks_of_channels(both)), both)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_mask_is_indexed_before_it_goes_to_a_device(channels: int) -> None:
    some = masks()["some"]
    before = some if channels == 1 else torch.stack([some, some.flip(0)])

    moved = indexed_on(before, "meta")

    # On meta there are no values that it could be indexed by.
    of_each = (moved,) if channels == 1 else masks_of_channels(moved)
    for mask_HW in of_each:
        index = cell_index(mask_HW)
        assert index.valid_N.is_meta
        assert len(index.valid_N) == int(some.sum())
    assert len(of_each) == channels


def test_a_mask_that_is_on_the_device_stays_as_it_is() -> None:
    mask_HW = masks()["some"]

    assert indexed_on(mask_HW, torch.device("cpu")) is mask_HW
