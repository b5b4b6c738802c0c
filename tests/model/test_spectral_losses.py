"""Losses between Fourier transforms: waves worked by hand, and NumPy from the published formulas.

All of them take anomalies, so the fields here have no mean of their own to lose.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cosine

from fieldsharp.model.losses.forecast_loss import LossTerm
from fieldsharp.model.losses.pointwise import mse
from fieldsharp.model.losses.spectral import (
    amse,
    amse_minus_mse,
    facl,
    focal_frequency,
    fourier_amplitude,
)

Tensor = torch.Tensor
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
SIZE = 16
LAND_HW = torch.ones(SIZE, SIZE, dtype=torch.bool)


def random_pair(height: int, width: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(7)
    pred, target = torch.randn(2, 2, 1, 1, height, width, generator=draw, dtype=torch.float64)
    return pred, target


def coast(height: int, width: int) -> Tensor:
    mask_HW = torch.ones(height, width, dtype=torch.bool)
    mask_HW[:4, :5] = False
    return mask_HW


def wave(amplitude: float, number: int, quarters: int = 0) -> Tensor:
    """A cosine along x, shifted by quarters of its length; its mean square is amplitude^2 / 2."""
    x = torch.arange(SIZE, dtype=torch.float64)
    phase = 2.0 * torch.pi * number * x / SIZE - quarters * torch.pi / 2.0
    return (amplitude * torch.cos(phase)).expand(1, 1, 1, SIZE, SIZE)


def noise() -> Tensor:
    draw = torch.Generator().manual_seed(9)
    return torch.randn(1, 1, 1, SIZE, SIZE, generator=draw, dtype=torch.float64)


def value_of(term: LossTerm, pred: Tensor, target: Tensor) -> float:
    return float(term(pred, target, LAND_HW))


# Waves worked by hand.


@pytest.mark.parametrize(
    ("term", "pred", "target", "expected"),
    [
        # Of HW coefficients two are not 0, each with |F|^2 = HW amplitude^2 / 4.
        (fourier_amplitude, wave(3.0, 2), wave(1.0, 2), (3.0 - 1.0) ** 2 / 2),
        (fourier_amplitude, wave(3.0, 2), wave(1.0, 2, quarters=1), (3.0 - 1.0) ** 2 / 2),
        (fourier_amplitude, wave(3.0, 2), wave(1.0, 5), (9.0 + 1.0) / 2),
        # The weight of a wave's error is its amplitude over the largest.
        (focal_frequency, wave(3.0, 2), wave(1.0, 2), (3.0 - 1.0) ** 2 / 2),
        (focal_frequency, wave(3.0, 2) + wave(1.0, 5), 0.0 * wave(1.0, 2), (9.0 + 1.0 / 3.0) / 2),
        # In phase: the amplitudes' difference alone. A quarter off: nothing is correlated, and
        # the whole of the larger power counts twice.
        (amse, wave(3.0, 2), wave(1.0, 2), (3.0 - 1.0) ** 2 / 2),
        (amse, wave(3.0, 2), wave(1.0, 2, quarters=1), ((3.0 - 1.0) ** 2 + 2 * 9.0) / 2),
        (amse, wave(1.0, 2), wave(3.0, 2, quarters=1), ((3.0 - 1.0) ** 2 + 2 * 9.0) / 2),
        (amse, wave(3.0, 2), wave(3.0, 2, quarters=1), 2 * 9.0 / 2),
        # Upside down: 2 (1 - -1) times the power.
        (amse, wave(3.0, 2), wave(3.0, 2, quarters=2), 4 * 9.0 / 2),
        (amse, wave(3.0, 2) + wave(1.0, 5), wave(2.0, 2) + wave(5.0, 5), (1.0 + 16.0) / 2),
        # MSE: 10/2 a quarter off; 4/2 in phase; 36/2 upside down.
        (amse_minus_mse, wave(3.0, 2), wave(1.0, 2, quarters=1), (22.0 - 10.0) / 2),
        (amse_minus_mse, wave(3.0, 2), wave(1.0, 2), 0.0),
        (amse_minus_mse, wave(3.0, 2), wave(3.0, 2, quarters=2), 0.0),
    ],
)
def test_waves_cost_what_they_do_by_hand(
    term: LossTerm, pred: Tensor, target: Tensor, expected: float
) -> None:
    # To 1e-5: amplitudes of 0 count for 1e-6.
    assert value_of(term, pred, target) == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_a_forecast_of_no_anomaly_costs_three_times_its_square_error() -> None:
    target = noise()

    # S_t of amplitude error, and 2 S_t of decorrelation: smoothing everything away never pays.
    assert value_of(amse, torch.zeros_like(target), target) == pytest.approx(
        3.0 * float((target**2).mean()), rel=1e-4
    )


def test_the_fourier_amplitude_is_blind_to_where_things_are() -> None:
    target = noise()

    assert value_of(fourier_amplitude, target.roll((3, 5), dims=(3, 4)), target) < 1e-20
    assert value_of(fourier_amplitude, -target, target) < 1e-20


def test_a_field_upside_down_is_not_mistaken_for_the_truth() -> None:
    target = noise()

    assert float(facl(-target, target, LAND_HW, 0.0)) == pytest.approx(2.0)
    assert value_of(amse, -target, target) == pytest.approx(4.0 * float((target**2).mean()))


# The correlation part of FACL.


@pytest.mark.parametrize(
    ("pred", "target", "expected"),
    [
        (wave(3.0, 2), wave(1.0, 2), 0.0),
        (wave(3.0, 2), wave(1.0, 2, quarters=1), 1.0),
        (wave(3.0, 2), wave(1.0, 2, quarters=2), 2.0),
        (wave(3.0, 2) + wave(4.0, 5), wave(1.0, 2), 1.0 - 3.0 / 5.0),
        # Without anomalies there is no angle.
        (0.0 * wave(1.0, 2), 0.0 * wave(1.0, 2), 0.0),
        (wave(3.0, 2), 0.0 * wave(1.0, 2), 1.0),
        (0.0 * wave(1.0, 2), wave(3.0, 2), 1.0),
    ],
)
def test_facl_begins_with_the_angle_between_the_fields(
    pred: Tensor, target: Tensor, expected: float
) -> None:
    assert float(facl(pred, target, LAND_HW, 0.0)) == pytest.approx(expected, abs=1e-12)


def test_facl_ends_with_the_amplitudes() -> None:
    pred, target = random_pair(12, 13)
    mask_HW = coast(12, 13)

    assert torch.equal(facl(pred, target, mask_HW, 1.0), fourier_amplitude(pred, target, mask_HW))


@pytest.mark.parametrize("progress", [0.0, 0.25, 0.5, 1.0])
def test_facl_goes_over_from_one_to_the_other(progress: float) -> None:
    pred, target = random_pair(12, 13)
    mask_HW = coast(12, 13)

    start_B, end_B = (facl(pred, target, mask_HW, share) for share in (0.0, 1.0))

    torch.testing.assert_close(
        facl(pred, target, mask_HW, progress), (1.0 - progress) * start_B + progress * end_B
    )


# NumPy.


def transform(field: Array, mask: Mask) -> Array:
    return np.asarray(np.fft.fft2(np.where(mask, field, 0.0), norm="ortho"))


def fourier_amplitude_oracle(pred: Array, target: Array, mask: Mask) -> float:
    difference = np.abs(transform(pred, mask)) - np.abs(transform(target, mask))
    return float(np.mean(difference**2))


def correlation_oracle(pred: Array, target: Array, mask: Mask) -> float:
    """As published, in the Fourier transform, and as Parseval has it, by SciPy."""
    f_p, f_t = transform(pred, mask), transform(target, mask)
    powers = np.sum(np.abs(f_p) ** 2) * np.sum(np.abs(f_t) ** 2)
    published = 1.0 - np.real(np.sum(np.conj(f_p) * f_t)) / np.sqrt(powers)
    assert published == pytest.approx(cosine(pred[mask], target[mask]), rel=1e-12)
    return float(published)


def focal_frequency_oracle(pred: Array, target: Array, mask: Mask) -> float:
    size = np.abs(transform(pred - target, mask))
    return float(np.mean(size / size.max() * size**2))


def amse_oracle(pred: Array, target: Array, mask: Mask, geometric: bool = False) -> float:
    """Shell by shell, from arXiv 2501.19374; shells of a square grid.

    Args:
        geometric: Put sqrt(S_p S_t) in place of the larger of both: the mean square error.
    """
    height, width = mask.shape
    assert height == width
    f_p, f_t = transform(pred, mask), transform(target, mask)
    number = np.fft.fftfreq(height, 1.0 / height)
    shell = np.rint(np.hypot(number[:, None], number[None, :]))
    total = 0.0
    for k in np.unique(shell):
        a, b = f_p[shell == k] / height, f_t[shell == k] / height
        s_p, s_t = np.sum(np.abs(a) ** 2), np.sum(np.abs(b) ** 2)
        x = np.real(np.sum(a * np.conj(b)))
        mean = np.sqrt(s_p * s_t)
        weight = mean if geometric else max(s_p, s_t)
        total += (np.sqrt(s_p) - np.sqrt(s_t)) ** 2 + 2.0 * weight * (1.0 - x / mean)
    return float(total / mask.mean())


def mse_oracle(pred: Array, target: Array, mask: Mask) -> float:
    return float(np.mean((pred[mask] - target[mask]) ** 2))


def amse_minus_mse_oracle(pred: Array, target: Array, mask: Mask) -> float:
    return amse_oracle(pred, target, mask) - mse_oracle(pred, target, mask)


@pytest.mark.parametrize(
    ("term", "oracle"),
    [
        (fourier_amplitude, fourier_amplitude_oracle),
        (partial(facl, progress=0.0), correlation_oracle),
        (focal_frequency, focal_frequency_oracle),
        (amse, amse_oracle),
        (amse_minus_mse, amse_minus_mse_oracle),
    ],
    ids=["fourier_amplitude", "facl", "focal_frequency", "amse", "amse_mix"],
)
@pytest.mark.parametrize("size", [12, 15])
@pytest.mark.parametrize("masked", [False, True])
def test_values_agree_with_numpy(
    term: LossTerm, oracle: Callable[[Array, Array, Mask], float], size: int, masked: bool
) -> None:
    pred, target = random_pair(size, size)
    mask_HW = coast(size, size) if masked else torch.ones(size, size, dtype=torch.bool)
    mask = mask_HW.numpy()
    fields = [(pred[b, 0, 0].numpy(), target[b, 0, 0].numpy()) for b in (0, 1)]
    expected = [oracle(p, t, mask) for p, t in fields]

    np.testing.assert_allclose(term(pred, target, mask_HW), expected, rtol=1e-9)


# The adjusted mean square error and the plain one.


def test_with_the_geometric_mean_of_the_powers_it_is_the_mean_square_error() -> None:
    pred, target = (field.numpy()[0, 0, 0] for field in random_pair(15, 15))
    mask = coast(15, 15).numpy()

    by_shells = amse_oracle(pred, target, mask, geometric=True)

    assert by_shells == pytest.approx(mse_oracle(pred, target, mask), rel=1e-12)
    assert amse_oracle(pred, target, mask) > by_shells


@pytest.mark.parametrize(("height", "width"), [(12, 12), (11, 14), (22, 28), (9, 30)])
def test_the_mix_at_weight_one_is_the_adjusted_mean_square_error(height: int, width: int) -> None:
    pred, target = random_pair(height, width)
    mask_HW = coast(height, width)

    mixed = mse(pred, target, mask_HW) + amse_minus_mse(pred, target, mask_HW)

    torch.testing.assert_close(mixed, amse(pred, target, mask_HW), rtol=1e-12, atol=0)
    assert (amse_minus_mse(pred, target, mask_HW) > 0).all()


def test_raised_contrast_costs_its_mean_square_error_alone() -> None:
    target = noise()

    assert value_of(amse, 1.3 * target, target) == pytest.approx(0.09 * float((target**2).mean()))
    assert value_of(amse_minus_mse, 1.3 * target, target) < 1e-12


# The focal weight.


def test_the_focal_weight_is_a_constant_to_the_gradient() -> None:
    pred, target = random_pair(12, 13)
    mask_HW = coast(12, 13)
    (slope,) = torch.autograd.grad(
        focal_frequency(pred.requires_grad_(), target, mask_HW).sum(), pred
    )

    for b in (0, 1):
        difference = transform((pred - target)[b, 0, 0].detach().numpy(), mask_HW.numpy())
        weight = np.abs(difference) / np.abs(difference).max()
        # The transform is orthonormal, so the gradient of sum w |F e|^2 is 2 F^-1 (w F e).
        expected = 2.0 * np.real(np.fft.ifft2(weight * difference, norm="ortho")) / (12 * 13)
        expected = np.where(mask_HW.numpy(), expected, 0.0)
        np.testing.assert_allclose(slope[b, 0, 0], expected, rtol=1e-9, atol=1e-12)
