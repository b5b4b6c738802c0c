from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage

from model.catalog import BASE_LOSSES, LOSS_VARIANTS, load
from model.losses.forecast_loss import LossTerm
from model.losses.gradient import gradient_l1
from model.losses.laplacian import laplacian_mse
from model.losses.multiscale import block_average, multiscale_mse
from model.losses.pointwise import l1, mse
from model.losses.sobel import sobel_mse

Tensor = torch.Tensor
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

TERMS: dict[str, LossTerm] = {
    name: load(path, "test") for name, path in {**BASE_LOSSES, **LOSS_VARIANTS}.items()
}
LINEAR_IN_THE_SQUARE = {
    "mse": mse,
    "sobel": sobel_mse,
    "laplacian": laplacian_mse,
    "multiscale": multiscale_mse,
}
every_term = pytest.mark.parametrize("term", TERMS.values(), ids=TERMS.keys())


def random_pair(seed: int = 0, shape: tuple[int, ...] = (3, 2, 2, 11, 14)) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    pred, target = torch.randn(2, *shape, generator=draw, dtype=torch.float64)
    return pred, target


def coast(height: int = 11, width: int = 14) -> Tensor:
    """A land mask with sea in one corner and a lake."""
    mask_HW = torch.ones(height, width, dtype=torch.bool)
    mask_HW[:4, :5] = False
    mask_HW[height - 4, width - 5] = False
    return mask_HW


def value_and_gradients(
    term: LossTerm, pred: Tensor, target: Tensor, mask_HW: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    pred = pred.clone().requires_grad_()
    target = target.clone().requires_grad_()
    value_B = term(pred, target, mask_HW)
    if not value_B.requires_grad:  # "none" depends on nothing
        return value_B, torch.zeros_like(pred), torch.zeros_like(target)
    by_pred, by_target = torch.autograd.grad(value_B.sum(), (pred, target))
    return value_B.detach(), by_pred, by_target


# What every entry of LOSS_VARIANTS and BASE_LOSSES must hold.


@every_term
def test_identical_fields_cost_nothing(term: LossTerm) -> None:
    pred, _ = random_pair()

    assert torch.equal(term(pred, pred.clone(), coast()), torch.zeros(3, dtype=pred.dtype))


@every_term
def test_there_is_one_value_for_each_sample_and_none_is_negative(term: LossTerm) -> None:
    value_B = term(*random_pair(), coast())

    assert value_B.shape == (3,)
    assert (value_B >= 0).all()


@every_term
def test_the_value_of_a_sample_does_not_depend_on_its_batch(term: LossTerm) -> None:
    pred, target = random_pair()
    together_B = term(pred, target, coast())

    for b in range(3):
        alone = term(pred[b : b + 1], target[b : b + 1], coast())
        torch.testing.assert_close(alone[0], together_B[b], rtol=1e-12, atol=0)


@every_term
def test_the_value_is_the_mean_over_leads_and_channels(term: LossTerm) -> None:
    pred, target = random_pair()
    parts = [
        term(pred[:, t : t + 1, c : c + 1], target[:, t : t + 1, c : c + 1], coast())
        for t in range(2)
        for c in range(2)
    ]

    torch.testing.assert_close(term(pred, target, coast()), torch.stack(parts).mean(dim=0))


@every_term
@pytest.mark.parametrize("held", [0.0, 1e6, float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("where", ["prediction", "target", "both"])
def test_masked_cells_contribute_neither_value_nor_gradient(
    term: LossTerm, held: float, where: str
) -> None:
    pred, target = random_pair()
    mask_HW = coast()
    expected = value_and_gradients(term, pred, target, mask_HW)
    if where != "target":
        pred[..., ~mask_HW] = held
    if where != "prediction":
        target[..., ~mask_HW] = held

    found = value_and_gradients(term, pred, target, mask_HW)

    for one, other in zip(found, expected, strict=True):
        assert torch.isfinite(one).all()
        assert torch.equal(one, other)
    assert not found[1][..., ~mask_HW].any()
    assert not found[2][..., ~mask_HW].any()


@every_term
@pytest.mark.parametrize("error", [0.0, 1.0, 1e-30])
def test_gradients_are_finite_on_constant_fields(term: LossTerm, error: float) -> None:
    target = torch.ones(2, 1, 1, 9, 9, dtype=torch.float64)

    value_B, by_pred, by_target = value_and_gradients(
        term, target + error, target, torch.ones(9, 9, dtype=torch.bool)
    )

    assert torch.isfinite(value_B).all()
    assert torch.isfinite(by_pred).all()
    assert torch.isfinite(by_target).all()


@pytest.mark.parametrize("name", [name for name in TERMS if name != "none"])
def test_gradients_agree_with_finite_differences(name: str) -> None:
    pred, target = random_pair(3, (2, 1, 1, 6, 7))
    mask_HW = torch.ones(6, 7, dtype=torch.bool)
    mask_HW[0, :3] = False

    assert torch.autograd.gradcheck(
        lambda p: TERMS[name](p, target, mask_HW), (pred.requires_grad_(),)
    )


@every_term
def test_single_precision_is_kept(term: LossTerm) -> None:
    pred, target = (field.float() for field in random_pair())

    assert term(pred, target, coast()).dtype == torch.float32


# Values against hand-worked examples.


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
    ],
)
def test_a_spike_of_two_in_the_middle_of_five_by_five(term: LossTerm, expected: float) -> None:
    spike = torch.zeros(1, 1, 1, 5, 5, dtype=torch.float64)
    spike[..., 2, 2] = 2.0

    value_B = term(spike, torch.zeros_like(spike), torch.ones(5, 5, dtype=torch.bool))

    assert value_B.item() == pytest.approx(expected, rel=1e-12)


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


# Values against SciPy and NumPy.


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


# The theory: what a term can and cannot do to the optimum.


def skewed_targets(count: int = 7) -> Tensor:
    draw = torch.Generator().manual_seed(8)
    return torch.randn(count, 1, 1, 12, 13, generator=draw, dtype=torch.float64).exp()


def shifted_blobs() -> Tensor:
    """The same blob at two places: what an uncertain wind leaves open."""
    y, x = torch.meshgrid(
        torch.arange(24, dtype=torch.float64), torch.arange(24, dtype=torch.float64), indexing="ij"
    )
    blobs = [torch.exp(-((y - 12) ** 2 + (x - centre) ** 2) / 8) for centre in (9, 15)]
    return torch.stack(blobs)[:, None, None]


def gradient_of_the_expected_loss(
    loss: Callable[[Tensor, Tensor, Tensor], Tensor], forecast: Tensor, targets: Tensor
) -> Tensor:
    mask_HW = torch.ones(targets.shape[-2:], dtype=torch.bool)
    forecast = forecast.clone().requires_grad_()
    expected_loss = loss(forecast.expand_as(targets), targets, mask_HW).mean()
    (slope,) = torch.autograd.grad(expected_loss, forecast)
    return slope


@pytest.mark.parametrize("name", LINEAR_IN_THE_SQUARE)
@pytest.mark.parametrize("targets", [skewed_targets(), shifted_blobs()], ids=["skewed", "blobs"])
def test_the_mean_of_the_targets_is_the_optimum_of_a_squared_linear_filter(
    name: str, targets: Tensor
) -> None:
    term = LINEAR_IN_THE_SQUARE[name]
    mean = targets.mean(dim=0, keepdim=True)

    at_mean = gradient_of_the_expected_loss(term, mean, targets)
    at_truth = gradient_of_the_expected_loss(term, targets[:1], targets)

    assert at_truth.abs().max() > 1e-5  # one of the sharp truths is no optimum
    assert at_mean.abs().max() < 1e-15


@pytest.mark.parametrize("name", ["sobel", "laplacian", "multiscale"])
@pytest.mark.parametrize("weight", [0.1, 1.0, 1000.0])
def test_a_linear_term_cannot_move_the_optimum_at_any_weight(name: str, weight: float) -> None:
    targets, term = shifted_blobs(), LINEAR_IN_THE_SQUARE[name]

    def total(pred: Tensor, target: Tensor, mask_HW: Tensor) -> Tensor:
        return mse(pred, target, mask_HW) + weight * term(pred, target, mask_HW)

    slope = gradient_of_the_expected_loss(total, targets.mean(dim=0, keepdim=True), targets)

    assert slope.abs().max() < 1e-15 * max(1.0, weight)


@pytest.mark.parametrize("term", [l1, gradient_l1])
def test_the_mean_is_not_the_optimum_of_an_absolute_difference(term: LossTerm) -> None:
    targets = skewed_targets()

    slope = gradient_of_the_expected_loss(term, targets.mean(dim=0, keepdim=True), targets)

    assert slope.abs().max() > 1e-4
