from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch
from scipy import ndimage

from fieldsharp.fields.valid_cells import (
    cell_index,
    derived_once,
    index_masks,
    indexed_on,
    interior_of,
    mask_array,
    masks_of_channels,
    put_cells,
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
    cross = ndimage.binary_erosion(mask_HW.numpy(), border_value=0)[1:-1, 1:-1]
    assert index.cross_N.tolist() == np.flatnonzero(cross).tolist()


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


@every_mask
def test_values_are_put_where_they_were_taken(mask_HW: Tensor) -> None:
    fields = torch.randn(2, 3, 1, 9, 13)
    numbers_N = cell_index(mask_HW).valid_N

    found = put_cells(take_cells(fields, numbers_N), numbers_N, (9, 13))

    assert torch.equal(found, torch.where(mask_HW, fields, 0.0))


def test_what_follows_from_a_mask_is_derived_once_and_anew_if_it_changed() -> None:
    mask_HW, found = masks()["some"], []

    def count(of_HW: Tensor) -> tuple[Tensor]:
        found.append(int(of_HW.sum()))
        return (of_HW.sum(),)

    first = derived_once(mask_HW, "count", count)
    assert derived_once(mask_HW, "count", count) is first
    mask_HW[:] = True
    assert int(derived_once(mask_HW, "count", count)[0]) == 9 * 13
    assert len(found) == 2


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_the_interior_is_a_mask_that_is_indexed_as_others_are(device: str) -> None:
    before_HW = masks()["some"]
    mask_HW = indexed_on(before_HW, device)

    inside_HW = interior_of(mask_HW)

    assert interior_of(mask_HW) is inside_HW
    assert inside_HW.device.type == device
    assert len(cell_index(inside_HW).valid_N) == len(cell_index(before_HW).inner_N)
    assert np.array_equal(mask_array(mask_HW), before_HW.numpy())


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
