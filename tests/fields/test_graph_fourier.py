from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import fft

from fieldsharp.fields.derivatives import interior_mask, sobel
from fieldsharp.fields.graph_fourier import LEAST_WAVES_OF_A_RING, graph_fourier

Tensor = torch.Tensor


def random_field(*shape: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=random, dtype=torch.float64)


def coast(rows: int, columns: int) -> Tensor:
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    mask_HW = x + y >= (rows + columns) // 3
    mask_HW[rows - 3, columns - 4] = False
    return mask_HW


def test_on_a_rectangle_it_is_the_cosine_transform() -> None:
    rows, columns = 11, 13  # no two waves of the same wavelength
    field_HW = random_field(rows, columns)
    waves = graph_fourier(torch.ones(rows, columns, dtype=torch.bool))
    ky = np.pi * np.arange(rows)[:, None] / rows
    kx = np.pi * np.arange(columns) / columns
    in_order = np.argsort((4 - 2 * np.cos(kx) - 2 * np.cos(ky)).ravel())
    cosines = np.abs(fft.dctn(field_HW.numpy(), norm="ortho").ravel()[in_order])

    assert waves.coefficients(field_HW.flatten()).abs().numpy() == pytest.approx(cosines)


@pytest.mark.parametrize(("rows", "columns"), [(9, 12), (40, 35), (1, 7)])
def test_powers_add_up_to_the_mean_square_of_the_valid_cells(rows: int, columns: int) -> None:
    mask_HW = coast(rows, columns) if rows > 3 else torch.ones(rows, columns, dtype=torch.bool)
    cells = random_field(3, 2, rows, columns)[..., mask_HW]
    waves = graph_fourier(mask_HW)
    power = waves.ring_sums(waves.coefficients(cells).square())

    assert power.shape == (3, 2, waves.rings)
    assert power.sum(dim=-1).numpy() == pytest.approx(cells.square().sum(dim=-1).numpy())


def test_a_constant_field_has_only_the_longest_waves_whatever_the_coast() -> None:
    for mask_HW in (coast(20, 25), coast(50, 40)):
        waves = graph_fourier(mask_HW)
        power_K = waves.ring_sums(waves.coefficients(torch.ones(int(mask_HW.sum())).double()) ** 2)
        assert power_K[1:].sum() < 1e-12 * power_K[0]


def test_rings_have_enough_waves_and_are_in_order_of_wavelength() -> None:
    waves = graph_fourier(coast(22, 28))
    count_K = torch.bincount(waves.ring_N)

    assert (count_K[:-1] >= LEAST_WAVES_OF_A_RING).all()
    assert (waves.ring_N.diff() >= 0).all()  # eigenvalues are in rising order


def test_a_cosine_is_in_the_ring_of_its_wavelength() -> None:
    """Eight cells along x: 1/8 cycles per cell, of 32 cells 8 half waves."""
    waves = graph_fourier(torch.ones(32, 32, dtype=torch.bool))
    x = torch.arange(32, dtype=torch.float64) + 0.5
    field_HW = torch.cos(2 * math.pi * x / 8).expand(32, 32)
    power_K = waves.ring_sums(waves.coefficients(field_HW.flatten()).square())
    ring = int(power_K.argmax())
    other_HW = torch.cos(2 * math.pi * x / 8)[:, None].expand(32, 32)
    other_K = waves.ring_sums(waves.coefficients(other_HW.flatten()).square())

    assert power_K[ring] == pytest.approx(float(power_K.sum()))
    assert other_K[ring] == pytest.approx(float(power_K.sum()))


@pytest.mark.parametrize(("rows", "columns"), [(22, 28), (40, 36)])
def test_the_gradient_of_white_noise_follows_from_its_waves(rows: int, columns: int) -> None:
    mask_HW = coast(rows, columns)
    field = random_field(400, rows, columns)
    gx, gy = sobel(field)
    inside = interior_mask(mask_HW)
    measured = float((gx.square() + gy.square())[:, inside].mean())
    waves = graph_fourier(mask_HW)
    power_N = waves.coefficients(field[:, mask_HW]).square().mean(dim=0) / int(mask_HW.sum())

    assert float((power_N * waves.slope_square_N).sum()) == pytest.approx(measured, rel=0.02)


def test_islands_without_an_interior_have_no_gradient() -> None:
    mask_HW = torch.zeros(6, 6, dtype=torch.bool)
    mask_HW[1, 1] = mask_HW[4, 4:] = True

    assert (graph_fourier(mask_HW).slope_square_N == 0).all()
