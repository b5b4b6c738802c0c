from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from fieldsharp.fields.derivatives import (
    cross_mask,
    forward_differences,
    forward_masks,
    interior_mask,
    laplacian,
    masked_mean,
    sobel,
    sobel_magnitude,
    zero_masked,
)

ROWS, COLUMNS = 9, 11
REPEATABLE = settings(deadline=None, derandomize=True, max_examples=30)


@pytest.fixture
def field_YX() -> NDArray[np.float64]:
    return np.random.default_rng(0).normal(size=(ROWS, COLUMNS))


@pytest.fixture
def mask_YX() -> NDArray[np.bool_]:
    return np.random.default_rng(1).random((ROWS, COLUMNS)) > 0.15


def as_batch(field_YX: NDArray[np.float64]) -> torch.Tensor:
    return torch.from_numpy(field_YX)[None, None, None]


def test_sobel_agrees_with_scipy_in_sign_scale_and_axis(field_YX: NDArray[np.float64]) -> None:
    gx, gy = sobel(as_batch(field_YX))

    np.testing.assert_allclose(gx[0, 0, 0], ndimage.sobel(field_YX, axis=1)[1:-1, 1:-1] / 8)
    np.testing.assert_allclose(gy[0, 0, 0], ndimage.sobel(field_YX, axis=0)[1:-1, 1:-1] / 8)


def test_sobel_of_a_plane_is_its_slope() -> None:
    y, x = np.mgrid[:ROWS, :COLUMNS].astype(float)
    plane = as_batch(3.0 * x - 4.0 * y + 7.0)

    gx, gy = sobel(plane)

    torch.testing.assert_close(gx, torch.full_like(gx, 3.0))
    torch.testing.assert_close(gy, torch.full_like(gy, -4.0))
    torch.testing.assert_close(sobel_magnitude(plane), torch.full_like(gx, 5.0))


def test_the_magnitude_of_a_flat_field_has_a_finite_derivative_with_eps() -> None:
    flat = torch.zeros(1, 1, 1, 5, 5, requires_grad=True)

    number_scale = sobel_magnitude(flat, eps=1e-6)
    (slope,) = torch.autograd.grad(number_scale.sum(), flat)

    torch.testing.assert_close(number_scale, torch.full_like(number_scale, 1e-3))
    assert torch.isfinite(slope).all()


def test_laplacian_agrees_with_scipy(field_YX: NDArray[np.float64]) -> None:
    kernel = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]]) / 4

    result = laplacian(as_batch(field_YX))[0, 0, 0]

    np.testing.assert_allclose(result, ndimage.convolve(field_YX, kernel)[1:-1, 1:-1])


def test_forward_differences_agree_with_numpy(field_YX: NDArray[np.float64]) -> None:
    along_x, along_y = forward_differences(as_batch(field_YX))

    np.testing.assert_array_equal(along_x[0, 0, 0], np.diff(field_YX, axis=1))
    np.testing.assert_array_equal(along_y[0, 0, 0], np.diff(field_YX, axis=0))


def test_interior_cells_are_those_that_survive_an_erosion(mask_YX: NDArray[np.bool_]) -> None:
    square = ndimage.binary_erosion(mask_YX, np.ones((3, 3)))[1:-1, 1:-1]
    cross = ndimage.binary_erosion(mask_YX, ndimage.generate_binary_structure(2, 1))[1:-1, 1:-1]

    np.testing.assert_array_equal(interior_mask(torch.from_numpy(mask_YX)), square)
    np.testing.assert_array_equal(cross_mask(torch.from_numpy(mask_YX)), cross)
    assert 0 < square.sum() < cross.sum(), "the example must tell the two apart"


def test_a_forward_difference_counts_where_both_cells_are_valid() -> None:
    mask = torch.tensor([[True, True, False], [True, False, True]])

    along_x, along_y = forward_masks(mask)

    assert along_x.tolist() == [[True, False], [False, False]]
    assert along_y.tolist() == [[True, False, False]]


def test_the_masked_mean_is_taken_over_channels_and_valid_cells(mask_YX: NDArray[np.bool_]) -> None:
    values = np.random.default_rng(2).normal(size=(3, 2, 4, ROWS, COLUMNS))
    expected = np.where(mask_YX, values, np.nan)

    result = masked_mean(torch.from_numpy(values), torch.from_numpy(mask_YX))

    np.testing.assert_allclose(result, np.nanmean(expected, axis=(2, 3, 4)))


def test_the_masked_mean_of_no_cell_is_not_a_number() -> None:
    none = torch.zeros(2, 2, dtype=torch.bool)

    assert masked_mean(torch.ones(1, 1, 1, 2, 2), none).isnan().all()


def test_masked_cells_become_zero_whatever_they_held() -> None:
    field = torch.tensor([[1.0, torch.nan], [torch.inf, 2.0]])[None, None, None]
    mask = torch.tensor([[True, False], [False, True]])

    assert zero_masked(field, mask)[0, 0, 0].tolist() == [[1.0, 0.0], [0.0, 2.0]]


@REPEATABLE
@given(
    seed=st.integers(0, 1000),
    intruder=st.sampled_from([np.nan, np.inf, -np.inf, 1e12]),
    share=st.floats(0.05, 0.4),
)
def test_a_masked_cell_never_changes_a_derivative_that_counts(
    seed: int, intruder: float, share: float
) -> None:
    rng = np.random.default_rng(seed)
    field_YX = rng.normal(size=(ROWS, COLUMNS))
    mask_YX = rng.random((ROWS, COLUMNS)) > share
    clean = as_batch(field_YX)
    soiled = as_batch(np.where(mask_YX, field_YX, intruder))
    mask = torch.from_numpy(mask_YX)
    inside, cross = interior_mask(mask), cross_mask(mask)

    for before, after in zip(sobel(clean), sobel(soiled), strict=True):
        assert torch.equal(before[..., inside], after[..., inside])
    assert torch.equal(laplacian(clean)[..., cross], laplacian(soiled)[..., cross])
    for before, after, joined in zip(
        forward_differences(clean), forward_differences(soiled), forward_masks(mask), strict=True
    ):
        assert torch.equal(before[..., joined], after[..., joined])
