from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fields.spectrum import anomalies, radial_spectrum, shell_power, shells


def field_of(height: int, width: int, seed: int = 0) -> torch.Tensor:
    values = np.random.default_rng(seed).normal(size=(2, 3, 1, height, width))
    return torch.from_numpy(values)


@pytest.fixture(scope="module")
def rapsd() -> Callable[..., NDArray[np.float64]]:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        spectral = pytest.importorskip("pysteps.utils.spectral", reason="it has to be compiled")
        return spectral.rapsd  # type: ignore[no-any-return]


@pytest.mark.parametrize("side", [16, 21])
def test_the_radial_spectrum_is_that_of_pysteps(
    side: int, rapsd: Callable[..., NDArray[np.float64]]
) -> None:
    field = field_of(side, side)

    spectrum = radial_spectrum(field, shells(side, side))

    for sample in range(2):
        expected = rapsd(field[sample, 1, 0].numpy(), fft_method=np.fft)
        np.testing.assert_allclose(spectrum[sample, 1, 0, : len(expected)], expected)


@pytest.mark.parametrize(("height", "width"), [(12, 12), (10, 15), (15, 10)])
def test_the_power_of_all_shells_is_the_mean_square(height: int, width: int) -> None:
    field = field_of(height, width)

    power = shell_power(field, shells(height, width)).sum(dim=-1)

    torch.testing.assert_close(power, field.square().mean(dim=(-2, -1)))


@pytest.mark.parametrize("axis", [0, 1])
def test_a_wave_of_eight_cells_lies_in_one_shell_along_either_axis(axis: int) -> None:
    height, width = 16, 32
    cell = np.indices((height, width))[axis]
    wave = torch.from_numpy(np.sqrt(2.0) * np.cos(2 * np.pi * cell / 8))[None, None, None]

    power = shell_power(wave, shells(height, width))[0, 0, 0]

    assert power[4].item() == pytest.approx(1.0)  # 4 waves over the longer side
    assert power.sum().item() == pytest.approx(1.0)


def test_shells_agree_with_rounded_wavenumbers_by_hand() -> None:
    expected = [
        [0, 1, 2, 1],
        [1, 1, 2, 1],
        [2, 2, 3, 2],
        [1, 1, 2, 1],
    ]

    assert shells(4, 4).tolist() == expected


def test_anomalies_depart_from_the_climatology_and_are_zero_outside_the_mask() -> None:
    field = torch.tensor([[[[[5.0, torch.nan], [torch.inf, 1.0]]]]])
    climatology = torch.tensor([[[2.0, 100.0], [100.0, 4.0]]])
    mask = torch.tensor([[True, False], [False, True]])

    assert anomalies(field, climatology, mask)[0, 0, 0].tolist() == [[3.0, 0.0], [0.0, -3.0]]
