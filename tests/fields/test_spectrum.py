from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fieldsharp.fields.spectrum import (
    anomalies,
    coefficients_in_half,
    shell_sums,
    shells,
    transform,
    transform_half,
)


def field_of(height: int, width: int, seed: int = 0) -> torch.Tensor:
    values = np.random.default_rng(seed).normal(size=(2, 3, 1, height, width))
    return torch.from_numpy(values)


def power_of(field: torch.Tensor) -> torch.Tensor:
    """Power by shell, as the metrics and the spectral losses take it."""
    height, width = field.shape[-2:]
    square = transform(field).abs() ** 2
    return shell_sums(square / (height * width), shells(height, width))


@pytest.fixture(scope="module")
def rapsd() -> Callable[..., NDArray[np.float64]]:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        spectral = pytest.importorskip("pysteps.utils.spectral", reason="it has to be compiled")
        return spectral.rapsd  # type: ignore[no-any-return]


@pytest.mark.parametrize("side", [16, 21])
def test_the_mean_power_of_a_shell_is_that_of_pysteps(
    side: int, rapsd: Callable[..., NDArray[np.float64]]
) -> None:
    field = field_of(side, side)
    members = torch.bincount(shells(side, side).flatten())

    spectrum = power_of(field) * side**2 / members

    for sample in range(2):
        expected = rapsd(field[sample, 1, 0].numpy(), fft_method=np.fft)
        np.testing.assert_allclose(spectrum[sample, 1, 0, : len(expected)], expected)


@pytest.mark.parametrize(("height", "width"), [(12, 12), (10, 15), (15, 10)])
def test_the_power_of_all_shells_is_the_mean_square(height: int, width: int) -> None:
    field = field_of(height, width)

    power = power_of(field).sum(dim=-1)

    torch.testing.assert_close(power, field.square().mean(dim=(-2, -1)))


@pytest.mark.parametrize("axis", [0, 1])
def test_a_wave_of_eight_cells_lies_in_one_shell_along_either_axis(axis: int) -> None:
    height, width = 16, 32
    cell = np.indices((height, width))[axis]
    wave = torch.from_numpy(np.sqrt(2.0) * np.cos(2 * np.pi * cell / 8))[None, None, None]

    power = power_of(wave)[0, 0, 0]

    assert power[4].item() == pytest.approx(1.0)  # 4 waves over the longer side
    assert power.sum().item() == pytest.approx(1.0)


def test_the_transform_is_the_orthonormal_fourier_sum_written_out() -> None:
    field = field_of(4, 6)[1, 2, 0]
    y, x = np.mgrid[:4, :6]

    found = transform(field[None, None, None])[0, 0, 0]

    for ky in range(4):
        for kx in range(6):
            turns = np.exp(-2j * np.pi * (ky * y / 4 + kx * x / 6))
            expected = (field.numpy() * turns).sum() / np.sqrt(24)
            assert found[ky, kx].item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("height", "width"),
    [(1, 1), (2, 3), (4, 4), (7, 7), (12, 5), (20, 21), (21, 20), (9, 30), (64, 96), (101, 103)],
)
def test_there_are_as_many_sums_as_shells(height: int, width: int) -> None:
    shell_HW = shells(height, width)

    counts = shell_sums(torch.ones(2, height, width), shell_HW)

    assert torch.equal(counts[0].long(), torch.bincount(shell_HW.flatten()))
    assert torch.equal(counts[0], counts[1])


def test_power_in_shells_is_the_sum_over_wavenumbers_by_hand() -> None:
    height, width = 6, 9
    field = field_of(height, width)[:1, :1]
    coefficients = np.fft.fft2(field[0, 0, 0].numpy()) / (height * width)
    expected: dict[int, float] = {}
    for i in range(height):
        for j in range(width):
            ky = min(i, height - i) * width / height  # waves over the longer side
            kx = min(j, width - j)
            shell = round(np.hypot(ky, kx))
            expected[shell] = expected.get(shell, 0.0) + abs(coefficients[i, j]) ** 2

    power = power_of(field)[0, 0, 0]

    assert power.tolist() == pytest.approx([expected[k] for k in range(len(power))], rel=1e-10)


def test_shells_agree_with_rounded_wavenumbers_by_hand() -> None:
    expected = [[0, 1, 2, 1], [1, 1, 2, 1], [2, 2, 3, 2], [1, 1, 2, 1]]

    assert shells(4, 4).tolist() == expected


def test_anomalies_depart_from_the_climatology_and_are_zero_outside_the_mask() -> None:
    field = torch.tensor([[[[[5.0, torch.nan], [torch.inf, 1.0]]]]])
    climatology = torch.tensor([[[2.0, 100.0], [100.0, 4.0]]])
    mask = torch.tensor([[True, False], [False, True]])

    assert anomalies(field, climatology, mask)[0, 0, 0].tolist() == [[3.0, 0.0], [0.0, -3.0]]


@pytest.mark.parametrize("width", [1, 2, 13, 14])
def test_half_of_the_coefficients_stands_for_all(width: int) -> None:
    field = field_of(9, width)
    half, whole = transform_half(field), transform(field)

    torch.testing.assert_close(half, whole[..., : width // 2 + 1])
    sum_of_all = (half.abs() * coefficients_in_half(width)).sum(dim=(-2, -1))
    torch.testing.assert_close(sum_of_all, whole.abs().sum(dim=(-2, -1)))
