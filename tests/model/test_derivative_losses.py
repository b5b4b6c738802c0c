"""Losses of derivatives and the plain errors: hand-worked examples, SciPy and NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage

from fieldsharp.model.losses.derivatives import (
    block_average,
    gdl,
    gdl2,
    gradient_l1,
    gradient_magnitude_mse,
    laplacian_mse,
    multiscale_mse,
    sobel_mse,
)
from fieldsharp.model.losses.forecast_loss import LossTerm
from fieldsharp.model.losses.pointwise import l1, mse

Tensor = torch.Tensor
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def random_pair(seed: int, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    pred, target = torch.randn(2, *shape, generator=draw, dtype=torch.float64)
    return pred, target


def coast(height: int, width: int) -> Tensor:
    """A land mask with sea in one corner and a lake."""
    mask_HW = torch.ones(height, width, dtype=torch.bool)
    mask_HW[:4, :5] = False
    mask_HW[height - 4, width - 5] = False
    return mask_HW


# Hand-worked examples.


def plane(slope_x: float, slope_y: float, size: int = 16) -> Tensor:
    y, x = torch.meshgrid(
        torch.arange(size, dtype=torch.float64), torch.arange(size, dtype=torch.float64),
        indexing="ij",
    )  # fmt: skip
    return (slope_x * x + slope_y * y)[None, None, None]


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (gradient_l1, 2.0 + 3.0),
        (sobel_mse, 2.0**2 + 3.0**2),
        (laplacian_mse, 0.0),
        # Blocks of 2 and 4 cells are 2 and 4 cells apart: slopes double with each scale.
        (multiscale_mse, (1 + 4 + 16) / 3 * (2.0**2 + 3.0**2)),
        (gdl, 2.0 + 3.0),
        (gdl2, 2.0**2 + 3.0**2),
    ],
)
def test_a_plane_against_zero_costs_its_slopes(term: LossTerm, expected: float) -> None:
    field = plane(2.0, -3.0)

    value_B = term(field, torch.zeros_like(field), torch.ones(16, 16, dtype=torch.bool))

    assert value_B.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (mse, 4.0 / 25),
        (l1, 2.0 / 25),
        # Interior 3 x 3 around the spike: eight cells see +-2/8 (corners) or +-4/8 (edges).
        (gradient_l1, (4 * (0.25 + 0.25) + 4 * 0.5) / 9),
        (sobel_mse, (4 * (0.25**2 + 0.25**2) + 4 * 0.5**2) / 9),
        (laplacian_mse, (2.0**2 + 4 * 0.5**2) / 9),
        # Of 20 pairs along each axis, two join the spike to its neighbours.
        (gdl, 2 * (2 * 2.0) / 20),
        (gdl2, 2 * (2 * 2.0**2) / 20),
    ],
)
def test_a_spike_of_two_in_the_middle_of_five_by_five(term: LossTerm, expected: float) -> None:
    spike = torch.zeros(1, 1, 1, 5, 5, dtype=torch.float64)
    spike[..., 2, 2] = 2.0

    value_B = term(spike, torch.zeros_like(spike), torch.ones(5, 5, dtype=torch.bool))

    assert value_B.item() == pytest.approx(expected, rel=1e-12)


def test_a_plane_against_zero_is_as_steep_as_its_slope() -> None:
    field = plane(2.0, -3.0)

    value_B = gradient_magnitude_mse(
        field, torch.zeros_like(field), torch.ones(16, 16, dtype=torch.bool)
    )

    # 1e-6 is what a flat field counts for.
    assert value_B.item() == pytest.approx((13**0.5 - 1e-6) ** 2, rel=1e-12)


def test_the_gradient_magnitude_sees_no_direction() -> None:
    mask_HW = torch.ones(16, 16, dtype=torch.bool)

    assert gradient_magnitude_mse(plane(2.0, -3.0), plane(-3.0, 2.0), mask_HW).item() < 1e-24
    assert gradient_magnitude_mse(plane(2.0, -3.0), plane(2.0, 0.0), mask_HW).item() > 1.0


@pytest.mark.parametrize("term", [gdl, gdl2])
def test_the_gradient_difference_sees_no_sign_but_each_axis(term: LossTerm) -> None:
    mask_HW = torch.ones(16, 16, dtype=torch.bool)

    assert term(plane(2.0, -3.0), plane(-2.0, -3.0), mask_HW).item() < 1e-24
    assert term(plane(2.0, -3.0), plane(-3.0, 2.0), mask_HW).item() == pytest.approx(2.0)


@pytest.mark.parametrize("term", [gdl, gdl2])
def test_an_axis_without_pairs_of_valid_cells_costs_nothing(term: LossTerm) -> None:
    mask_HW = torch.zeros(5, 5, dtype=torch.bool)
    mask_HW[::2] = True  # rows of land with rows of sea between them
    rising = plane(2.0, -3.0, size=5)

    assert term(rising, plane(0.0, -3.0, size=5), mask_HW).item() > 0.0
    assert term(rising, plane(2.0, 0.0, size=5), mask_HW).item() == 0.0
    mask_HW[:, ::2] = False  # no two cells touch
    assert term(rising, torch.zeros_like(rising), mask_HW).tolist() == [0.0]


def test_multiscale_leaves_out_scales_too_coarse_for_a_stencil() -> None:
    pred, target = random_pair(1, (2, 1, 1, 5, 5))  # 3 x 3 blocks of 2 cells, 2 x 2 blocks of 4
    mask_HW = torch.ones(5, 5, dtype=torch.bool)
    halves = [block_average(field, mask_HW, 2)[0] for field in (pred, target)]

    expected = (
        sobel_mse(pred, target, mask_HW)
        + sobel_mse(halves[0], halves[1], torch.ones(3, 3, dtype=torch.bool))
    ) / 2

    torch.testing.assert_close(multiscale_mse(pred, target, mask_HW), expected)


def test_multiscale_without_any_stencil_costs_nothing() -> None:
    pred, target = random_pair(1, (2, 1, 1, 2, 9))

    assert not multiscale_mse(pred, target, torch.ones(2, 9, dtype=torch.bool)).any()


# SciPy and NumPy.


def sobel_oracle(error: Array, mask: Mask) -> tuple[Array, Array]:
    inside = ndimage.binary_erosion(mask, np.ones((3, 3)), border_value=0)
    gx = ndimage.sobel(error, axis=1)[inside] / 8
    gy = ndimage.sobel(error, axis=0)[inside] / 8
    return gx, gy


def sobel_mse_oracle(error: Array, mask: Mask) -> float:
    gx, gy = sobel_oracle(error, mask)
    return float(np.mean(gx**2 + gy**2))


def gradient_l1_oracle(error: Array, mask: Mask) -> float:
    gx, gy = sobel_oracle(error, mask)
    return float(np.mean(np.abs(gx) + np.abs(gy)))


def laplacian_mse_oracle(error: Array, mask: Mask) -> float:
    cross = ndimage.generate_binary_structure(2, 1)
    inside = ndimage.binary_erosion(mask, cross, border_value=0)
    inside[[0, -1]] = inside[:, [0, -1]] = False
    return float(np.mean((ndimage.laplace(error)[inside] / 4) ** 2))


def block_average_oracle(error: Array, mask: Mask, scale: int) -> tuple[Array, Mask]:
    rows, columns = (-(-side // scale) for side in error.shape)
    means, valid = np.zeros((rows, columns)), np.zeros((rows, columns), dtype=bool)
    for i in range(rows):
        for j in range(columns):
            block = np.s_[i * scale : (i + 1) * scale, j * scale : (j + 1) * scale]
            cells = error[block][mask[block]]
            if cells.size:
                means[i, j], valid[i, j] = cells.mean(), True
    return means, valid


def multiscale_mse_oracle(error: Array, mask: Mask) -> float:
    return float(
        np.mean([sobel_mse_oracle(*block_average_oracle(error, mask, s)) for s in (1, 2, 4)])
    )


@pytest.mark.parametrize(("height", "width"), [(16, 20), (13, 15), (22, 28), (17, 12)])
@pytest.mark.parametrize(
    ("term", "oracle"),
    [
        (gradient_l1, gradient_l1_oracle),
        (sobel_mse, sobel_mse_oracle),
        (laplacian_mse, laplacian_mse_oracle),
        (multiscale_mse, multiscale_mse_oracle),
    ],
)
def test_values_agree_with_scipy(
    term: LossTerm, oracle: Callable[[Array, Mask], float], height: int, width: int
) -> None:
    pred, target = random_pair(5, (2, 1, 1, height, width))
    mask_HW = coast(height, width)
    mask = mask_HW.numpy()
    error = np.where(mask, (pred - target).numpy(), 0.0)

    expected = [oracle(error[b, 0, 0], mask) for b in range(2)]

    np.testing.assert_allclose(term(pred, target, mask_HW), expected, rtol=1e-12)


def steepness_mse_oracle(pred: Array, target: Array, mask: Mask) -> float:
    (px, py), (tx, ty) = sobel_oracle(pred, mask), sobel_oracle(target, mask)
    return float(np.mean((np.hypot(px, py) - np.hypot(tx, ty)) ** 2))


def gdl_oracle(alpha: int) -> Callable[[Array, Array, Mask], float]:
    """Pair by pair, as equation 6 of arXiv 1511.05440 is written, but means for sums."""

    def value(pred: Array, target: Array, mask: Mask) -> float:
        costs: dict[tuple[int, int], list[float]] = {(0, 1): [], (1, 0): []}
        for i, j in zip(*np.nonzero(mask), strict=True):
            for (di, dj), found in costs.items():
                k, m = i + di, j + dj
                if k < mask.shape[0] and m < mask.shape[1] and mask[k, m]:
                    steps = abs(pred[k, m] - pred[i, j]), abs(target[k, m] - target[i, j])
                    found.append(abs(steps[0] - steps[1]) ** alpha)
        return float(sum(np.mean(found) for found in costs.values()))

    return value


@pytest.mark.parametrize(("height", "width"), [(16, 20), (13, 15)])
@pytest.mark.parametrize(
    ("term", "oracle"),
    [(gradient_magnitude_mse, steepness_mse_oracle), (gdl, gdl_oracle(1)), (gdl2, gdl_oracle(2))],
    ids=["gradient_magnitude", "gdl", "gdl2"],
)
def test_values_of_absolute_differences_agree_with_scipy_and_numpy(
    term: LossTerm, oracle: Callable[[Array, Array, Mask], float], height: int, width: int
) -> None:
    pred, target = random_pair(5, (2, 1, 1, height, width))
    mask_HW = coast(height, width)
    # What the oracle finds in masked cells must not matter to it either.
    expected = [
        oracle(pred[b, 0, 0].numpy(), target[b, 0, 0].numpy(), mask_HW.numpy()) for b in (0, 1)
    ]

    np.testing.assert_allclose(term(pred, target, mask_HW), expected, rtol=1e-9)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_block_averages_agree_with_numpy(scale: int) -> None:
    field, _ = random_pair(6, (1, 1, 1, 13, 15))
    mask_HW = coast(13, 15)

    means, valid_HW = block_average(field, mask_HW, scale)

    expected, expected_valid = block_average_oracle(field[0, 0, 0].numpy(), mask_HW.numpy(), scale)
    np.testing.assert_array_equal(valid_HW, expected_valid)
    np.testing.assert_allclose(
        means[0, 0, 0][valid_HW], expected[expected_valid], rtol=1e-12, atol=1e-15
    )
